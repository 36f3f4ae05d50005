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
from marrowcount.ports.circuits import Circuit, CircuitState
from marrowcount.ports.commitments import (
    AskedInstance,
    CommitmentReport,
    CommitmentReporter,
    CommitmentRequest,
    Commitments,
    CommitmentState,
    CommitmentTask,
    FailedReference,
    FailureReason,
    Reference,
    RequestRecording,
)
from marrowcount.ports.counting import CellModel, Clock, Picture, Progress, RoiModel, Slide
from marrowcount.ports.decisions import Decision, SlideDecisions
from marrowcount.ports.deliveries import (
    Delivery,
    DeliveryKind,
    DeliveryOrder,
    FileState,
    Hold,
    Settlement,
    TakenFile,
)
from marrowcount.ports.expectations import Expectations, SeriesCounts
from marrowcount.ports.holdings import HeldFile, Holdings
from marrowcount.ports.intake import FileKind, FoundFile, StagedFile, Staging
from marrowcount.ports.keeping import ArrivingFile, Digest, InstanceStore, KeptFile, ReceivedInstance, Recording
from marrowcount.ports.ledger import Ledger
from marrowcount.ports.outbox import Destination, Outbox
from marrowcount.ports.pictures import PictureSource
from marrowcount.ports.records import (
    CountedOutcome,
    EventKind,
    Job,
    LedgerEvent,
    RefusedOutcome,
    SlideRecord,
)
from marrowcount.ports.reports import Reports, ReportVersion
from marrowcount.ports.tasks import CountProgress, NewTask, Task, TaskLedger, TaskState
from marrowcount.ports.worklists import (
    PerformedStep,
    StepProgress,
    WorkAnswer,
    WorkitemEvent,
    WorkitemEventKind,
    Worklist,
)

__all__ = [
    "Archive",
    "ArrivingFile",
    "AskedInstance",
    "CellModel",
    "Circuit",
    "CircuitState",
    "Clock",
    "CommitmentReport",
    "CommitmentReporter",
    "CommitmentRequest",
    "CommitmentState",
    "CommitmentTask",
    "Commitments",
    "CountProgress",
    "CountedOutcome",
    "Decision",
    "Delivery",
    "DeliveryKind",
    "DeliveryOrder",
    "Destination",
    "Digest",
    "EventKind",
    "Expectations",
    "FailedReference",
    "FailureReason",
    "FetchFailure",
    "FetchProgress",
    "FileKind",
    "FileState",
    "FoundFile",
    "FoundStudy",
    "HeldFile",
    "Hold",
    "Holdings",
    "InstanceStore",
    "Job",
    "KeptFile",
    "Ledger",
    "LedgerEvent",
    "ListedInstance",
    "ListedSeries",
    "NewTask",
    "Outbox",
    "PerformedStep",
    "Picture",
    "PictureSource",
    "Progress",
    "ReceivedInstance",
    "Recording",
    "Reference",
    "RefusedOutcome",
    "ReportVersion",
    "Reports",
    "RequestRecording",
    "RoiModel",
    "SeriesCounts",
    "Settlement",
    "Slide",
    "SlideDecisions",
    "SlideRecord",
    "StagedFile",
    "Staging",
    "StepProgress",
    "TakenFile",
    "Task",
    "TaskLedger",
    "TaskState",
    "WantedStudy",
    "WorkAnswer",
    "WorkitemEvent",
    "WorkitemEventKind",
    "Worklist",
]
