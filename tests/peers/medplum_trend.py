"""Three slides of a patient in a FHIR server behind an authorization server, both of others; read by a third.

To be run in a network of its own: python medplum_trend.py NODE FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from fhir_servers import SYSTEM, patient, write_bundle
from giving import given
from made_up_result import CONTEXT, TYPICAL_COUNTS, make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import MarrowcountError
from marrowcount.main.destinations import ehr_destination
from marrowcount.review import Practitioner, Report, amended, counted, verified, withdrawn
from marrowcount.settings import EhrSection, NodeSection, Settings
from marrowcount.settings.destinations import SMART_SCOPES
from marrowcount.workflow.identity import published_ratio
from marrowcount_adapters.smart_backend import Algorithm, KeyFolder
from node_peers import node_peer
from trend_client import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import Destination

AUDIENCE = "https://ehr.example.org/fhir"
SHE = Practitioner("4711", "urn:oid:1.2.3", "Curie", "Marie")
THEN = datetime(2026, 10, 2, 12, tzinfo=UTC)
BLASTS = (27, 120, 55)
DAY = timedelta(days=1)


def slides() -> list[Report]:
    """Of one patient, a month apart; the blasts rise and fall."""
    acquired = CONTEXT.acquired
    assert acquired is not None
    made = []
    for number, blasts in enumerate(BLASTS):
        context = replace(
            CONTEXT, study_uid=f"2.25.{number}1", series_uid=f"2.25.{number}2", acquired=acquired + 30 * number * DAY
        )
        specimen = replace(CONTEXT.specimen, container_identifier=f"B26-{number}")
        result = make_result({**TYPICAL_COUNTS, CellType.BLAST: blasts})
        made.append(counted(replace(result, context=replace(context, specimen=specimen))))
    return made


def expected(reports: Sequence[Report]) -> list[str]:
    """Percent of blasts as the core published them."""
    differentials = [report.differential for report in reports]
    return [str(each.share(CellType.BLAST).percent) for each in differentials if each is not None]


def drawn(reader: Reader, loinc: str, unit: str) -> list[list[str]]:
    return [[str(each.value), each.status] for each in reader.trend(SYSTEM, CONTEXT.patient_id, loinc, unit)]


def blasts(reader: Reader) -> list[list[str]]:
    return drawn(reader, "11150-0", "%")


KINDS = ("Observation", "DiagnosticReport", "Specimen", "ImagingStudy", "Device")


def versions(base_url: str, token: str) -> dict[str, str]:
    """What is there, with its version; but for provenances, of which each version has its own."""
    headers, there = {"Authorization": f"Bearer {token}"}, {}
    for kind in KINDS:
        found = httpx.get(f"{base_url}/{kind}", params={"_count": "1000"}, headers=headers, trust_env=False).json()
        there |= {f"{kind}/{e['resource']['id']}": e["resource"]["meta"]["versionId"] for e in found["entry"]}
    return there


def token_of(key: ec.EllipticCurvePrivateKey, token_url: str) -> str:
    """The reader's own, by its own key."""
    now = int(time.time())
    claims = {"iss": "reader", "sub": "reader", "aud": token_url, "exp": now + 200, "jti": str(uuid.uuid4())}
    form = {
        "grant_type": "client_credentials",
        "scope": " ".join(SMART_SCOPES),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, key, algorithm="ES384", headers={"kid": "reader"}),
    }
    answer = httpx.post(token_url, data=form, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    node, folder = sys.argv[1], Path(sys.argv[2])
    settings = Settings(node=NodeSection(data_folder=folder / "node"))
    keys, now = KeyFolder(settings.keys_folder, DAY), datetime.now(UTC)
    keys.make(Algorithm.ES384, now)
    keys.note_published(now)
    own = ec.generate_private_key(ec.SECP384R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(own.public_key())) | {"kid": "reader", "alg": "ES384"}
    clients = [
        {"client_id": "marrowcount", "jwks": keys.public_keys(now)},
        {"client_id": "reader", "jwks": {"keys": [public]}},
    ]
    (folder / "clients.json").write_text(json.dumps(clients))
    section = EhrSection(name="ehr", base_url="http://127.0.0.1:1/fhir", smart_client_id="marrowcount")
    scopes = " ".join(section.smart_scopes)
    arguments = ("--clients", str(folder / "clients.json"), "--scopes", scopes, "--audience", AUDIENCE)
    with node_peer(node, "authorization_server.mjs", *arguments, log=folder / "auth.log") as granting:
        guard = {"FHIR_JWKS_URL": granting["jwks_url"], "FHIR_ISSUER": granting["issuer"], "FHIR_AUDIENCE": AUDIENCE}
        os.environ.update(guard)
        with node_peer(node, "fhir_server.mjs", "--without", "transaction", log=folder / "fhir.log") as serving:
            base_url = f"http://127.0.0.1:{serving['port']}/fhir"
            token_url = granting["token_url"]
            told = section.model_copy(update={"base_url": base_url, "smart_token_url": token_url, "writes": "single"})
            report = story(ehr_destination(told, settings), base_url, token_of(own, token_url), folder)
            report["without a token"] = refused(ehr_destination(plain(base_url), settings), folder)
    sys.stdout.write(json.dumps(report) + "\n")


def plain(base_url: str) -> EhrSection:
    return EhrSection(name="ehr", base_url=base_url)


def refused(destination: Destination, folder: Path) -> str:
    try:
        given(destination, [folder / "0.json"])
    except MarrowcountError as error:
        return error.code
    return "delivered"


def story(destination: Destination, base_url: str, token: str, folder: Path) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    other = patient()
    other["identifier"][0]["value"] = "SOMEBODY-ELSE"
    for person in (patient(), other):
        httpx.post(f"{base_url}/Patient", json=person, headers=headers, trust_env=False).raise_for_status()
    reader, reports = Reader(base_url, token), slides()

    def deliver(number: int, report: Report) -> None:
        given(destination, [write_bundle(folder / f"{number}.json", report)])

    for number, report in enumerate(reports):
        deliver(number, report)
    deliver(9, anothers(reports[0]))
    said: dict[str, Any] = {"expected": expected(reports), "first": blasts(reader)}
    before = versions(base_url, token)
    deliver(0, reports[0])
    said["repeat"] = [versions(base_url, token).keys() == before.keys(), blasts(reader) == said["first"]]
    final = verified(reports[1], SHE, THEN)
    corrected = amended(final, SHE, THEN + DAY, {CellType.BLAST: 130})
    for name, report in (("final", final), ("corrected", corrected)):
        before = versions(base_url, token)
        deliver(1, report)
        after = versions(base_url, token)
        raised = sum(before[each] != after[each] for each in before.keys() & after.keys())
        said[name] = [expected([report])[0], blasts(reader)[1], before.keys() == after.keys(), raised]
    now = [reports[0], corrected, reports[2]]
    said["ratios"] = [value for value, _ in drawn(reader, "11138-5", "{ratio}")]
    said["totals"] = [value for value, _ in drawn(reader, "38257-2", "{cells}")]
    differentials = [each.differential for each in now if each.differential is not None]
    said["expected ratios"] = [str(published_ratio(each.me_ratio)) for each in differentials]
    said["expected totals"] = [str(each.total) for each in differentials]
    deliver(2, withdrawn(reports[2], SHE, THEN, "another patient's slide"))
    said["after a withdrawal"] = [len(blasts(reader)), len(drawn(reader, "38257-2", "{cells}"))]
    return said


def anothers(report: Report) -> Report:
    """The slide of another patient, as full of blasts as none of the others."""
    context = replace(report.context, patient_id="SOMEBODY-ELSE", study_uid="2.25.91", series_uid="2.25.92")
    specimen = replace(context.specimen, container_identifier="B26-9")
    result = make_result({**TYPICAL_COUNTS, CellType.BLAST: 600})
    return counted(replace(result, context=replace(context, specimen=specimen)))


if __name__ == "__main__":
    main()
