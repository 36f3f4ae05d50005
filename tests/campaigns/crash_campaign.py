"""Kill a node again and again while slides arrive and results leave, then prove that nothing was lost.

    python crash_campaign.py --kills 200 [--seed 1] [--folder FOLDER] [--scanners 3]

The node is the real one (``marrowcount serve``): listener, ledger, worker, encoders, senders. Small slides come by
C-STORE over several associations, in random order, in part and again; results go to a stand-in PACS with storage
commitment and to a stand-in FHIR server, which are not killed. One thing is not real: the networks know nothing
(``tiny_models``), for what they say does not matter here and costs minutes. And to save the time of imports, nine
nodes in ten are forked from a process that has imported everything (``crash_warm``); the tenth starts in the usual way.

A kill is SIGKILL to the node's process alone, to its worker alone, or to both at once, at a moment that is drawn:
while it starts, while something is being received, counted or delivered, when it was
just counted, or any other. A kill leaves to the machine
what was written and not synced, so this does not prove what happens when the power fails; syncing is tested by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TextIO

from crash_node import MortalNode, awaited, settings_text
from crash_proof import Proof, lost_instances
from crash_senders import Scanners
from crash_warm import warm_up
from marrowcount.main.processes import free_port, module_process
from marrowcount_adapters.dimse import Peer
from tiny_models import write_tiny_models

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Campaign", "Report", "campaign"]

MOMENTS = ("starting", "any", "receiving", "counting", "counted", "delivering")
TARGETS = ("group", "group", "node", "node", "worker")
"""A worker that died waits longer and longer for the next one, so that it is killed more seldom."""

PATIENCE_S = 12.0
"""For the moment that was drawn to come; without it the node is killed all the same."""
COLD = 0.1
"""Share of starts that are not forked from a warm process."""
SETTLING_S = 240.0
"""For everything to be counted and delivered once nothing is killed any more."""
LOOSE_ENDS = (
    "SELECT 'slide', series_uid, state FROM slides WHERE state <> 'counted' UNION ALL "
    "SELECT 'delivery', destination, state FROM deliveries WHERE state IN ('waiting', 'sending') "
    "OR (state = 'delivered' AND commitment_uid <> '')"
)


@dataclass
class Report:
    """What was done and what was found."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    cold: int = 0
    """Starts in the usual way, the others being forked from a process that is warm."""
    in_vain: int = 0
    """Kills whose moment did not come in time."""
    acknowledged: int = 0
    slides: int = 0
    revisions: int = 0
    sendings: int = 0
    repeated: int = 0
    job_attempts: int = 0
    delivery_attempts: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def told(self) -> str:
        """For people."""
        kills = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items()))
        return (
            f"seed {self.seed}: {self.kills.total()} kills in {self.seconds:.0f} s ({kills}; {self.in_vain} of them "
            f"not at the moment drawn), {self.cold} cold starts\n"
            f"{self.sendings} sendings ({self.repeated} repeated), {self.acknowledged} "
            f"instances acknowledged, {self.slides} slides in {self.revisions} revisions, {self.job_attempts} attempts "
            f"at counting, {self.delivery_attempts} at delivering\n"
            + ("\n".join(f"FAULT {fault}" for fault in self.faults) or "no fault")
        )


