"""The OpenAPI description is that of the service: no route without it, no promise that is not kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from marrowcount_adapters.dicomweb import described
from slide_files import slide_file
from web_nodes import WebNode, multipart, web_node

COMMITTED = Path(__file__).parents[3] / "conformance" / "dicomweb" / "openapi.json"
DESCRIPTION: Any = described("http://127.0.0.1:8104/dicom-web")


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_the_committed_description_is_current() -> None:
    """``python conformance/openapi.py`` writes it."""
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == DESCRIPTION


def test_every_route_is_described_and_every_description_has_a_route(node: WebNode) -> None:
    """Paths and methods alike."""
    (mount,) = node.app._app.routes  # type: ignore[attr-defined] # Starlette's
    routes = {
        (re.sub(r":\w+}", "}", route.path), method)
        for route in mount.app.routes
        if isinstance(route, Route) and route.path != "/openapi.json"
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes == {(path, method) for path, method, _ in operations()}


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_the_service_serves_it(node: WebNode) -> None:
    """With its own URL."""
    served = node.get("/openapi.json").json()
    assert served["servers"] == [{"url": "http://localhost/dicom-web"}]
    assert served["paths"] == DESCRIPTION["paths"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> WebNode:
    folder = tmp_path_factory.mktemp("filled")
    node = web_node(folder / "node")
    node.hold(slide_file(folder / "a.dcm", "1.2.3.4"))
    return node


VALUES = {
    "study": st.sampled_from(["1.2", "9", "x", "1" * 65]),
    "series": st.sampled_from(["1.2.3", "9", "x"]),
    "instance": st.sampled_from(["1.2.3.4", "9", "%00"]),
    "frames": st.sampled_from(["1", "1,2", "9", "0", "a", "1,"]),
    "path": st.sampled_from(["7FE00010", "00100010", "0020", "00081140/1/00080018"]),
    "limit": st.one_of(st.integers(-1, 10).map(str), st.text(max_size=5)),
    "offset": st.one_of(st.integers(-1, 10).map(str), st.text(max_size=5)),
    "includefield": st.sampled_from(["all", "00100010", "PatientName,Rows", "Nothing", ""]),
    "fuzzymatching": st.sampled_from(["true", "false", "maybe"]),
    "PatientID": st.text(max_size=12),
    "viewport": st.sampled_from(["10,10", "0,1", "a"]),
    "quality": st.sampled_from(["1", "100", "101", "x", "1" * 5000]),
}
ACCEPTS = st.sampled_from(
    ["*/*", "", "application/dicom+json", 'multipart/related; type="image/jpeg"', "image/png", "a", "text/html;q=0.1"]
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operation=st.sampled_from(list(operations())), accept=ACCEPTS, data=st.data())
def test_every_answer_is_one_of_those_described(
    filled: WebNode,
    operation: Any,  # noqa: ANN401 - JSON
    accept: str,
    data: st.DataObject,
) -> None:
    """Whatever is asked: its status, and for a success its media type, stand in the description."""
    path, method, described_as = operation
    query = {}
    for parameter in described_as["parameters"]:
        value = data.draw(VALUES[parameter["name"]], label=parameter["name"])
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif data.draw(st.booleans(), label=f"with {parameter['name']}"):
            query[parameter["name"]] = value
    headers = {"Accept": accept} if accept else {}
    options: dict[str, Any] = {"params": query, "headers": headers}
    if method == "POST":
        given_headers, options["content"] = multipart(data.draw(st.binary(max_size=50), label="part"))
        headers.update(given_headers)
    answer = filled.ask(method, path, **options)
    assert str(answer.status_code) in described_as["responses"], answer.text
    assert answer.status_code not in {401, 403, 500}
    content = described_as["responses"][str(answer.status_code)].get("content", {})
    if answer.content:
        kinds = {kind.partition(";")[0] for kind in content} | {"application/json"}
        assert answer.headers["content-type"].partition(";")[0] in kinds
