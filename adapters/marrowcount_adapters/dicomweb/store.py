"""STOW-RS (PS3.18 section 10.5): takes the parts of a request over as they come, each by the node's own receipt."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError, StorageError
from marrowcount.workflow.receive import Outcome
from marrowcount_adapters.dicomweb.data_set import Kind
from marrowcount_adapters.dicomweb.media_types import media_type
from marrowcount_adapters.dicomweb.multipart import MultipartReader, PartBegins, PartData, PartEnds
from marrowcount_adapters.dicomweb.part10 import opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from marrowcount.errors import MarrowcountError
    from marrowcount.ports import ArrivingFile, Digest
    from marrowcount.workflow.receive import Receipt, Receiving

__all__ = ["TAKEN_AT_ONCE", "Failed", "Identity", "Intake", "Reason", "StoreRules", "Stored", "WholeBody"]

LOG: Final = structlog.get_logger()

TAKEN_AT_ONCE: Final = 4
"""Parts of one request that are taken over while another one comes in."""
CHECK_EVERY_BYTES: Final = 8 << 20
"""How often a running transfer is held against the limits."""


class Reason(IntEnum):
    """Failure Reason (0008,1197): PS3.18 Table I.2-2, and PS3.7 Annex C where that has none."""

    PROCESSING_FAILURE = 0x0110
    """The node's own failure."""
    DUPLICATE_INSTANCE = 0x0111
    """PS3.7 C.5.8: the SOP Instance UID belongs to another data set."""
    CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_MISMATCH = 0xA900
    """It lacks what its class requires."""
    OTHER_STUDY = 0xA901
    """It belongs to another study than the request names."""
    CANNOT_UNDERSTAND = 0xC000
    SYNTAX_NOT_SUPPORTED = 0xC122


