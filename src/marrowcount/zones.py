"""Zones as DICOM writes them: hours and minutes from UTC."""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from typing import Final

__all__ = ["zone_of_offset"]

FORM: Final = re.compile(r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3])(?P<minutes>[0-5]\d)")


def zone_of_offset(text: object) -> timezone | None:
    """Timezone Offset From UTC (0008,0201), or the suffix of a DT value (PS3.5 6.2), as ``+0100``.

    Args:
        text: the value; anything that is no text in that form, None among it, names no zone.
    """
    form = FORM.fullmatch(str(text).strip())
    if form is None:
        return None
    sign = -1 if form["sign"] == "-" else 1
    return timezone(sign * timedelta(hours=int(form["hours"]), minutes=int(form["minutes"])))
