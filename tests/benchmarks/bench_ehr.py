"""A thousand results to an EHR, beside a bare httpx loop that posts the same files (`make bench-ehr N=1000`).

The same server answers all, in a process of its own (``ehr_server.py``); each way of sending runs in its own as well,
so that its memory can be told. The node asks before it writes, whose result it is and whether a person's stands there
already; the second bare loop therefore makes as many requests as the node does, with no thought to the answers.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.table import Table

from fhir_sites import SITE
from made_up_result import CONTEXT, make_result
from marrowcount.review import counted
from marrowcount_adapters.fhir import encode_bundle
from marrowcount_adapters.fhir_client import FhirDestination

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BAR = 0.7
PDF = b"%PDF-1.4\n" + b"0123456789" * 20_000
HEADERS = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json", "Accept-Encoding": "identity"}


def write_results(folder: Path, number: int) -> None:
    """Bundles of slides of their own, of one patient, with a page of 200 kB."""
    result = make_result()
    for each in range(number):
        context = replace(CONTEXT, study_uid=f"2.25.{each}7", series_uid=f"2.25.{each}8")
        bundle = encode_bundle(counted(replace(result, context=context)), SITE, PDF)
        (folder / f"{each:05}.json").write_text(bundle, encoding="utf-8")


def by_the_node(base_url: str, files: Sequence[Path]) -> None:
    """As the sender does it: one delivery after the other."""
    ehr = FhirDestination("ehr", base_url)
    for file in files:
        ehr.send([file], lambda _path, _taken: None)


def bare(base_url: str, files: Sequence[Path]) -> None:
    """No thought to anything but success."""
    with httpx.Client(headers=HEADERS, trust_env=False) as client:
        for file in files:
            client.post(base_url, content=file.read_bytes()).raise_for_status()


def bare_with_as_many_requests(base_url: str, files: Sequence[Path]) -> None:
    """The same, with the node's number of questions before."""
    questions = _questions(base_url, files[0])
    with httpx.Client(headers=HEADERS, trust_env=False) as client:
        for file in files:
            for _ in range(questions):
                client.get(f"{base_url}/Observation?identifier=urn:oid:1.2.3%7C4").raise_for_status()
            client.post(base_url, content=file.read_bytes()).raise_for_status()


def _questions(base_url: str, file: Path) -> int:
    """How many requests the node makes before it writes, its first look at the server left out."""
    seen: list[str] = []
    original = httpx.Client.send

    def send(client: httpx.Client, request: httpx.Request, **options: object) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        return original(client, request, **options)  # type: ignore[arg-type]

    httpx.Client.send = send  # type: ignore[method-assign, assignment]
    try:
        FhirDestination("ehr", base_url).send([file], lambda _path, _taken: None)
    finally:
        httpx.Client.send = original  # type: ignore[method-assign]
    return sum(not each.endswith("/metadata") for each in seen) - 1


WAYS: dict[str, Callable[[str, Sequence[Path]], None]] = {
    "node": by_the_node,
    "bare": bare,
    "bare, as many requests": bare_with_as_many_requests,
}


def timed(way: str, base_url: str, folder: Path) -> dict[str, float]:
    """In a process of its own: seconds, and by how many MB its memory grew over what it began with."""
    command = [sys.executable, __file__, "--way", way, "--base-url", base_url, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def run_way(way: str, base_url: str, folder: Path) -> None:
    files = sorted(folder.glob("*.json"))
    WAYS[way](base_url, files[:3])
    before, began = _peak_mb(), time.perf_counter()
    WAYS[way](base_url, files)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "mb": _peak_mb() - before, "peak": _peak_mb()}))  # noqa: T201


def _peak_mb() -> float:
    """Of this program: getrusage(2) would tell of the one that started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--base-url")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.way:
        run_way(asked.way, asked.base_url, asked.folder)
        return
    server = [sys.executable, str(Path(__file__).with_name("ehr_server.py"))]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        base_url = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/fhir"
        try:
            write_results(Path(folder), asked.results)
            compare(base_url, Path(folder), asked.results, asked.rounds)
        finally:
            process.terminate()


def compare(base_url: str, folder: Path, results: int, rounds: int) -> None:
    """The ways take turns; the fastest round of each counts, since others use the machine as well."""
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            measured[way].append(timed(way, base_url, folder))
    best = {way: min(rows, key=lambda row: row["seconds"]) for way, rows in measured.items()}
    questions = _questions(base_url, next(folder.glob("*.json")))
    table = Table("way", "results a second", "the node's rate beside it", "memory grew, MB", "peak, MB")
    rate = {way: results / row["seconds"] for way, row in best.items()}
    for way, row in best.items():
        share = f"{rate['node'] / rate[way]:.2f} x"
        table.add_row(way, f"{rate[way]:.1f}", share, f"{row['mb']:.1f}", f"{row['peak']:.0f}")
    console = Console()
    console.print(table)
    console.print(f"{questions} questions before each write; bar {BAR} x the bare loop")


if __name__ == "__main__":
    main()
