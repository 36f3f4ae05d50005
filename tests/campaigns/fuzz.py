"""Feed broken inputs to every boundary of the node, and see that it neither dies, nor hangs, nor swells.

    python fuzz.py --inputs 100000 [--seed 1] [--only files|pdus|http|requests|server|answers|guided]

Each boundary is fed in a process of its own, so that an input which kills it is known by its number; each input has
seconds, each process has a limit of memory. The listener is that of the tests (``peer_node``): the real one with the
real store and ledger, in a process of its own too; at the end it must answer C-ECHO and have let go of its threads.
An input is made again by its kind, seed and number: ``--only KIND --seed SEED --from NUMBER --inputs 1``. Those that
coverage guides (``guided``, see ``fuzz_guided``) are not: the one that broke a parser is told.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import logging
import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from fuzz_mutations import Mutations
from fuzz_seeds import read_corpus
from fuzz_targets import ArchiveAnswers, FhirAnswers, Files, Listener, Target, WebRequests, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from types import FrameType

__all__ = ["GUIDED", "SHARES", "Outcome", "fuzz", "has_guide"]

GUIDED = "guided"
SHARES = {"pdus": 0.12, "answers": 0.01, "http": 0.03, "requests": 0.05, "server": 0.02, "files": 0.71, GUIDED: 0.06}
"""Of all inputs: what is cheap to feed is fed more often."""
SEEDS_OF = {"server": "requests"}
"""Where they are not those of the kind's own name."""

OF_A_SMALL_PARENT = ("sh", "-c", '"$@"; exit $?', "sh")
"""A process inherits the peak of memory of the one that forked it (getrusage(2)), which libFuzzer takes for its own."""

SLOWEST_S = 10
"""For one input, in seconds."""
MEMORY_BYTES = 3 << 30
"""Address space of a fed process: libraries take one, and threads eight megabytes each."""
GROWTH_MB = 200
"""By how much the resident memory of a process may grow while it is fed."""
SPARE = 5
"""Descriptors that a library may open for good."""
CHECK_EVERY = 1000

SUPPORT = Path(__file__).parents[1] / "support"


class TooSlowError(Exception):
    """An input took longer than it may."""


@dataclass
class Outcome:
    """What came of feeding one boundary."""

    kind: str
    inputs: int = 0
    seconds: float = 0.0
    grown_mb: float = 0.0
    slowest_s: float = 0.0
    slowest: int = 0
    listener_mb: float = 0.0
    listener_threads: int = 0
    faults: list[str] = field(default_factory=list)

    def told(self) -> str:
        """For people."""
        more = f", listener {self.listener_mb:.0f} MB, {self.listener_threads} threads" if self.listener_mb else ""
        return (
            f"{self.kind:<8} {self.inputs:>7} inputs in {self.seconds:6.0f} s, slowest {self.slowest_s:.2f} s "
            f"(number {self.slowest}), memory grew by {self.grown_mb:.0f} MB{more}: "
            + ("; ".join(self.faults) or "no fault")
        )


def fuzz(kind: str, first: int, inputs: int, seed: int) -> Outcome:
    """Feed so many inputs to a boundary, in a process of its own."""
    if kind == GUIDED:
        return _guided(inputs, seed)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_fed, args=(theirs, kind, first, inputs, seed))
    process.start()
    theirs.close()
    last, outcome = first, Outcome(kind, faults=["it ended before the first input"])
    try:
        while True:
            message = ours.recv()
            if isinstance(message, Outcome):
                outcome = message
                break
            last = message
    except EOFError:
        process.join()
        outcome = Outcome(kind, last - first, faults=[f"died of input {last} or soon after: exit {process.exitcode}"])
    process.join()
    return outcome


def has_guide() -> bool:
    """Whether atheris is installed, which has no wheels for the newest versions of Python."""
    return importlib.util.find_spec("atheris") is not None


