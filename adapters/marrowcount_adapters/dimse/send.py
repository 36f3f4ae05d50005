"""C-STORE as SCU: files as they lie on the disk, each in its own transfer syntax, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from marrowcount.errors import InstanceError
from marrowcount.ports import Reference
from marrowcount_adapters.dimse.association import Calling, called
from marrowcount_adapters.dimse.contexts import UNCOMPRESSED, storage_context
from marrowcount_adapters.dimse.statuses import Status, Verdict, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pynetdicom.association import Association

    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["SendReport", "SentFile", "send_files"]

LOG: Final = structlog.get_logger()

MAX_CONTEXTS: Final = 128
"""Presentation contexts of one association: odd numbers in one byte (PS3.8 section 9.3.2.2)."""

LAST_MESSAGE_ID: Final = 65535

CONVERTIBLE_BYTES: Final = 256 << 20
"""Largest file read into memory to change between Explicit and Implicit VR."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """What became of one file.

    Attributes:
        status: of the response; None where there was none.
        reason: in words where it was not taken; empty where it was.
    """

    file: Path
    reference: Reference
    verdict: Verdict
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of all files, in the order of sending."""

    sent: tuple[SentFile, ...]

    @property
    def failures(self) -> tuple[SentFile, ...]:
        """The files that the peer does not have."""
        return tuple(sent for sent in self.sent if sent.verdict is not Verdict.TAKEN)


@dataclass(frozen=True, slots=True)
class _Outgoing:
    file: Path
    reference: Reference
    transfer_syntax_uid: str

    @property
    def offers(self) -> tuple[tuple[str, str], ...]:
        """Class and transfer syntax, and for uncompressed data the other syntax that it can be turned into."""
        syntaxes = UNCOMPRESSED if self.transfer_syntax_uid in UNCOMPRESSED else (self.transfer_syntax_uid,)
        return tuple((self.reference.sop_class_uid, syntax) for syntax in syntaxes)

    def told(self, status: int | None, reason: str = "", verdict: Verdict | None = None) -> SentFile:
        return SentFile(self.file, self.reference, verdict or verdict_of(status), status, reason)


def send_files(
    paths: Sequence[Path],
    peer: Peer,
    calling: Calling | str,
    progress: Callable[[SentFile], None] | None = None,
) -> SendReport:
    """Send files in this order; one association, or one more for each 128 presentation contexts.

    Args:
        paths: DICOM files (PS3.10).
        peer: whom to send to.
        calling: how to call, or the node's AE title alone.
        progress: told of each file when its answer has come.

    Raises:
        InstanceError: ``not-dicom``, one of the files is none; nothing was sent.
        PeerError: an association could not be opened.
    """
    caller = Calling(calling) if isinstance(calling, str) else calling
    sent: list[SentFile] = []
    for batch in _batches([_outgoing(path) for path in paths]):
        with called(peer, caller, [storage_context(*offer) for offer in _offers(batch)]) as association:
            for outgoing in batch:
                sent.append(_sent(association, outgoing, len(sent) % LAST_MESSAGE_ID + 1))
                if progress:
                    progress(sent[-1])
    return SendReport(tuple(sent))


def _outgoing(path: Path) -> _Outgoing:
    try:
        meta = read_file_meta_info(path)
        reference = Reference(str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID))
        return _Outgoing(path, reference, str(meta.TransferSyntaxUID))
    except (InvalidDicomError, AttributeError, EOFError) as error:
        raise InstanceError("not-dicom", f"{path.name} is no DICOM file (PS3.10) and cannot be sent.") from error


def _batches(outgoing: Sequence[_Outgoing]) -> Iterator[list[_Outgoing]]:
    """Runs of files whose presentation contexts fit into one association."""
    batch: list[_Outgoing] = []
    for item in outgoing:
        if len(_offers([*batch, item])) > MAX_CONTEXTS:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _offers(batch: Sequence[_Outgoing]) -> dict[tuple[str, str], None]:
    """Distinct offers in order of appearance."""
    return dict.fromkeys(offer for outgoing in batch for offer in outgoing.offers)


def _sent(association: Association, outgoing: _Outgoing, message_id: int) -> SentFile:
    accepted = {
        (str(context.abstract_syntax), str(context.transfer_syntax[0])) for context in association.accepted_contexts
    }
    if accepted.isdisjoint(outgoing.offers):
        return outgoing.told(None, "the peer takes no such class in this transfer syntax", Verdict.REFUSED)
    exact = (outgoing.reference.sop_class_uid, outgoing.transfer_syntax_uid) in accepted
    if not exact and outgoing.file.stat().st_size > CONVERTIBLE_BYTES:
        return outgoing.told(None, "the peer takes it in another encoding only, and it is too large", Verdict.REFUSED)
    try:
        answer = association.send_c_store(outgoing.file if exact else dcmread(outgoing.file), message_id)
    except (ConnectionError, RuntimeError):  # ended while sending; ended before
        answer = Dataset()
    if "Status" not in answer:
        association.abort()  # lest the next file wait for an answer on it, too
        return outgoing.told(None, "the association ended before the peer answered")
    return _answered(outgoing, answer)


def _answered(outgoing: _Outgoing, answer: Dataset) -> SentFile:
    status = int(answer.Status)
    if status == Status.SUCCESS:
        return outgoing.told(status)
    comment = str(answer.get("ErrorComment", ""))
    LOG.warning("instance.status", status=f"{status:04X}", sop_instance_uid=outgoing.reference.sop_instance_uid)
    sent = outgoing.told(status, f"the peer answered {status:04X}H {comment}".rstrip())
    return sent if sent.verdict is not Verdict.TAKEN else outgoing.told(status)
