"""Keep what headers say out of the process's logs."""

from __future__ import annotations

import logging
import warnings

import pydicom.config

__all__ = ["keep_values_out_of_logs"]


def keep_values_out_of_logs() -> None:
    """Stop pydicom from quoting malformed values, and wsidicom from logging tracebacks; call once at the start.

    pydicom's warning about a malformed Patient Name holds the name. What is wrong with a slide is told by our own
    errors, which quote no values. Writing is validated as before.
    """
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    warnings.filterwarnings("ignore", module="pydicom")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    logging.getLogger("wsidicom").setLevel(logging.CRITICAL)
