"""Every failure that marrowcount raises on purpose.

::

    MarrowcountError               has a code, says what was wrong and what to do
    ├── SettingsError              a setting is unknown or wrong; nothing was started
    ├── SlideError                 this slide cannot be counted as it is; trying again will not help
    ├── InstanceError              one received DICOM instance cannot be taken
    ├── DatasetError               a data set, or one file of it, is not what it should be
    ├── ModelError                 a model file is missing, altered or of another shape
    ├── DecisionError              what a person wants done with a slide cannot be done
    ├── StorageError               the node's own disk or database failed; trying again may help
    └── PeerError                  a PACS, EHR or worklist failed; trying again may help
        ├── PeerBusyError          it said when to come back
        ├── PeerDeniedError        it does not know the node (any more), whatever is sent
        ├── DeliveryHeldError      whose result it is cannot be said for now; kept until it can
        └── DeliveryRefusedError   the peer refused for good; a person must look
            └── DeliveryForbiddenError   the node may not do that there, and no other delivery either

A retry is worth while exactly for :class:`StorageError` and for :class:`PeerError` that is neither a
:class:`DeliveryRefusedError` nor a :class:`DeliveryHeldError`: ask :attr:`MarrowcountError.retryable`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

__all__ = [
    "DatasetError",
    "DecisionError",
    "DeliveryForbiddenError",
    "DeliveryHeldError",
    "DeliveryRefusedError",
    "InstanceError",
    "MarrowcountError",
    "ModelError",
    "PeerBusyError",
    "PeerDeniedError",
    "PeerError",
    "Refusal",
    "SettingsError",
    "SlideError",
    "StorageError",
]


class Refusal(StrEnum):
    """Why a slide was not counted; stable codes, part of the interface."""

    NO_IMAGE = "no-image"
    """The folder or series holds no VL Whole Slide Microscopy VOLUME image (label only, for example)."""
    NO_RESOLUTION = "no-resolution"
    """The base level carries no pixel spacing, so the size of a cell is unknown."""
    WRONG_RESOLUTION = "wrong-resolution"
    """The base level is not at about 0.25 um/px (40x)."""
    UNSUPPORTED_SYNTAX = "unsupported-syntax"
    """The transfer syntax or pixel format cannot be decoded here."""
    DAMAGED = "damaged"
    """Frames are missing or cannot be decoded."""
    INCOMPLETE = "incomplete"
    """Instances or frames are missing."""
    NOT_DICOM = "not-dicom"
    """A file is not DICOM, or lacks attributes that its class requires."""
    SEVERAL_SLIDES = "several-slides"
    """More than one series or patient in what should be one slide."""
    TOO_SMALL = "too-small"
    """The total pixel matrix holds not one whole 512 px tile."""
    NO_SUITABLE_REGION = "no-suitable-region"
    """No tile, or too few, is fit for cytology: not a marrow smear, too thick, empty or out of focus."""
    UNFAMILIAR = "unfamiliar"
    """Stain, light, focus or number of cells lie far outside of what the models were trained on."""
    NO_CELLS = "no-cells"
    """Suitable tiles were found, but no cell of the differential in them."""


class MarrowcountError(Exception):
    """Base of all failures raised on purpose.

    Attributes:
        code: stable, lower case with hyphens; for machines and for looking up in the documentation.
        retryable: whether the same attempt may succeed later without anybody's doing.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[MarrowcountError], tuple[str, str], dict[str, object]]:
        """Keep the error whole when it crosses a process boundary."""
        return type(self), (self.code, self.message), vars(self)


class SettingsError(MarrowcountError):
    """A setting is unknown or wrong; nothing was started."""


class SlideError(MarrowcountError):
    """This slide cannot be counted as it is; ``code`` is a :class:`Refusal`."""

    def __init__(self, code: Refusal | str, message: str) -> None:
        super().__init__(str(Refusal(code)), message)
        self.refusal = Refusal(code)


class InstanceError(MarrowcountError):
    """One received DICOM instance cannot be taken."""


class DatasetError(MarrowcountError):
    """A data set, or one file of it, is not what it should be; the message names the file."""


class ModelError(MarrowcountError):
    """A model file is missing, altered or of another shape than its manifest says."""


class DecisionError(MarrowcountError):
    """What a person wants done with a slide cannot be done with it as it is; nothing was changed."""


class StorageError(MarrowcountError):
    """The node's own disk or database failed; trying again may help."""

    retryable = True


class PeerError(MarrowcountError):
    """A PACS, EHR or worklist failed; trying again may help.

    Attributes:
        outcome: all that the peer said, as text; it may quote the patient, so it goes to no log, event or message.
    """

    retryable = True

    def __init__(self, code: str, message: str, *, outcome: str = "") -> None:
        super().__init__(code, message)
        self.outcome = outcome


class PeerBusyError(PeerError):
    """The peer is busy and said when to come back.

    Attributes:
        retry_after_s: seconds from now.
    """

    def __init__(self, code: str, message: str, retry_after_s: float = 0.0, *, outcome: str = "") -> None:
        super().__init__(code, message, outcome=outcome)
        self.retry_after_s = retry_after_s


class PeerDeniedError(PeerError):
    """The peer does not know the node (any more): nothing passes, whatever is sent, until somebody mends that."""


class DeliveryHeldError(PeerError):
    """Whose result it is cannot be said for now: kept back, and looked at again later or when a person says so."""

    retryable = False


class DeliveryRefusedError(PeerError):
    """The peer refused for good; a person must look."""

    retryable = False


class DeliveryForbiddenError(DeliveryRefusedError):
    """The node may not do that there: a matter of its permissions, which will bar other deliveries as well."""
