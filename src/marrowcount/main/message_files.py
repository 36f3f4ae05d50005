"""What health records get of a report: messages, by the names of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.main.fhir_files import fhir_files
from marrowcount.main.hl7_messages import hl7_messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.review import Report
    from marrowcount.settings import Settings

__all__ = ["message_files"]


def message_files(report: Report, settings: Settings, document: bytes | None = None) -> Mapping[str, bytes]:
    """The messages of a report, however it stands.

    Args:
        report: on a count, or on a slide that could not be counted.
        settings: that say what is wanted.
        document: the report as PDF; None where none was made.
    """
    return {**fhir_files(report, settings, document), **hl7_messages(report, settings, document)}