def _guided(inputs: int, seed: int) -> Outcome:
    """The parsers, in a process that libFuzzer ends at the first fault, or that takes too much time or memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*OF_A_SMALL_PARENT, sys.executable, str(Path(__file__).with_name("fuzz_guided.py")), folder]
        command += [f"-runs={inputs}", f"-seed={seed}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={GUIDED_MB}"]
        began = time.monotonic()
        paths = os.pathsep.join(filter(None, (str(SUPPORT), os.environ.get("PYTHONPATH"))))
        # The same seed leads the same way in every process only where sets are in the same order.
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        outcome = Outcome(GUIDED, _number(r"number_of_executed_units: (\d+)", done.stderr), time.monotonic() - began)
        outcome.slowest_s = _number(r"slowest_unit_time_sec: +(\d+)", done.stderr)
        outcome.listener_mb = _number(r"peak_rss_mb: +(\d+)", done.stderr)
        if done.returncode:
            left = [path.read_bytes().hex() for path in Path(folder).iterdir() if path.is_file()]
            why = [line for line in done.stderr.splitlines() if re.match(r"\S*(Error|error|ERROR)\b", line)]
            outcome.faults.append(f"exit {done.returncode}: {'; '.join(why)[:300]} of {left}")
    return outcome


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def _fed(pipe: Connection, kind: str, first: int, inputs: int, seed: int) -> None:
    signal.signal(signal.SIGALRM, _too_slow)
    logging.disable(logging.CRITICAL)
    import warnings

    import structlog

    warnings.simplefilter("ignore")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    mutations = Mutations(read_corpus(SEEDS_OF.get(kind, kind)), seed)
    outcome, began = Outcome(kind), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _target(kind, Path(folder), outcome) as target:
        for content in mutations.seeds.values():  # what they cost in memory is not growth
            _feed(target, content, -1, outcome)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        before, descriptors = _status("self", "VmRSS"), _descriptors()
        for number in range(first, first + inputs):
            if number % 100 == 0:
                pipe.send(number)
            _feed(target, mutations.input(number), number, outcome)
            if number % CHECK_EVERY == CHECK_EVERY - 1:
                target.check()
        target.check()
        outcome.grown_mb = (_status("self", "VmRSS") - before) / 1024
        _judge_own(outcome, descriptors)
    outcome.inputs, outcome.seconds = inputs, time.monotonic() - began
    pipe.send(outcome)


def _judge_own(outcome: Outcome, descriptors: int) -> None:
    """The feeding process, in which our own clients and parsers ran."""
    if outcome.grown_mb > GROWTH_MB:
        outcome.faults.append("memory grew without bound")
    deadline = time.monotonic() + 30
    gc.collect()  # a socket of a call that failed goes with its association, which refers to itself
    while (left := _descriptors() - descriptors) > SPARE and time.monotonic() < deadline:
        time.sleep(0.2)
    if left > SPARE:
        outcome.faults.append(f"{left} files or sockets were left open")
    if (threads := _status("self", "Threads")) > IDLE_THREADS:
        outcome.faults.append(f"{threads} threads were left")


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _feed(target: Target, content: bytes, number: int, outcome: Outcome) -> None:
    signal.alarm(SLOWEST_S)
    began = time.monotonic()
    try:
        target.feed(content, number)
    except TooSlowError:
        outcome.faults.append(f"{number}: longer than {SLOWEST_S} s")
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        outcome.faults.append(f"{number}: {type(error).__name__}: {str(error)[:100]}")
    finally:
        signal.alarm(0)
    took = time.monotonic() - began
    if took > outcome.slowest_s:
        outcome.slowest_s, outcome.slowest = took, number


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError


def _status(process: str, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def _target(kind: str, folder: Path, outcome: Outcome) -> Iterator[Target]:
    made: dict[str, Callable[[], Target]] = {
        "files": lambda: Files(folder),
        "http": lambda: FhirAnswers(folder),
        "answers": ArchiveAnswers,
        "requests": lambda: WebRequests(folder),
    }
    if kind in made:
        yield made[kind]()
        return
    program = "web_service_node.py" if kind == "server" else "peer_node.py"
    with _listening(program, folder) as (process, port):
        yield WebServer(port, folder / "node" / "node" / "incoming") if kind == "server" else Listener(port)
        _judge_listener(process, outcome, IDLE_THREADS + (WEB_THREADS if kind == "server" else 0))


@contextmanager
def _listening(program: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, str(SUPPORT / program), str(folder / "node"), "0"]
    with (
        (folder / "listener.log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True) as process,
    ):
        try:
            yield process, _announced_port(folder / "listener.log")
        finally:
            process.kill()


def _announced_port(log: Path) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if line.startswith('{"ready"'):
                return int(json.loads(line)["port"])
        time.sleep(0.05)
    raise TimeoutError("the listener did not start")


def _judge_listener(process: subprocess.Popen[str], outcome: Outcome, most_threads: int) -> None:
    """It lives, is no larger than a listener may be, and has let go of all associations."""
    if process.poll() is not None:
        outcome.faults.append(f"the listener died: {process.returncode}")
        return
    pid, deadline = str(process.pid), time.monotonic() + 60
    while _status(pid, "Threads") > most_threads and time.monotonic() < deadline:
        time.sleep(0.2)
    outcome.listener_threads, outcome.listener_mb = _status(pid, "Threads"), _status(pid, "VmHWM") / 1024
    if outcome.listener_threads > most_threads:
        outcome.faults.append(f"the listener keeps {outcome.listener_threads} threads")
    if outcome.listener_mb > LISTENER_MB:
        outcome.faults.append(f"the listener took {outcome.listener_mb:.0f} MB")


IDLE_THREADS = 8
WEB_THREADS = 42
"""Of the pool in which anyio runs what blocks, and of the server itself."""
GUIDED_MB = 800
LISTENER_MB = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--only", choices=sorted(SHARES))
    options = parser.parse_args()
    shares = {options.only: 1.0} if options.only else SHARES
    faults = 0
    for kind, share in shares.items():
        if kind == GUIDED and not has_guide():
            _say(sys.stdout, f"{kind:<8} stands aside: atheris is not installed")
            continue
        outcome = fuzz(kind, options.first, round(share * options.inputs), options.seed)
        faults += len(outcome.faults)
        _say(sys.stdout, outcome.told())
    return 1 if faults else 0


def _say(out: TextIO, line: str) -> None:
    out.write(line + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