@dataclass
class Campaign:
    """A node, its peers and those who send to it."""

    node: MortalNode
    scanners: Scanners
    random: Random
    report: Report
    out: TextIO
    kills_wanted: int = 0

    def kill(self, times: int) -> None:
        """Kill and start again so many times, looking after each whether anything acknowledged was lost."""
        self.kills_wanted = times
        began, checked = time.monotonic(), set[str]()
        for number in range(1, times + 1):
            target, moment = self.random.choice(TARGETS), self.random.choice(MOMENTS)
            self._kill_once(target, moment)
            acknowledged = self.scanners.acknowledged()
            new = {uid: path for uid, path in acknowledged.items() if uid not in checked}
            self.report.faults += lost_instances(self.node, new) if new else []
            checked |= set(new)
            self._say(f"{number:>4}/{times} {target:<6} {moment:<10} {self._tally()} {time.monotonic() - began:6.0f} s")

    def _kill_once(self, target: str, moment: str) -> None:
        if not self.node.running:
            cold = self.random.random() < COLD
            self.report.cold += cold
            self.node.spawn(warm=not cold)
            if moment == "starting" and target != "worker":
                time.sleep(self.random.uniform(0.0, 2.0))
                return self._done(target, moment)
            self.node.await_ready()
        if target == "worker" and not awaited(lambda: bool(self.node.workers()), PATIENCE_S):
            target = "group"
        came = self._come(moment)
        self.report.in_vain += not came
        return self._done(target, moment)

    def _done(self, target: str, moment: str) -> None:
        self.report.kills[f"{target} {moment}"] += 1
        {"group": self.node.kill_group, "node": self.node.kill_node, "worker": self.node.kill_worker}[target]()

    def _come(self, moment: str) -> bool:
        """Wait for a moment and a little longer; False where it did not come."""
        uniform = self.random.uniform
        if moment == "receiving":
            self.scanners.taken.clear()
            came, later = self.scanners.taken.wait(PATIENCE_S), uniform(0, 0.2)
        elif moment == "counting":
            came, later = self._comes("SELECT 1 FROM slides WHERE state = 'counting'"), uniform(0, 1.0)
        elif moment == "counted":
            results = self._results()
            came, later = awaited(lambda: self._results() > results, PATIENCE_S), uniform(0, 0.3)
        elif moment == "delivering":
            came, later = self._comes("SELECT 1 FROM deliveries WHERE state = 'sending'"), uniform(0, 0.2)
        else:
            came, later = True, uniform(0, 2.0)
        time.sleep(later)
        return came

    def _comes(self, question: str) -> bool:
        return awaited(lambda: bool(self.node.asked(question)), PATIENCE_S)

    def _results(self) -> int:
        found = self.node.asked("SELECT count(*) FROM results")
        return int(str(found[0][0])) if found else 0

    def _tally(self) -> str:
        counted = self.node.asked("SELECT count(*) FROM slides WHERE state = 'counted'")
        there = self.node.asked("SELECT count(*) FROM deliveries WHERE state IN ('delivered', 'committed')")
        self.scanners.counted = int(str(counted[0][0])) if counted else 0
        delivered = there[0][0] if there else 0
        acknowledged = len(self.scanners.acknowledged())
        return f"{acknowledged:>5} acknowledged {self.scanners.counted:>4} counted {delivered:>4} delivered"

    def settle(self) -> None:
        """Let the node do all that is left, and end it."""
        if not self.node.running:
            self.node.spawn(warm=True)
            self.node.await_ready()
        self.report.faults += lost_instances(self.node, self.scanners.acknowledged())
        self.scanners.send_the_rest()
        self._say("nothing is killed any more; waiting for all results to be delivered and committed to")
        if not awaited(lambda: not self.node.asked(LOOSE_ENDS), SETTLING_S, 0.5):
            self.report.faults.append(f"loose ends after {SETTLING_S:.0f} s: {self.node.asked(LOOSE_ENDS)[:10]}")
        if not awaited(lambda: not self.node.living_orphans(), 30, 0.2):
            self.report.faults.append(f"workers outlived their node: {self.node.orphans}")
        self.node.stop()
        self._start_once_more()

    def _start_once_more(self) -> None:
        """A start clears the inbox of what is older than any transfer; the files are made that old."""
        for path in (self.node.folder / "node" / "incoming").rglob("*"):
            os.utime(path, (0, 0))
        self.node.spawn(warm=True)
        self.node.await_ready()
        self.node.stop()

    def _say(self, line: str) -> None:
        self.out.write(line + "\n")
        self.out.flush()


@contextmanager
def _peers(folder: Path, count_settings: str) -> Iterator[int]:
    """A PACS and an EHR, and settings that name them; the node's port."""
    port = free_port()
    pacs = ["marrowcount_adapters.dimse.pacs", "--ae", "PACS", "--port", "0", "--folder", str(folder / "pacs")]
    pacs += ["--event-to", f"MARROWCOUNT@127.0.0.1:{port}"]
    ehr = ["marrowcount_adapters.fhir_client.stand_in", "--folder", str(folder / "ehr")]
    with (
        module_process(pacs, folder / "pacs.log") as pacs_at,
        module_process(ehr, folder / "ehr.log") as ehr_at,
    ):
        text = settings_text(folder, (port, pacs_at["port"], ehr_at["port"]), count_settings)
        (folder / "settings.toml").write_text(text)
        yield port


def campaign(folder: Path, kills: int, seed: int, out: TextIO, scanners: int = 3) -> Report:
    """Run a campaign in an empty folder."""
    report, began = Report(seed), time.monotonic()
    warm_up()
    with ExitStack() as stack:
        port = stack.enter_context(_peers(folder, write_tiny_models(folder / "models")))
        node = MortalNode(folder)
        stack.callback(node.destroy)
        sending = Scanners(folder / "slides", Peer("MARROWCOUNT", "127.0.0.1", port), seed)
        random = Random(seed)  # noqa: S311 - nobody is to be kept from guessing it
        fight = Campaign(node, sending, random, report, out)
        with sending.at_work(scanners):
            fight.kill(kills)
        fight.settle()
        report.faults += [f"refused: {oddity}" for oddity in sending.oddities]
        report.faults += Proof(node, folder / "pacs", folder / "ehr").faults(sending.slides)
        _sum_up(report, node, sending)
    report.seconds = time.monotonic() - began
    return report


def _sum_up(report: Report, node: MortalNode, sending: Scanners) -> None:
    report.acknowledged, report.slides = len(sending.acknowledged()), len(sending.slides)
    report.sendings, report.repeated = sending.sendings, sending.repeated
    sums = {
        "revisions": "SELECT sum(revision) FROM slides",
        "job_attempts": "SELECT sum(attempt) FROM jobs",
        "delivery_attempts": "SELECT sum(attempts) FROM deliveries",
    }
    for name, question in sums.items():
        setattr(report, name, int(str(node.asked(question)[0][0])))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scanners", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="kept afterwards; default: a temporary one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that nothing of it lives on
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        report = campaign(folder, options.kills, options.seed, sys.stdout, options.scanners)
    sys.stdout.write(report.told() + "\n")
    sys.stdout.write(json.dumps({"kills": report.kills.total(), "faults": len(report.faults)}) + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
