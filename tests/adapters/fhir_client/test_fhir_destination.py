"""Delivery to a FHIR server: what counts as delivered, what is tried again, what is refused for good."""

import json
import zlib
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from fhir_servers import Scripted, serving
from giving import given
from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError, PeerError
from marrowcount_adapters.fhir_client import FhirDestination
from marrowcount_adapters.fhir_client.stand_in import FhirServer, FhirStore

IDENTIFIER = {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:8c2b2e2e-6b0f-5d0c-9d52-0f9a3f1d3c11"}


def bundle(method: str = "PUT", status: str = "preliminary") -> dict[str, object]:
    condition = "identifier=urn:ietf:rfc:3986%7C" + IDENTIFIER["value"]
    request = {"method": method, "url": f"Observation?{condition}" if method == "PUT" else "Observation"}
    if method == "POST":
        request["ifNoneExist"] = condition
    resource = {"resourceType": "Observation", "status": status, "identifier": [IDENTIFIER]}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": IDENTIFIER["value"], "resource": resource, "request": request}],
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fhir.json"
    path.write_text(json.dumps(bundle()))
    return path


@pytest.fixture
def store() -> FhirStore:
    return FhirStore()


@pytest.fixture
def base_url(store: FhirStore) -> Iterator[str]:
    with serving(FhirServer(store)) as url:
        yield url


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (Scripted,), {"answer": request.param})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        yield url


def test_a_bundle_is_delivered(base_url: str, store: FhirStore, file: Path) -> None:
    """A transaction that the server carries out is delivered, and the resource is there."""
    given(FhirDestination("ehr", base_url), [file])
    assert [r["status"] for r in store.search("Observation", {})] == ["preliminary"]


def test_a_repeat_makes_no_second_resource(base_url: str, store: FhirStore, file: Path) -> None:
    """Delivering twice, as after a lost answer, leaves one resource with a second version."""
    destination = FhirDestination("ehr", base_url)
    given(destination, [file])
    given(destination, [file])
    assert [r["meta"]["versionId"] for r in store.search("Observation", {})] == ["2"]


def test_a_conditional_create_is_done_once(base_url: str, store: FhirStore, file: Path) -> None:
    """A conditional create that matches changes nothing."""
    file.write_text(json.dumps(bundle("POST")))
    destination = FhirDestination("ehr", base_url)
    given(destination, [file])
    given(destination, [file])
    assert [r["meta"]["versionId"] for r in store.search("Observation", {})] == ["1"]


@pytest.mark.parametrize("subject", [{"display": "not identified"}, {"identifier": {"value": "4711"}}])
def test_a_result_without_a_patient_is_held(
    base_url: str, store: FhirStore, file: Path, subject: dict[str, object]
) -> None:
    """A bundle whose subject names no identifier system is not sent: it might file under the wrong patient."""
    unidentified = bundle()
    unidentified["entry"][0]["resource"]["subject"] = subject  # type: ignore[index]
    file.write_text(json.dumps(unidentified))
    with pytest.raises(DeliveryHeldError) as caught:
        given(FhirDestination("ehr", base_url), [file])
    assert caught.value.code == "unidentified-patient"
    assert store.bundles == 0


def test_the_server_is_asked_for_its_version(base_url: str) -> None:
    """The check reads the capability statement."""
    assert FhirDestination("ehr", base_url).check() == "FHIR 4.0.1"


def test_nobody_there_is_tried_again(file: Path) -> None:
    """A server that does not answer is a passing failure."""
    with pytest.raises(PeerError) as caught:
        given(FhirDestination("ehr", "http://127.0.0.1:9/fhir"), [file])
    assert caught.value.retryable


def outcome(code: str) -> bytes:
    issue = {"severity": "error", "code": code, "diagnostics": "DOE^JANE", "expression": ["Bundle.entry[0]"]}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


@pytest.mark.parametrize(
    "answering", [(503, b""), (429, b"x"), (401, b""), (409, outcome("lock-error")), (200, b"{}")], indirect=True
)
def test_passing_failures_may_be_tried_again(answering: str, file: Path) -> None:
    """Overload, an expired token, a lock and an answer cut short may pass."""
    with pytest.raises(PeerError) as caught:
        given(FhirDestination("ehr", answering), [file])
    assert caught.value.retryable


FAILED_INSIDE = json.dumps(
    {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": {"status": "422"}}]}
).encode()


@pytest.mark.parametrize(
    "answering", [(400, outcome("invalid")), (422, b""), (403, b""), (302, b""), (200, FAILED_INSIDE)], indirect=True
)
def test_lasting_refusals_are_final(answering: str, file: Path) -> None:
    """A refusal for good, also one hidden inside a success, is not tried again."""
    with pytest.raises(DeliveryRefusedError):
        given(FhirDestination("ehr", answering), [file])


@pytest.mark.parametrize("answering", [(400, outcome("invalid"))], indirect=True)
def test_no_patient_data_in_the_error(answering: str, file: Path) -> None:
    """The server's texts, which may quote the patient, stay out of the error; code and place are in it."""
    with pytest.raises(DeliveryRefusedError, match=r"Bundle\.entry") as caught:
        given(FhirDestination("ehr", answering), [file])
    assert "DOE" not in str(caught.value)


def test_the_token_is_sent_and_read_anew(base_url: str, file: Path, tmp_path: Path) -> None:
    """A missing token file is a passing failure, since someone renews it."""
    with pytest.raises(PeerError) as caught:
        given(FhirDestination("ehr", base_url, token_file=tmp_path / "none"), [file])
    assert caught.value.code == "no-token"


def test_a_token_that_is_none_is_not_told(base_url: str, file: Path, tmp_path: Path) -> None:
    """A file of two lines cannot be sent; no complaint quotes it."""
    tokens = tmp_path / "tokens"
    tokens.write_text("SECRET-1\nSECRET-2\n")
    with pytest.raises(PeerError) as caught:
        given(FhirDestination("ehr", base_url, token_file=tokens), [file])
    assert caught.value.code == "no-token"
    assert "SECRET" not in str(caught.value)


def entries(*entry: object) -> bytes:
    return json.dumps({"resourceType": "Bundle", "entry": list(entry)}).encode()


ODD = {
    "nested": b"[" * 3000,
    "long number": b'{"entry":' + b"9" * 5000 + b"}",
    "no response": entries({}),
    "response of another type": entries({"response": ["201"]}),
    "entry of another type": entries(7, None),
    "packed": zlib.compress(entries({"response": {"status": "201"}})),
    "issues of other types": json.dumps({"issue": [{"code": ["a"]}, {"code": {"b": 1}}, 7, None]}).encode(),
}


@pytest.mark.parametrize("answering", [(status, body) for body in ODD.values() for status in (200, 422)], indirect=True)
def test_nonsense_is_a_failure_of_the_server(answering: str, file: Path) -> None:
    """Whatever JSON, or none, comes back: it is told as the peer's failure, in its own terms."""
    with pytest.raises(PeerError):
        given(FhirDestination("ehr", answering), [file])


@pytest.mark.parametrize("location", ["http:abc", "a:b", "http:@", "//h:1x"])
def test_a_location_that_is_no_address_is_a_failure_of_the_server(location: str, file: Path) -> None:
    """Found by fuzzing: the HTTP client has an error of its own for it."""

    handler = type("Handler", (Scripted,), {"answer": (302, b""), "headers_too": (("Location", location),)})
    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url,
        pytest.raises(PeerError, match="no-answer"),
    ):
        given(FhirDestination("ehr", url), [file])