OF_CODE: Final = {
    "not-dicom": Reason.CANNOT_UNDERSTAND,
    "instance-conflict": Reason.DUPLICATE_INSTANCE,
    "too-large": Reason.OUT_OF_RESOURCES,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Which instance a file says that it is; empty where it says nothing."""

    study_uid: str = ""
    series_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """The node answers for an instance."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Failed:
    """A part was not taken.

    Attributes:
        code: of the error, stable.
        message: without patient data.
    """

    identity: Identity
    reason: Reason
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class StoreRules:
    """What may be stored.

    Attributes:
        accepted: transfer syntaxes of each SOP class that is taken.
        max_parts: in one request.
    """

    accepted: Mapping[str, frozenset[str]]
    max_parts: int = 10_000


@dataclass(slots=True)
class Intake:
    """The parts of one request on their way to the store; used by one thread at a time.

    Attributes:
        sender: who sends, for the ledger.
        study_uid: to which all instances must belong; None for any.
        reader: of the body.
        takers: threads that take parts over while the next one comes in: to sync a small instance takes longer than to
            receive it.
        error: why the rest of the message could not be read; None while it could.
    """

    receiving: Receiving
    rules: StoreRules
    sender: str
    study_uid: str | None
    reader: MultipartReader | WholeBody
    takers: Executor
    error: InstanceError | None = None
    _part: _Part | None = None
    _outcomes: list[Future[Stored | Failed]] = field(default_factory=list)

    @property
    def results(self) -> Sequence[Stored | Failed]:
        """What became of each part, in their order; waits for those that are being taken over."""
        return [outcome.result() for outcome in self._outcomes]

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body; what follows an error in the message is passed over."""
        if self.error is not None:
            return
        try:
            for event in self.reader.feed(piece):
                self._hear(event)
        except InstanceError as error:
            self._fail(error)

    def close(self) -> None:
        """Hear that the body has ended."""
        if self.error is not None:
            return
        try:
            for event in self.reader.close() or ():
                self._hear(event)
        except InstanceError as error:
            self._fail(error)

    def abandon(self) -> None:
        """Leave nothing behind of a part that did not end, and nothing under way."""
        wait(self._outcomes)
        if self._part is not None:
            self._part.discard()
            self._part = None

    def _fail(self, error: InstanceError) -> None:
        self.error = error
        if self._part is not None:
            self._outcomes.append(_known(Failed(Identity(), Reason.CANNOT_UNDERSTAND, error.code, error.message)))
        self.abandon()

    def _hear(self, event: PartBegins | PartData | PartEnds) -> None:
        match event:
            case PartBegins(fields):
                self._part = self._begun(fields)
            case PartData(data) if self._part is not None:
                self._part.write(data)
            case PartEnds() if self._part is not None:
                part, self._part = self._part, None
                self._end(part)
            case _:
                pass

    def _begun(self, fields: Mapping[str, str]) -> _Part:
        if len(self._outcomes) == self.rules.max_parts:
            raise InstanceError("too-many-parts", f"More than {self.rules.max_parts} parts; send several requests.")
        part = _Part(self.receiving)
        kind = media_type(fields.get("content-type", "application/dicom"))
        if kind is None or kind.essence != "application/dicom":
            part.refuse(Reason.CANNOT_UNDERSTAND, "wrong-media-type", "A part is not application/dicom.")
        elif fields.get("content-transfer-encoding", "binary").lower() not in {"binary", "8bit"}:
            part.refuse(Reason.CANNOT_UNDERSTAND, "wrong-encoding", "A part is encoded; DICOM goes by HTTP as it is.")
        else:
            part.begin()
        return part

    def _end(self, part: _Part) -> None:
        if part.refusal is not None:
            self._outcomes.append(_known(part.refusal))
            return
        if len(self._outcomes) >= TAKEN_AT_ONCE:
            wait(self._outcomes[-TAKEN_AT_ONCE:], return_when=FIRST_COMPLETED)
        self._outcomes.append(self.takers.submit(copy_context().run, self._taken_and_cleared, part))

    def _taken_and_cleared(self, part: _Part) -> Stored | Failed:
        try:
            return self._taken(part)
        finally:
            part.discard()

    def _taken(self, part: _Part) -> Stored | Failed:
        identity = Identity()
        try:
            path, digest = part.finished()
            identity = _identity(path)
            if refusal := self._refusal(identity):
                return refusal
            return _told(identity, self.receiving.take(path, self.sender, "", "", digest))
        except StorageError as error:
            LOG.error("instance.not_stored", code=error.code, sender=self.sender)  # noqa: TRY400 - the code says all
            return Failed(identity, Reason.OUT_OF_RESOURCES, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - one bad part must not cost the others their answer
            # Not its message or traceback: a parser's may quote the data set.
            LOG.error("instance.failed", error=type(error).__name__, sender=self.sender)  # noqa: TRY400
            return Failed(identity, Reason.PROCESSING_FAILURE, "failed", "The node failed; see its log.")

    def _refusal(self, identity: Identity) -> Failed | None:
        """Why an instance is not even looked at; what cannot be read is left to the receipt, which quarantines it."""
        if not identity.sop_class_uid:
            return None
        syntaxes = self.rules.accepted.get(identity.sop_class_uid)
        if syntaxes is None:
            message = "Instances of this SOP class are not taken; see the conformance statement."
            return Failed(identity, Reason.CLASS_NOT_SUPPORTED, "class-not-supported", message)
        if identity.transfer_syntax_uid not in syntaxes:
            message = "This transfer syntax is not taken for this SOP class; see the conformance statement."
            return Failed(identity, Reason.SYNTAX_NOT_SUPPORTED, "syntax-not-supported", message)
        if self.study_uid not in {None, identity.study_uid}:
            message = "The instance belongs to another study than the one in the URI."
            return Failed(identity, Reason.OTHER_STUDY, "other-study", message)
        return None


def _known(outcome: Stored | Failed) -> Future[Stored | Failed]:
    """What needs no waiting for."""
    known: Future[Stored | Failed] = Future()
    known.set_result(outcome)
    return known


class WholeBody:
    """A body that is one instance, told as one part."""

    def __init__(self) -> None:
        self._begun = False

    def feed(self, piece: bytes) -> tuple[PartBegins | PartData, ...]:
        """See :class:`MultipartReader`."""
        if not piece:
            return ()
        begun, self._begun = self._begun, True
        data = PartData(memoryview(piece))
        return (data,) if begun else (PartBegins({}), data)

    def close(self) -> tuple[PartEnds, ...]:
        """See :class:`MultipartReader`."""
        return (PartEnds(),) if self._begun else ()


class _Part:
    """A part while it is written to the inbox; a refused one is passed over."""

    def __init__(self, receiving: Receiving) -> None:
        self._receiving = receiving
        self._file: ArrivingFile | None = None
        self._bytes = self._checked_at = 0
        self.refusal: Failed | None = None

    def begin(self) -> None:
        try:
            self._file = self._receiving.arriving()
        except StorageError as error:
            self._refuse_by(error)

    def refuse(self, reason: Reason, code: str, message: str) -> None:
        self.refusal = Failed(Identity(), reason, code, message)
        self.discard()

    def write(self, data: memoryview) -> None:
        if self._file is None:
            return
        self._bytes += len(data)
        try:
            if self._bytes - self._checked_at >= CHECK_EVERY_BYTES:
                self._checked_at = self._bytes
                self._receiving.check_transfer(self._bytes)
            self._file.write(data)
        except (InstanceError, StorageError) as error:
            self._refuse_by(error)

    def finished(self) -> tuple[Path, Digest]:
        """The written file.

        Raises:
            StorageError: the disk is full or fails.
        """
        if self._file is None:
            raise StorageError("disk-failed", "The file was not begun.")
        return self._file.path, self._file.finish()

    def discard(self) -> None:
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _refuse_by(self, error: MarrowcountError) -> None:
        self.refuse(Reason.OUT_OF_RESOURCES, error.code, error.message)


def _told(identity: Identity, receipt: Receipt) -> Stored | Failed:
    if receipt.outcome in {Outcome.NEW, Outcome.IDENTICAL}:
        return Stored(identity)
    reason = OF_CODE.get(receipt.code, Reason.DATA_SET_MISMATCH)
    return Failed(identity, reason, receipt.code, receipt.message)


IDENTIFIERS: Final = {
    0x00080016: "sop_class_uid",
    0x00080018: "sop_instance_uid",
    0x0020000D: "study_uid",
    0x0020000E: "series_uid",
}


def _identity(path: Path) -> Identity:
    found: dict[str, str] = {}
    depth = 0
    try:
        with opened(path) as source:
            for step in source.steps():
                if not depth and step.tag > max(IDENTIFIERS):
                    break
                if step.kind is Kind.ELEMENT:
                    if not depth and step.tag in IDENTIFIERS:
                        found[IDENTIFIERS[step.tag]] = source.value(step).decode("latin-1").strip(" \0")
                else:
                    depth += 1 if step.kind in {Kind.SEQUENCE, Kind.ITEM} else -1
            return Identity(**found, transfer_syntax_uid=source.transfer_syntax_uid)
    except (InstanceError, OSError):
        return Identity()
