"""The store transaction over HTTP: what is asked, what is answered."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog
from anyio import CancelScope, to_thread
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from marrowcount_adapters.dicomweb.intake import Patience, Slots, drain, patient_pieces, pump
from marrowcount_adapters.dicomweb.media_types import media_type
from marrowcount_adapters.dicomweb.multipart import MultipartReader
from marrowcount_adapters.dicomweb.negotiation import DICOM, JSON, not_acceptable, plain_media_type, ranges_of
from marrowcount_adapters.dicomweb.places import base_url
from marrowcount_adapters.dicomweb.problems import ProblemError
from marrowcount_adapters.dicomweb.retrieve import UID
from marrowcount_adapters.dicomweb.store import TAKEN_AT_ONCE, Failed, Intake, StoreRules, WholeBody
from marrowcount_adapters.dicomweb.store_answers import UNAVAILABLE, native_xml, response, status_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from marrowcount.workflow.receive import Receiving

__all__ = ["Storing"]

LOG: Final = structlog.get_logger()

XML: Final = "application/dicom+xml"
ANSWERS: Final = (JSON, XML, "application/json")
UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]+")
SENDER_LENGTH: Final = 64
FULL_RETRY_S: Final = 300
"""Until a full disk may have been seen to."""


class Storing:
    """Answers the requests."""

    def __init__(self, receiving: Receiving, rules: StoreRules, patience: Patience, at_a_time: int) -> None:
        self._receiving = receiving
        self._rules = rules
        self._patience = patience
        self._slots = Slots(at_a_time)
        self._takers = ThreadPoolExecutor(TAKEN_AT_ONCE, "store")

    async def store(self, request: Request) -> Response:
        """Take the instances of a request over."""
        try:
            return await self._stored(request)
        except ProblemError as error:
            if error.code != "too-slow":
                await drain(request)
            error.headers.setdefault("Connection", "close")
            raise

    async def _stored(self, request: Request) -> Response:
        answer_type = plain_media_type(ranges_of(request), ANSWERS)
        if answer_type is None:
            raise not_acceptable("The answer is application/dicom+json or application/dicom+xml.")
        intake = self._intake(request)
        async with self._slots.taken():
            if not await to_thread.run_sync(self._receiving.may_continue, 0, limiter=self._slots.limiter):
                headers = {"Retry-After": str(FULL_RETRY_S)}
                raise ProblemError(503, "disk-full", "Less space is free than the settings keep.", headers)
            await self._taken_over(request, intake)
        return _answer(intake, base_url(request), answer_type)

    def _intake(self, request: Request) -> Intake:
        study = request.path_params.get("study")
        if study is not None and not UID.fullmatch(study):
            raise ProblemError(400, "bad-uid", "The URI holds what is no UID (PS3.5 section 9.1).")
        return Intake(self._receiving, self._rules, _sender(request), study, _reader(request), self._takers)

    async def _taken_over(self, request: Request, intake: Intake) -> None:
        limiter = self._slots.limiter
        try:
            await pump(patient_pieces(request, self._patience), intake.feed, limiter)
            await to_thread.run_sync(intake.close, limiter=limiter)
        except ClientDisconnect:
            LOG.warning("store.broken_off", sender=intake.sender)
            raise
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(intake.abandon, limiter=limiter)


def _reader(request: Request) -> MultipartReader | WholeBody:
    """For the request's media type (PS3.18 section 10.5.1).

    Raises:
        ProblemError: 415.
        InstanceError: ``bad-multipart``, the boundary is none.
    """
    kind = media_type(request.headers.get("content-type", ""))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _unsupported("The body is compressed; DICOM goes by HTTP as it is.")
    if kind is not None and kind.essence == DICOM:
        return WholeBody()
    if kind is None or kind.essence != "multipart/related":
        raise _unsupported('Send multipart/related; type="application/dicom".')
    inner = kind.parameters.get("type", DICOM).lower()
    if inner != DICOM:
        raise _unsupported("Metadata with bulk data apart are not taken; send whole instances as application/dicom.")
    return MultipartReader(kind.parameters.get("boundary", ""))


def _answer(intake: Intake, base: str, answer_type: str) -> Response:
    results = intake.results  # abandoned by now, so nothing is waited for
    status = status_of(results, intake.error)
    for failed in results:
        if isinstance(failed, Failed):
            LOG.warning(
                "store.part_refused",
                code=failed.code,
                sop_instance_uid=_loggable(failed.identity.sop_instance_uid),
                sender=intake.sender,
            )
    if intake.error is not None and not results:
        raise ProblemError(status, intake.error.code, intake.error.message)
    if not results:
        raise ProblemError(status, "no-parts", "The request holds no instance.")
    data_set = response(results, base)
    headers = {"Retry-After": str(FULL_RETRY_S)} if status == UNAVAILABLE else {}
    content = native_xml(data_set) if answer_type == XML else json.dumps(data_set).encode()
    return Response(content, status, headers, answer_type)


def _sender(request: Request) -> str:
    """Who sends, for ledger and log: the name of its token, else what its program calls itself."""
    named = getattr(request.state, "caller", "") or request.headers.get("user-agent", "")
    return UNPRINTABLE.sub("_", named)[:SENDER_LENGTH] or "http"


def _loggable(uid: str) -> str:
    """A UID as the data set has it; anything else that stands in its place may be a name."""
    return uid if UID.fullmatch(uid) else ""


def _unsupported(message: str) -> ProblemError:
    return ProblemError(415, "unsupported-media-type", message, {"Accept": f'multipart/related; type="{DICOM}"'})
