"""The conformance statement says what the program does: its tables are current and complete."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "conformance" / "dicom"


@pytest.fixture(scope="module")
def generate() -> object:
    """The program that writes the statement."""
    sys.path.insert(0, str(HERE))
    import generate as program

    return program


def test_the_statement_is_current(generate: object) -> None:
    """After a change of the code, `python conformance/dicom/generate.py` must be run."""
    assert list(generate.stale()) == []  # type: ignore[attr-defined]


def test_no_table_is_left_out(generate: object) -> None:
    """What the code can tell stands in a document, and no place of a template was left open."""
    templates = "".join((HERE / f"{name}.template.md").read_text() for name in generate.DOCUMENTS)  # type: ignore[attr-defined]
    written = "".join((HERE / f"{name}.md").read_text() for name in generate.DOCUMENTS)  # type: ignore[attr-defined]
    assert {name for name in generate.TABLES if f"{{{{{name}}}}}" not in templates} == set()  # type: ignore[attr-defined]
    assert "{{" not in written
