"""SMART Backend Services with a real authorization server, and the node's own web server, from which it fetches keys.

To be run in a network of its own: python smart_authorization.py NODE FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from marrowcount.errors import MarrowcountError
from marrowcount.main import key_routes
from marrowcount.main.parts import open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import KeysSection, NodeSection, Settings, WebSection
from marrowcount.testing import HeldClock
from marrowcount_adapters.fhir_client import FhirDestination
from marrowcount_adapters.smart_backend import Algorithm, Asking, KeyFolder, SmartAuth, SmartClient, TokenCache
from node_peers import node_peer

SCOPES = ("system/Patient.rs", "system/Observation.crus")
DAY = timedelta(days=1)
OVERLAP_H = 24.0


@dataclass
class Time:
    """The node's clocks, and the EHR's when the two move together."""

    ehr: str
    clock: HeldClock = field(default_factory=lambda: HeldClock(datetime.now(UTC)))
    monotonic_s: float = 0.0

    def passes(self, seconds: float, *, node_knows: bool = True) -> None:
        """For both; the node's cache of tokens may not notice."""
        httpx.post(f"{self.ehr}/clock?advance_s={seconds}").raise_for_status()
        self.clock.advance(seconds)
        self.monotonic_s += seconds * node_knows


@dataclass
class Ehr:
    """As the node sees it."""

    announced: dict[str, str]
    time: Time

    def auth(self, keys: KeyFolder, client_id: str, scopes: Sequence[str] = SCOPES, *only: Algorithm) -> SmartAuth:
        algorithms = only or tuple(Algorithm)
        client = SmartClient("ehr", self.announced["fhir_base"], client_id, tuple(scopes), algorithms=algorithms)
        return SmartAuth(client, keys, TokenCache(lambda: self.time.monotonic_s), self.time.clock, Asking())

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = httpx.get(f"{self.announced['issuer']}/counts").json()
        return found

    def delivery(self, auth: SmartAuth) -> str:
        """What the check of a destination says."""
        return FhirDestination("ehr", self.announced["fhir_base"], auth=auth).check()


def main() -> None:
    node, folder = sys.argv[1], Path(sys.argv[2])
    pasted = KeyFolder(folder / "pasted", DAY)
    now = datetime.now(UTC)
    for algorithm in Algorithm:
        pasted.make(algorithm, now)
    pasted.note_published(now)
    with serving_node(folder) as (served, jwks_uri):
        clients = [
            {"client_id": "pasted", "jwks": pasted.public_keys(now)},
            {"client_id": "fetched", "jwks_uri": jwks_uri},
        ]
        (folder / "clients.json").write_text(json.dumps(clients))
        arguments = ("--clients", str(folder / "clients.json"), "--scopes", " ".join(SCOPES))
        with node_peer(node, "authorization_server.mjs", *arguments, log=folder / "ehr.log") as announced:
            ehr = Ehr(announced, Time(announced["issuer"]))
            report = {
                "algorithms": algorithms(ehr, pasted),
                "expired": expired(ehr, pasted),
                "narrowed": failure(lambda: ehr.delivery(ehr.auth(pasted, "pasted", [*SCOPES, "system/Device.c"]))),
                "unknown": unknown(ehr, pasted, folder),
                "rotation": rotation(ehr, served),
            }
    sys.stdout.write(json.dumps(report) + "\n")


@contextmanager
def serving_node(folder: Path) -> Iterator[tuple[KeyFolder, str]]:
    """The node's web server, which publishes keys soon after they were made; its keys and the URL of the set."""
    key_routes.LOOK_EVERY_S = 0.2  # type: ignore[misc] # half a minute is long for a test
    settings = Settings(
        node=NodeSection(data_folder=folder / "node"),
        web=WebSection(enabled=True, port=0),
        keys=KeysSection(published="web", overlap_h=OVERLAP_H),
    )
    with open_parts(settings) as parts, web_service(parts) as service:
        yield KeyFolder(settings.keys_folder, DAY), f"http://127.0.0.1:{service['web_port']}{key_routes.KEYS_PATH}"


