"""Some thousand broken inputs in every run of the tests; ``make fuzz`` feeds a hundred thousand."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fuzz import GUIDED, OF_A_SMALL_PARENT, SHARES, fuzz, has_guide
from fuzz_mutations import Mutations
from fuzz_seeds import CORPUS, KINDS, read_corpus

if TYPE_CHECKING:
    from collections.abc import Mapping

FED = {"files": 1500, "pdus": 200, "http": 60, "requests": 250, "server": 80, "answers": 10, GUIDED: 800}
"""The guided ones begin with the corpus, of some 400."""


@pytest.mark.parametrize("kind", sorted(SHARES))
def test_broken_inputs_do_no_harm(kind: str) -> None:
    """No crash, no hang, no thread or socket left, memory bounded; the listener answers C-ECHO in the end."""
    if kind == GUIDED and not has_guide():
        pytest.skip("atheris is not installed: it has no wheels for this version of Python")
    outcome = fuzz(kind, first=0, inputs=FED[kind], seed=20261122)
    assert outcome.faults == [], outcome.told()
    assert outcome.inputs >= FED[kind]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_corpus_is_what_its_script_makes(kind: str) -> None:
    """Whoever changes a seed writes the corpus anew; it stays small."""
    made: Mapping[str, bytes] = KINDS[kind]()
    assert read_corpus(kind) == made
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 150_000


def test_an_input_is_known_by_its_number() -> None:
    """What broke the node once can be made again."""
    first, again = (Mutations(read_corpus("pdus"), seed=3) for _ in range(2))
    assert [first.input(number) for number in range(50)] == [again.input(number) for number in range(50)]
    assert len({first.input(number) for number in range(50)}) > 40


def test_a_fed_process_does_not_answer_for_the_memory_of_its_parent() -> None:
    """What the tests before took is not held against the parsers: it failed in CI at the end of a long run."""
    swollen = bytearray(300 << 20)
    del swollen
    told = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)"
    done = subprocess.run([*OF_A_SMALL_PARENT, sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
