"""DICOM over TCP (PS3.7, PS3.8): listener, sender, query and retrieve, storage commitment, a stand-in PACS."""

from marrowcount_adapters.dimse.answering import CommitmentRequests, DicomReporter
from marrowcount_adapters.dimse.archive import GetArchive, MoveArchive
from marrowcount_adapters.dimse.association import Calling, echo
from marrowcount_adapters.dimse.commitment import OnCommitment
from marrowcount_adapters.dimse.destination import DicomDestination
from marrowcount_adapters.dimse.listener import Listener, ListenerSettings
from marrowcount_adapters.dimse.peers import Peer
from marrowcount_adapters.dimse.send import SendReport, SentFile, send_files
from marrowcount_adapters.dimse.statuses import Status, Verdict

__all__ = [
    "Calling",
    "CommitmentRequests",
    "DicomDestination",
    "DicomReporter",
    "GetArchive",
    "Listener",
    "ListenerSettings",
    "MoveArchive",
    "OnCommitment",
    "Peer",
    "SendReport",
    "SentFile",
    "Status",
    "Verdict",
    "echo",
    "send_files",
]
