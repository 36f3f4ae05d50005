"""Stand-ins for every port, in memory: for our own tests, and for anybody who builds on marrowcount.

They keep the ports' promises (the contract suites in ``tests/contracts`` run on them too), except that nothing
outlives the process. What a test wants to know is a public attribute of the stand-in::

    from marrowcount.testing import HeldClock, InMemoryLedger, RecordingDestination

    clock, ledger, pacs = HeldClock(), InMemoryLedger(), RecordingDestination("pacs")
    deliver_once(ledger, clock, "sender", {"pacs": pacs}, resolve=folder.joinpath)
    assert pacs.sent == [...]
"""

from marrowcount.testing.archive import HeldArchive
from marrowcount.testing.audit import RecordingAudit
from marrowcount.testing.commitments import InMemoryCommitments, RecordingReporter
from marrowcount.testing.destinations import RecordingDestination, TakenThenError
from marrowcount.testing.expectations import InMemoryExpectations
from marrowcount.testing.instances import made_up_instance
from marrowcount.testing.ledger import InMemoryLedger
from marrowcount.testing.pictures import HeldPictures, ScriptedLabels
from marrowcount.testing.slides import PictureSlide, RecordingProgress, ScriptedCellModel, ScriptedRoiModel
from marrowcount.testing.store import TemporaryStore
from marrowcount.testing.tasks import InMemoryTasks
from marrowcount.testing.time import HeldClock
from marrowcount.testing.worklists import InMemoryWorklist

__all__ = [
    "HeldArchive",
    "HeldClock",
    "HeldPictures",
    "InMemoryCommitments",
    "InMemoryExpectations",
    "InMemoryLedger",
    "InMemoryTasks",
    "InMemoryWorklist",
    "PictureSlide",
    "RecordingAudit",
    "RecordingDestination",
    "RecordingProgress",
    "RecordingReporter",
    "ScriptedCellModel",
    "ScriptedLabels",
    "ScriptedRoiModel",
    "TakenThenError",
    "TemporaryStore",
    "made_up_instance",
]
