"""Several processes at one database, and processes that are killed."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Self

import pytest

from marrowcount.ports import CountedOutcome
from marrowcount.slides.states import SlideState
from marrowcount.testing import made_up_instance
from marrowcount_adapters.sql import open_ledger

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PATIENCE_S = 60.0

PREPARE = """
import sys
from datetime import UTC, datetime
from marrowcount.testing import made_up_instance
from marrowcount_adapters.sql import open_ledger

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

def say(word):
    print(word, flush=True)

say("here")
sys.stdin.readline()
"""

OPEN = "open_ledger(sys.argv[1]).close()"

RECORD_UNTIL_KILLED = """
ledger = open_ledger(sys.argv[1])
for number in range(int(sys.argv[2]), 100_000):
    ledger.record_instance(made_up_instance("1.2.3", number, NOW))
    say(number)
"""

LEASE_ALL = """
ledger = open_ledger(sys.argv[1])
say("open")
sys.stdin.readline()
while any(slide.state == "ready" for slide in ledger.slides()):
    job = ledger.lease_job(sys.argv[2], NOW, 60.0)
    if job is not None:
        say(job.series_uid)
"""

COUNT_UNTIL_KILLED = """
from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder

ledger = open_ledger(sys.argv[1])
order = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm",))
while job := ledger.lease_job("worker", NOW, 60.0):
    ledger.finish(job, CountedOutcome(job.series_uid, "{}", (order, order)), NOW)
    say(job.series_uid)
"""


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


class Process:
    """A Python process that waits for a word before it begins."""

    def __init__(self, work: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PREPARE + work, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        self._process.wait(PATIENCE_S)

    def hear(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def killed(self) -> list[str]:
        """Kill it; what it had said by then."""
        self._process.kill()
        assert self._process.stdout is not None
        return [line.strip() for line in self._process.stdout if line.endswith("\n")]

    def ended(self) -> list[str]:
        """What it says until its end, which must be a good one."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        said, complaints = self._process.stdout.read(), self._process.stderr.read()
        assert self._process.wait(PATIENCE_S) == 0, complaints
        return said.split()


def test_processes_that_open_a_fresh_database_at_once_all_succeed(url: str) -> None:
    """The node's listener and its workers start together."""
    with ExitStack() as stack:
        processes = [stack.enter_context(Process(OPEN, url)) for _ in range(4)]
        assert [process.hear() for process in processes] == ["here"] * 4
        for process in processes:
            process.go()
        for process in processes:
            process.ended()
    with closing(open_ledger(url)) as ledger:
        assert not ledger.slides()


def test_processes_never_lease_the_same_job(url: str) -> None:
    """Each slide is counted by one worker."""
    slides = [f"1.2.{number}" for number in range(30)]
    with closing(open_ledger(url)) as ledger:
        for slide in slides:
            ledger.record_instance(made_up_instance(slide, 1, NOW))
            ledger.mark_ready(slide, 1, "complete", NOW)
    with ExitStack() as stack:
        workers = [stack.enter_context(Process(LEASE_ALL, url, name)) for name in ("a", "b", "c")]
        for word in ("here", "open"):
            assert [worker.hear() for worker in workers] == [word] * 3
            for worker in workers:
                worker.go()
        leased = [worker.ended() for worker in workers]
    assert sorted(chain.from_iterable(leased)) == sorted(slides)


def test_a_killed_workers_job_is_taken_over(sqlite_url: str) -> None:
    """When its lease has ended, another worker counts the slide; not before."""
    with closing(open_ledger(sqlite_url)) as ledger:
        ledger.record_instance(made_up_instance("1.2.3", 1, NOW))
        ledger.mark_ready("1.2.3", 1, "complete", NOW)
        with Process(LEASE_ALL, sqlite_url, "killed") as worker:
            for word in ("here", "open"):
                assert worker.hear() == word
                worker.go()
            assert worker.hear() == "1.2.3"
            worker.killed()
        assert ledger.lease_job("other", NOW + timedelta(seconds=59), 60.0) is None
        taken = ledger.lease_job("other", NOW + timedelta(seconds=60), 60.0)
        assert taken is not None
        assert taken.attempt == 2
        assert ledger.finish(taken, CountedOutcome("1.2.3/1", "{}", ()), NOW + timedelta(seconds=61))


def test_what_was_acknowledged_survives_a_kill(sqlite_url: str) -> None:
    """Of a receiver killed at any moment, every acknowledged instance is there, once, and the slide adds up."""
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    acknowledged: list[int] = []
    for _ in range(5):
        with Process(RECORD_UNTIL_KILLED, sqlite_url, len(acknowledged)) as receiver:
            receiver.hear()
            receiver.go()
            acknowledged += [int(receiver.hear()) for _ in range(chance.randint(1, 40))]
            acknowledged += map(int, receiver.killed())
    with closing(open_ledger(sqlite_url)) as ledger:
        numbers = [int(each.facts.sop_instance_uid.rpartition(".")[2]) for each in ledger.instances("1.2.3")]
        (slide,) = ledger.slides()
        with ledger._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert set(acknowledged) <= set(numbers)
    assert len(numbers) == len(set(numbers)) == slide.instances
    assert len(numbers) <= len(acknowledged) + 5  # at each kill one more may have been kept than was said


def test_a_result_and_its_debts_survive_a_kill_together(sqlite_url: str) -> None:
    """Of a worker killed at any moment, each counted slide owes all that it owes, and no other owes anything."""
    with closing(open_ledger(sqlite_url)) as ledger:
        for number in range(60):
            ledger.record_instance(made_up_instance(f"1.2.{number}", 1, NOW))
            ledger.mark_ready(f"1.2.{number}", 1, "complete", NOW)
    said: list[str] = []
    for kill_after in (1, 7, 19):
        with Process(COUNT_UNTIL_KILLED, sqlite_url) as worker:
            worker.hear()
            worker.go()
            said += [worker.hear() for _ in range(kill_after)]
            said += worker.killed()
    with closing(open_ledger(sqlite_url)) as ledger:
        counted = [slide.series_uid for slide in ledger.slides(SlideState.COUNTED)]
        assert set(said) <= set(counted)
        assert sorted(delivery.series_uid for delivery in ledger.deliveries()) == sorted(counted * 2)
