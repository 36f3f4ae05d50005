"""Deliver results to a FHIR server that others wrote (@medplum/fhir-router), in each way, through faults, by two nodes.

To be run in a network of its own: python medplum_delivery.py NODE FOLDER
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import structlog

from ehr_course import LASTING, PASSING, Course
from faulty_proxy import FaultyProxy, answering
from fhir_servers import patient, serving, write_bundle
from giving import given
from made_up_result import make_result
from marrowcount.errors import MarrowcountError
from marrowcount.review import counted
from marrowcount_adapters.fhir_client import FhirDestination, Way
from node_peers import node_peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHOUT = {Way.TRANSACTION: "", Way.SINGLE: "transaction", Way.SEARCH: "transaction,conditional"}
CONFLICTS = (answering(404), answering(412, "conflict"), answering(429, Retry_After="90"))
KEPT = 2
"""Observations of a small result: Medplum takes no transaction with conditions on more than eight entries."""


@dataclass(frozen=True)
class Server:
    """A server, asked by a client of its own."""

    port: int
    client: httpx.Client

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def held(self, resource_type: str) -> list[dict[str, Any]]:
        found = self.client.get(f"{self.base_url}/{resource_type}", params={"_count": "1000"}).raise_for_status()
        return [entry["resource"] for entry in found.json().get("entry", [])]

    def counts(self) -> dict[str, int]:
        types = ("Specimen", "ImagingStudy", "Device", "Observation", "DiagnosticReport", "Provenance")
        return {each: len(self.held(each)) for each in types}

    def versions(self) -> dict[str, str]:
        found = [each for kind in ("Observation", "DiagnosticReport") for each in self.held(kind)]
        return {each["id"]: each["meta"]["versionId"] for each in found}

    def put(self, resource: dict[str, Any]) -> dict[str, Any]:
        kind, known = resource["resourceType"], resource.get("id")
        answer = self.client.request(
            "PUT" if known else "POST", f"{self.base_url}/{kind}{f'/{known}' if known else ''}", json=resource
        )
        made: dict[str, Any] = answer.raise_for_status().json()
        return made


@contextmanager
def server(node: str, folder: Path, without: str = "", *, patients: bool = False) -> Iterator[Server]:
    options = ["--without", without if patients else f"{without},search-patient"]
    with (
        node_peer(node, "fhir_server.mjs", *options, log=folder / "server.log") as announced,
        httpx.Client(trust_env=False) as client,
    ):
        yield Server(announced["port"], client)


def small(file: Path) -> Path:
    """The same with so few figures that it may go as a transaction there."""
    bundle = json.loads(file.read_text())
    figures = [each for each in bundle["entry"] if each["resource"]["resourceType"] == "Observation"]
    gone = {each["fullUrl"] for each in figures[KEPT:]}
    bundle["entry"] = [each for each in bundle["entry"] if each["fullUrl"] not in gone]
    for entry in bundle["entry"]:
        for name in ("result", "target"):
            there = entry["resource"].get(name, [])
            if there:
                entry["resource"][name] = [each for each in there if each["reference"] not in gone]
    file.write_text(json.dumps(bundle))
    return file


def attempt(deed: Callable[[], object]) -> str:
    try:
        deed()
    except MarrowcountError as error:
        return error.code
    return "delivered"


def life(node: str, folder: Path, way: Way) -> dict[str, Any]:
    """First delivery, repeat, new revision, a person's word."""
    cut = small if way is Way.TRANSACTION else Path
    result = make_result()
    first = cut(write_bundle(folder / "1.json", counted(result)))
    later = replace(result, counted_at=result.counted_at + timedelta(days=1))
    second = cut(write_bundle(folder / "2.json", counted(later)))
    with server(node, folder, WITHOUT[way]) as ehr:
        destination = FhirDestination("ehr", ehr.base_url)
        report: dict[str, Any] = {"check": destination.check()}
        given(destination, [first])
        report["first"], before = ehr.counts(), ehr.versions()
        report["identifiers"] = sorted(each["identifier"][0]["value"] for each in ehr.held("Observation"))
        report["wanted"] = sorted(_identifiers(first))
        given(destination, [first])
        report["repeat"] = ehr.counts()
        given(destination, [second])
        report["revision"], after = ehr.counts(), ehr.versions()
        report["same ids"] = before.keys() == after.keys()
        report["other versions"] = all(before[each] != after[each] for each in before)
        ehr.put({**ehr.held("DiagnosticReport")[0], "status": "final"})
        report["over a person"] = attempt(lambda: given(destination, [second]))
        report["status"] = ehr.held("DiagnosticReport")[0]["status"]
    return report


