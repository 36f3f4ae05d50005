"""Logs: one JSON object a line on standard error, and none of them outlives what set it up."""

from __future__ import annotations

import json
import warnings

import pytest
import structlog
from highdicom.valuerep import check_person_name

from marrowcount.main.logs import configure_logs

LOG = structlog.get_logger()


@pytest.mark.parametrize("run", [1, 2])
def test_events_go_to_the_present_standard_error(run: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those of a module's logger that was used under an earlier set-up."""
    LOG.info("before", run=run)
    assert "before" in capsys.readouterr().out
    configure_logs("INFO")
    LOG.info("after", run=run)
    LOG.debug("passed over")
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["run"], told["level"], said.out) == ("after", run, "info", "")


def test_a_librarys_warning_is_told_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    """highdicom quotes a patient's name that has one component only; Python would print it."""
    configure_logs("INFO")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        check_person_name("Sternenberger")
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["category"]) == ("library.warned", "UserWarning")
    assert told["place"].rpartition(":")[0].endswith(".py")
    assert "Sternenberger" not in said.err + said.out
