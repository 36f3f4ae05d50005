"""rsyslog, the syslog server of most Linux systems, as audit repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peer


def test_rsyslog_takes_every_message_in_order(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """Counted messages over mutual TLS arrive whole, once and in order, and are confirmed; a stranger's count as not
    handed on, and none of them is lost."""
    report = in_private_network("rsyslog_tls.py", program("rsyslogd"), str(tmp_path))
    assert report["stranger"] is False
    assert report["known"] == [True, True]
    assert report["order"] == [f"{number:04d}" for number in range(250)]
    assert report["left"] == 0
    assert report["head"].startswith("<83>1 ")
