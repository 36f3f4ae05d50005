"""HL7 v2.5.1: a report as an unsolicited result, ORU^R01."""

from marrowcount_adapters.hl7v2.message import encode_oru, kept_oru
from marrowcount_adapters.hl7v2.ready import ready
from marrowcount_adapters.hl7v2.settings import AccessionAs, Acknowledgement, Authority, CharacterSet, Hl7Settings

__all__ = [
    "AccessionAs",
    "Acknowledgement",
    "Authority",
    "CharacterSet",
    "Hl7Settings",
    "encode_oru",
    "kept_oru",
    "ready",
]
