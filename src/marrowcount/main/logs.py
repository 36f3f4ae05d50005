"""The node's log: one JSON object a line on standard error, events by name, never patient data."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import TextIO

import structlog

from marrowcount_adapters.wsi.quiet import keep_values_out_of_logs

__all__ = ["configure_logs"]


def configure_logs(level: str = "INFO") -> None:
    """Send structlog's events to standard error as JSON lines, and keep libraries from quoting patient data there."""
    keep_values_out_of_logs()
    warnings.showwarning = _tell_of
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # the listener tells of what matters, by name
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the addresses it asks for name patients
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,  # a module's logger would keep this standard error for ever
    )


def _tell_of(  # noqa: PLR0917 - as Python calls it
    message: Warning | str,  # noqa: ARG001 - the reason for all this
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - likewise
    line: str | None = None,  # noqa: ARG001 - likewise
) -> None:
    """That a library warned, and where; not of what, since some quote what they stumbled over, a patient's name say."""
    place = f"{Path(filename).parent.name}/{Path(filename).name}:{lineno}"
    structlog.get_logger().warning("library.warned", category=category.__name__, place=place)