def _identifiers(file: Path) -> list[str]:
    resources = [each["resource"] for each in json.loads(file.read_text())["entry"]]
    return [each["identifier"][0]["value"] for each in resources if each["resourceType"] == "Observation"]


def two_nodes(node: str, folder: Path, way: Way) -> dict[str, int]:
    """The same result from two nodes at once, each trying again as often as it must."""
    file = write_bundle(folder / "1.json")
    with server(node, folder, WITHOUT[way]) as ehr, ThreadPoolExecutor(2) as nodes:

        def deliver(name: str) -> str:
            destination = FhirDestination(name, ehr.base_url)
            return next(said for _ in range(20) if (said := attempt(lambda: given(destination, [file]))) != "http-412")

        said = list(nodes.map(deliver, ("one", "two")))
        return {**ehr.counts(), "delivered": said.count("delivered")}


def patients(node: str, folder: Path) -> list[str]:
    """Missing, registered, then registered twice."""
    file, said = write_bundle(folder / "1.json"), []
    with server(node, folder, "transaction", patients=True) as ehr:
        destination = FhirDestination("ehr", ehr.base_url)
        said.append(attempt(lambda: given(destination, [file])))
        said.append(f"{sum(ehr.counts().values())} written")
        made = ehr.put(patient())
        said.append(attempt(lambda: given(destination, [file])))
        subject = ehr.held("DiagnosticReport")[0]["subject"]["reference"]
        said.append("points to it" if subject == f"Patient/{made['id']}" else subject)
        ehr.put(patient())
        said.append(attempt(lambda: given(destination, [file])))
    return said


def faults(node: str, folder: Path) -> dict[str, Any]:
    """Each fault at the third write of a result, then the same day made good: all there once."""
    with server(node, folder, "transaction") as ehr, ExitStack() as stack:
        proxy = FaultyProxy(ehr.port)
        chosen = [*(each for each in PASSING if each.passes), *CONFLICTS, LASTING[403], LASTING[422]]
        course = Course(folder, stack.enter_context(serving(proxy)), proxy)
        for number, fault in enumerate(chosen):
            course.owe(f"2.25.{number}", f"container {number}")
            proxy.plan(None, None, fault)
            course.run(2)
        states = [str(each) for each in course.states]
        for delivery in course.ledger.deliveries():
            course.ledger.revive_delivery(delivery.delivery_id, course.clock.now())
        course.run(2)
        return {"states": states, "finally": sorted(set(map(str, course.states))), "counts": ehr.counts()}


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    node, folder = sys.argv[1], Path(sys.argv[2])
    whole = write_bundle(folder / "whole.json")
    with server(node, folder) as ehr:
        refused = attempt(lambda: given(FhirDestination("ehr", ehr.base_url), [whole]))
        single = FhirDestination("ehr", ehr.base_url, ways=frozenset({Way.SINGLE}))
        refusals = [refused, sum(ehr.counts().values()), attempt(lambda: given(single, [whole]))]
    report = {
        "life": {way: life(node, folder, way) for way in Way},
        "two nodes": two_nodes(node, folder, Way.SINGLE),
        "patients": patients(node, folder),
        "faults": faults(node, folder),
        "whole transaction": refusals,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
