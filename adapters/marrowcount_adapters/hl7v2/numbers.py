"""Numbers by which a receiver knows a report, and the software that made it."""

from __future__ import annotations

from base64 import b32encode
from typing import TYPE_CHECKING, Final

from marrowcount import __version__
from marrowcount.workflow.identity import PRODUCT, slide_uuid
from marrowcount_adapters.hl7v2.datatypes import entity
from marrowcount_adapters.hl7v2.settings import AccessionAs, Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.result import SlideContext
    from marrowcount.review import Report
    from marrowcount_adapters.hl7v2.settings import Hl7Settings

__all__ = ["accession", "equipment", "filler_number", "short_number"]

DIGITS: Final = 20
"""Of a number of our own: what MSH-10 holds in 2.5.1, and 100 bits, which no two messages share."""

HASH_DIGITS: Final = 12


def short_number(digest: bytes) -> str:
    """Letters and digits that tell a digest from all others."""
    return b32encode(digest).decode("ascii")[:DIGITS]


def filler_number(context: SlideContext, settings: Hl7Settings) -> str:
    """EI: the report's, whichever version, count and models; a repeated one takes the place of an earlier one."""
    if settings.accession_as is AccessionAs.FILLER and context.accession_number:
        return accession(context, settings)
    return entity(short_number(slide_uuid(context, "report").bytes), settings.sending_application)


def accession(context: SlideContext, settings: Hl7Settings) -> str:
    """EI: the accession number and who gave it; empty where the header has none."""
    issuer = context.accession_issuer
    return entity(context.accession_number, settings.authorities.get(issuer) or Authority.of_issuer(issuer))


def equipment(report: Report) -> Iterator[str]:
    """The software and its models, each with its version, models with the beginning of their weights' SHA-256."""
    yield f"{PRODUCT} {__version__}"
    for model in report.models:
        yield f"{model.name} {model.version} {model.sha256[:HASH_DIGITS]}"
