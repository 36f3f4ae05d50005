"""A DICOMweb archive as a destination of results: STOW-RS (PS3.18 section 10.5), one instance a request, streamed."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import structlog
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from marrowcount.errors import DeliveryRefusedError, InstanceError, PeerBusyError, PeerError
from marrowcount.ports import Destination, TakenFile
from marrowcount.workflow.verdicts import Verdict, verdict_of
from marrowcount_adapters.dicomweb_client.asking import Asking, client_for, fault_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["StowDestination"]

LOG: Final = structlog.get_logger()

DICOM_JSON: Final = "application/dicom+json"

PIECE_BYTES: Final = 1 << 18
LONGEST_ANSWER: Final = 4 << 20
"""Bytes of an answer that are read; that to one instance has some hundred."""

JUDGED: Final = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT})
"""Statuses whose body says what became of the instance (PS3.18 Table 10.5.3-1); 202 alone says nothing."""

BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

FAILED_SEQUENCE: Final = "00081198"
REFERENCED_SEQUENCE: Final = "00081199"
OTHER_FAILURES: Final = "0008119A"
INSTANCE_UID: Final = "00081155"
FAILURE_REASON: Final = "00081197"
WARNING_REASON: Final = "00081196"


@dataclass(frozen=True, slots=True)
class StowDestination(Destination):
    """A DICOMweb service base that takes results.

    Attributes:
        token_file: holds a bearer token, read at each delivery so that it can be renewed; None for none.
        timeout_s: silence after which it is given up, in seconds.
        tls: for servers that are not signed by those whom the system trusts, or ask for a certificate.
    """

    destination_name: str
    url: str
    token_file: Path | None = None
    timeout_s: float = 60.0
    tls: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.destination_name

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """Store each file by a request of its own, so that what refers to another comes after it.

        One that is refused for good keeps no other from being sent, such as a note that takes earlier results back.

        Raises:
            PeerError: no answer, or one that may change; PeerBusyError where it says when to come back.
            DeliveryRefusedError: one was refused for good, the first of them.
            InstanceError: ``not-dicom``, a file is none.
        """
        refusals: list[DeliveryRefusedError] = []
        with client_for(self.url, self.token_file, self.timeout_s, self.tls) as client:
            for file in files:
                try:
                    taken(file, self._stored(client, file))
                except DeliveryRefusedError as refusal:
                    refusals.append(refusal)
        if refusals:
            raise refusals[0]

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:  # noqa: ARG002 - the port's
        """None is asked for: the RESTful commitment of PS3.18 chapter 13 is too young to count on."""
        return ""

    def check(self) -> str:
        """Ask for one study; a service that stores only may answer that it does not search.

        Raises:
            PeerError: it does not answer as a DICOMweb server.
        """
        with client_for(self.url, self.token_file, self.timeout_s, self.tls) as client:
            try:
                Asking(self.name, client).page("studies", {"limit": "1"})
            except DeliveryRefusedError as error:
                if error.code not in {"http-405", "http-501"}:
                    raise
        return "answers DICOMweb"

    def _stored(self, client: httpx.Client, file: Path) -> TakenFile:
        told, body = _named(file), _Body(file)
        try:
            with client.stream("POST", "studies", content=body.pieces(), headers=body.headers) as response:
                status, content = response.status_code, _limited(response, self.name)
                busy_s = _retry_after(response) if status in BUSY else None
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # a Location may be no URL
            raise PeerError("no-answer", f"{self.name}: {type(error).__name__} while an instance was sent.") from None
        if busy_s is not None:
            raise PeerBusyError(f"http-{status}", f"{self.name} is busy (HTTP {status}).", busy_s)
        code = self._judged(told.sop_instance_uid, status, content)
        return TakenFile("", told.sop_class_uid, told.sop_instance_uid, code=code)

    def _judged(self, uid: str, status: int, content: bytes) -> int:
        """0 or a warning's status.

        Raises:
            PeerError: it was not taken, and may be later; or nobody can tell.
            DeliveryRefusedError: it was refused for good.
        """
        if status not in JUDGED:
            raise fault_of(self.name, status)
        answer = _answer_of(content)
        failure = _failure_of(answer, uid)
        if failure is None and status == HTTPStatus.CONFLICT:
            raise DeliveryRefusedError("http-409", f"{self.name} refused {uid} (HTTP 409) and did not say why.")
        if failure is not None:
            said = f"{self.name}: {uid} was not stored: Failure Reason {failure:04X}H."
            kind = PeerError if verdict_of(failure) is Verdict.TRY_LATER else DeliveryRefusedError
            raise kind("instance-refused" if kind is DeliveryRefusedError else "instance-not-taken", said)
        return self._warning(answer, uid, status)

    def _warning(self, answer: Mapping[str, Any], uid: str, status: int) -> int:
        stored = [item for item in _items(answer, REFERENCED_SEQUENCE) if _value(item, INSTANCE_UID) == uid]
        if not stored and status == HTTPStatus.ACCEPTED:
            raise PeerError("odd-answer", f"{self.name} answered HTTP 202 without saying that it stored {uid}.")
        code = int(_value(stored[0], WARNING_REASON) or 0) if stored else 0
        if code:
            LOG.warning("instance.status", status=f"{code:04X}", sop_instance_uid=uid, destination=self.name)
        return code


class _Body:
    """A multipart message of one instance (PS3.18 section 8.6.1.2), as pieces of bounded size."""

    def __init__(self, file: Path) -> None:
        boundary = secrets.token_hex(16)
        self._file = file
        self._head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        length = len(self._head) + file.stat().st_size + len(self._tail)
        # With its length, as some servers and most gateways refuse chunked bodies.
        self.headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Content-Length": str(length),
            "Accept": DICOM_JSON,
        }

    def pieces(self) -> Iterator[bytes]:
        yield self._head
        with self._file.open("rb") as opened:
            while piece := opened.read(PIECE_BYTES):
                yield piece
        yield self._tail


def _named(file: Path) -> TakenFile:
    try:
        meta = read_file_meta_info(file)
        return TakenFile("", str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID))
    except (InvalidDicomError, AttributeError, EOFError) as error:
        raise InstanceError("not-dicom", f"{file.name} is no DICOM file (PS3.10) and cannot be sent.") from error


def _limited(response: httpx.Response, name: str) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > LONGEST_ANSWER:
            raise PeerError("answer-too-long", f"{name} answers with more than {LONGEST_ANSWER} bytes.")
    return bytes(content)


def _retry_after(response: httpx.Response) -> float:
    """Seconds (RFC 9110 section 10.2.3), given so or as a date; 0 where neither can be read."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _answer_of(content: bytes) -> Mapping[str, Any]:
    """The Store Instances Response Module (PS3.18 Annex I); empty where it is none, in XML for example."""
    try:
        answer = json.loads(content or b"{}")
    except ValueError:
        return {}
    first = answer[0] if isinstance(answer, list) and answer else answer
    return first if isinstance(first, dict) else {}


def _failure_of(answer: Mapping[str, Any], uid: str) -> int | None:
    """The Failure Reason of an instance, also of one that the server could not name; None where it did not fail."""
    named = [item for item in _items(answer, FAILED_SEQUENCE) if _value(item, INSTANCE_UID) == uid]
    failed = named or _items(answer, OTHER_FAILURES)
    return int(_value(failed[0], FAILURE_REASON) or 0x0110) if failed else None


def _items(answer: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    element = answer.get(tag)
    items = element.get("Value") if isinstance(element, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _value(item: Mapping[str, Any], tag: str) -> str | int | None:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else None
    return first if isinstance(first, str | int) else None
