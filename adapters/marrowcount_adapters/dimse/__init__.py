"""DICOM over TCP (PS3.7, PS3.8): the listener, the sender, storage commitment and a stand-in PACS."""

from marrowcount_adapters.dimse.association import Calling, echo
from marrowcount_adapters.dimse.commitment import OnCommitment
from marrowcount_adapters.dimse.destination import DicomDestination
from marrowcount_adapters.dimse.listener import Listener, ListenerSettings
from marrowcount_adapters.dimse.peers import Peer
from marrowcount_adapters.dimse.send import SendReport, SentFile, send_files
from marrowcount_adapters.dimse.statuses import Status, Verdict

__all__ = [
    "Calling",
    "DicomDestination",
    "Listener",
    "ListenerSettings",
    "OnCommitment",
    "Peer",
    "SendReport",
    "SentFile",
    "Status",
    "Verdict",
    "echo",
    "send_files",
]
