"""Errors that nobody foresaw, told without what they quote."""

from __future__ import annotations

import traceback
from pathlib import PurePath

__all__ = ["describe"]


def describe(error: BaseException) -> str:
    """The kind of an error and where it was raised.

    Its text is left out: it may quote what a header says of the patient.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-_DEPTH:]))
    return f"{type(error).__name__} at {where}" if where else type(error).__name__


_DEPTH = 4
"""Frames that usually tell who called whom wrongly."""
