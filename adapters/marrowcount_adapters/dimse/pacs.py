"""A stand-in PACS for demonstrations and tests; not for patients: it keeps everything and guards nothing.

Stores what it is sent, answers C-ECHO and grants storage commitment for what it holds. Prints one line of JSON with
its port when it listens.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from pydicom.uid import UID
from pynetdicom import AE, _config, build_role, evt

from marrowcount.errors import MarrowcountError, PeerError
from marrowcount.ports import CommitmentReport, FailedReference, FailureReason
from marrowcount_adapters.dimse.association import Calling, open_association
from marrowcount_adapters.dimse.commitment import (
    COMMITMENT_INSTANCE,
    EVENT_COMPLETE,
    EVENT_FAILURES,
    decode_request,
    encode_report,
)
from marrowcount_adapters.dimse.contexts import COMMITMENT, commitment_context, verification_context
from marrowcount_adapters.dimse.peers import Peer, checked_ae_title
from marrowcount_adapters.dimse.sockets import MAX_PDU_BYTES
from marrowcount_adapters.dimse.statuses import ActionStatus, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event

    from marrowcount.ports import Reference

__all__ = ["StandInPacs", "main"]

REPORT_ATTEMPTS: Final = 60
REPORT_PAUSE_S: Final = 1.0
"""How often and at what intervals a report is offered to a node that does not answer; real archives take hours."""

GOODBYE_S: Final = 2.0
"""How long an association that the end of this PACS aborts may take to close; pynetdicom gives it 30 s."""


@dataclass(frozen=True, slots=True)
class StandInPacs:
    """Holds files below a folder, by SOP Instance UID.

    Attributes:
        event_to: who is called with commitment reports; None to report on the asking association.
    """

    ae_title: str
    folder: Path
    event_to: Peer | None

    @contextmanager
    def listening(self, host: str, port: int) -> Iterator[int]:
        """Listens in the background for the block, on which port; then aborts what is still open.

        pynetdicom's threads outlive the main one: without an abort, a report that nobody answers keeps the process.
        """
        # The switches belong to the process, which is this PACS's own.
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"
        entity = AE(ae_title=self.ae_title)
        entity.maximum_pdu_size = MAX_PDU_BYTES
        entity.supported_contexts = [verification_context(), commitment_context()]
        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._commit)]
        server = entity.start_server((host, port), block=False, evt_handlers=handlers)
        try:
            yield int(server.server_address[1]) if server else 0
        finally:
            _end(entity)

    def _store(self, event: Event) -> int:
        name = UID(str(cast("C_STORE", event.request).AffectedSOPInstanceUID))
        if not name.is_valid:
            return Status.DATA_SET_MISMATCH
        return self._kept(self.folder / f"{name}.dcm", event.encoded_dataset())

    def _kept(self, path: Path, content: bytes) -> int:
        """An instance never changes: the same again is success, another one under its UID is refused."""
        if path.exists():
            return Status.SUCCESS if path.read_bytes() == content else Status.DUPLICATE_INSTANCE
        partial = path.with_suffix(f".{threading.get_ident()}.part")
        partial.write_bytes(content)
        partial.replace(path)
        return Status.SUCCESS

    def _commit(self, event: Event) -> tuple[int, None]:
        try:
            report = self._judged(*decode_request(event.action_information))
        except ValueError:
            return ActionStatus.INVALID_ARGUMENT, None
        # The answer to N-ACTION goes out first, when this handler has returned.
        threading.Thread(target=self._report, args=(report, event.assoc), daemon=True).start()
        return Status.SUCCESS, None

    def _judged(self, transaction_uid: str, asked: Sequence[Reference]) -> CommitmentReport:
        held = {path.stem for path in self.folder.glob("*.dcm")}
        return CommitmentReport(
            transaction_uid,
            tuple(reference for reference in asked if reference.sop_instance_uid in held),
            tuple(
                FailedReference(reference.sop_class_uid, reference.sop_instance_uid, FailureReason.NO_SUCH_INSTANCE)
                for reference in asked
                if reference.sop_instance_uid not in held
            ),
        )

    def _report(self, report: CommitmentReport, asking: Association) -> None:
        if self.event_to is None:
            _send_report(report, asking)
            return
        for _ in range(REPORT_ATTEMPTS):
            if self._called_back(report, self.event_to):
                return
            time.sleep(REPORT_PAUSE_S)

    def _called_back(self, report: CommitmentReport, peer: Peer) -> bool:
        """Report by an association of its own; False where nobody answered."""
        role = build_role(COMMITMENT, scp_role=True)
        try:
            association = open_association(peer, Calling(self.ae_title), [commitment_context()], roles=[role])
        except PeerError as error:
            sys.stderr.write(f"{error}\n")
            return False
        answered = _send_report(report, association)
        association.release()
        return answered


def _end(entity: AE) -> None:
    for association in entity.active_associations:
        association.acse_timeout = GOODBYE_S
    entity.shutdown()


def _send_report(report: CommitmentReport, association: Association) -> bool:
    """Whether it was answered with success."""
    try:
        answer, _ = association.send_n_event_report(
            encode_report(report),
            EVENT_FAILURES if report.failed else EVENT_COMPLETE,
            COMMITMENT,
            COMMITMENT_INSTANCE,
        )
    except RuntimeError:  # the association ended meanwhile
        return False
    return bool(answer.get("Status") == Status.SUCCESS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    try:
        event_to = Peer.parse(options.event_to) if options.event_to else None
        pacs = StandInPacs(checked_ae_title(options.ae), options.folder, event_to)
    except MarrowcountError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    options.folder.mkdir(parents=True, exist_ok=True)
    with pacs.listening(options.host, options.port) as port:
        told = {"ready": True, "ae_title": pacs.ae_title, "host": options.host, "port": port}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        while not stop.wait(0.5):  # a signal does not always wake a thread that waits without end
            pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m marrowcount_adapters.dimse.pacs", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 for any free one")
    parser.add_argument("--ae", default="PACS", help="its AE title")
    parser.add_argument("--folder", type=Path, required=True, help="where it keeps what it is sent")
    parser.add_argument("--event-to", default="", help="AE@host:port told of commitment; default: whoever asks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
