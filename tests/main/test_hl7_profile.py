"""The HL7 v2 profile says what the program sends: made from the code, with messages that it really writes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from marrowcount.review import ReportStatus

HERE = Path(__file__).parents[2] / "conformance" / "hl7v2"


@pytest.fixture(scope="module")
def program() -> Any:  # noqa: ANN401 - a module that lies on no package's path
    """The program that writes the profile."""
    sys.path.insert(0, str(HERE))
    import oru_profile

    return oru_profile


def test_the_profile_and_its_examples_are_current(program: Any) -> None:  # noqa: ANN401
    """After a change of the code, `python conformance/hl7v2/oru_profile.py` must be run, and the difference read."""
    assert list(program.stale()) == []


def test_no_table_is_left_out(program: Any) -> None:  # noqa: ANN401
    """What the code can tell stands in the document, and no place of the template was left open."""
    template = (HERE / "profile.template.md").read_text(encoding="utf-8")
    assert [name for name in program.TABLES if f"{{{{{name}}}}}" not in template] == []
    assert "{{" not in (HERE / "profile.md").read_text(encoding="utf-8")


def test_there_is_an_example_for_each_status(program: Any) -> None:  # noqa: ANN401
    """A reader sees each turn that a report can take, and the profile names every file."""
    written = {path.stem for path in (HERE / "examples").iterdir()}
    assert {str(status) for status in ReportStatus} <= written
    text = (HERE / "profile.md").read_text(encoding="utf-8")
    assert [name for name in written if f"`{name}`" not in text] == []
    assert written == {name for name, _ in program.examples()}
