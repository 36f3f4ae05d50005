"""The life of a report: what a machine counted, what a person made of it, and which figures hold."""

from marrowcount.review.life import amended, counted, kept, not_counted, verified, withdrawn
from marrowcount.review.people import Act, Practitioner, Signature
from marrowcount.review.report import DECIDED, RELEASED, Report, ReportStatus, Uncounted

__all__ = [
    "DECIDED",
    "RELEASED",
    "Act",
    "Practitioner",
    "Report",
    "ReportStatus",
    "Signature",
    "Uncounted",
    "amended",
    "counted",
    "kept",
    "not_counted",
    "verified",
    "withdrawn",
]
