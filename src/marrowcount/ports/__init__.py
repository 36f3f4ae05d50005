"""What the core asks of the outside, in its own words; adapters answer, ``marrowcount.testing`` stands in.

Subclass a protocol explicitly, so that the type checker reports a missing or drifted method.
"""

from marrowcount.ports.archive import (
    Archive,
    FetchFailure,
    FetchProgress,
    FoundStudy,
    ListedInstance,
    ListedSeries,
    WantedStudy,
)
from marrowcount.ports.counting import CellModel, Clock, Picture, Progress, RoiModel, Slide
from marrowcount.ports.expectations import Expectations
from marrowcount.ports.keeping import InstanceStore, KeptFile, ReceivedInstance, Recording
from marrowcount.ports.ledger import Destination, Ledger
from marrowcount.ports.pictures import PictureSource
from marrowcount.ports.records import (
    CountedOutcome,
    Delivery,
    DeliveryKind,
    DeliveryOrder,
    EventKind,
    Job,
    LedgerEvent,
    SlideRecord,
)

__all__ = [
    "Archive",
    "CellModel",
    "Clock",
    "CountedOutcome",
    "Delivery",
    "DeliveryKind",
    "DeliveryOrder",
    "Destination",
    "EventKind",
    "Expectations",
    "FetchFailure",
    "FetchProgress",
    "FoundStudy",
    "InstanceStore",
    "Job",
    "KeptFile",
    "Ledger",
    "LedgerEvent",
    "ListedInstance",
    "ListedSeries",
    "Picture",
    "PictureSource",
    "Progress",
    "ReceivedInstance",
    "Recording",
    "RoiModel",
    "Slide",
    "SlideRecord",
    "WantedStudy",
]