def algorithms(ehr: Ehr, keys: KeyFolder) -> list[list[str]]:
    """A token by each, and what it opens."""
    auths = [ehr.auth(keys, "pasted", SCOPES, algorithm) for algorithm in Algorithm]
    return [[auth.check().algorithm, ehr.delivery(auth)] for auth in auths]


def expired(ehr: Ehr, keys: KeyFolder) -> list[object]:
    """Tokens asked for: at first, for a second request, after the time to renew, and when the EHR's clock ran on."""
    auth, before, found = ehr.auth(keys, "pasted"), ehr.counts()["tokens"], []
    for seconds, node_knows in ((0, True), (0, True), (271, True), (301, False)):
        ehr.time.passes(seconds, node_knows=node_knows)
        found.append([ehr.delivery(auth), ehr.counts()["tokens"] - before])
    return found


def unknown(ehr: Ehr, keys: KeyFolder, folder: Path) -> list[object]:
    """A client that is not registered, and a key that is not."""
    strange = KeyFolder(folder / "strange", DAY)
    strange.make(Algorithm.ES384, ehr.time.clock.now())
    strange.note_published(ehr.time.clock.now())
    return [failure(ehr.auth(keys, "nobody").check), failure(ehr.auth(strange, "pasted").check)]


def rotation(ehr: Ehr, keys: KeyFolder) -> dict[str, object]:
    """From one key to the next: who signs, and whether the EHR believes it, at each step."""
    auth, time_ = ehr.auth(keys, "fetched"), ehr.time
    old = published(keys, lambda: keys.make(Algorithm.ES384, datetime.now(UTC)).key_id)
    first = auth.check().key_id == old
    new = published(keys, lambda: keys.make(Algorithm.ES384, datetime.now(UTC)).key_id)
    meanwhile = auth.check().key_id == old
    copy = (keys.folder / f"{old}.pem").read_bytes()
    fetched = ehr.counts()["keySets"]
    time_.passes(OVERLAP_H * 3600 + 60)
    after = auth.check().key_id == new
    refetched = ehr.counts()["keySets"] - fetched
    keys.use(new, datetime.now(UTC))
    keys.remove(old, datetime.now(UTC))
    third = published(keys, lambda: keys.make(Algorithm.ES384, datetime.now(UTC)).key_id)
    time_.passes(OVERLAP_H * 3600 + 60)
    return {
        "first": first,
        "meanwhile": meanwhile,
        "after": after,
        "refetched": refetched,
        "third": auth.check().key_id == third,
        "revoked": failure(ehr.auth(restored(keys, old, copy), "fetched").check),
    }


def published(keys: KeyFolder, make: Callable[[], str]) -> str:
    """Make a key, and wait until the node has published it."""
    made, deadline = make(), time.monotonic() + 30
    while next(each for each in keys.records() if each.key_id == made).published_at is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
    return made


def restored(keys: KeyFolder, key_id: str, pem: bytes) -> KeyFolder:
    """What a thief of the old key would have."""
    stolen = KeyFolder(keys.folder.parent / "stolen", DAY)
    now = datetime.now(UTC)
    made = stolen.make(Algorithm.ES384, now).key_id
    listed = (stolen.folder / "keys.json").read_text().replace(made, key_id)
    (stolen.folder / "keys.json").write_text(listed)
    (stolen.folder / f"{made}.pem").rename(stolen.folder / f"{key_id}.pem")
    (stolen.folder / f"{key_id}.pem").write_bytes(pem)
    stolen.note_published(now)
    return stolen


def failure(deed: Callable[[], object]) -> str:
    try:
        return f"went well: {deed()}"
    except MarrowcountError as error:
        return str(error)


if __name__ == "__main__":
    main()
