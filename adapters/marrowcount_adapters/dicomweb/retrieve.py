"""WADO-RS (PS3.18 section 10.4): instances, metadata, bulk data and frames, as they are held; nothing is transcoded."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.responses import Response, StreamingResponse

from marrowcount_adapters.dicomweb.bulk import all_bulk, find_element
from marrowcount_adapters.dicomweb.data_set import UNDEFINED
from marrowcount_adapters.dicomweb.dicom_json import json_object
from marrowcount_adapters.dicomweb.frame_tables import FrameTables
from marrowcount_adapters.dicomweb.frames import Segment
from marrowcount_adapters.dicomweb.negotiation import (
    DICOM,
    JSON,
    OCTETS,
    Representation,
    bulk_representation,
    dicom_representation,
    frame_media_type,
    frames_representation,
    not_acceptable,
    plain_media_type,
    ranges_of,
)
from marrowcount_adapters.dicomweb.part10 import EXPLICIT_LITTLE_ENDIAN, opened
from marrowcount_adapters.dicomweb.places import base_url
from marrowcount_adapters.dicomweb.problems import ProblemError
from marrowcount_adapters.dicomweb.responses import Body, answered, file_pieces, multipart_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.requests import Request

    from marrowcount_adapters.dicomweb.frames import Frames
    from marrowcount_adapters.dicomweb.held import Held
    from marrowcount_adapters.dicomweb.holdings import Holdings

__all__ = ["UID", "Retrieval", "frame_numbers", "instance_url"]

UID: Final = re.compile(r"[0-9.]{1,64}")
FRAME_LIST: Final = re.compile(r"[1-9][0-9]{0,9}(,[1-9][0-9]{0,9})*")
MAX_FRAMES: Final = 1000
"""In one request."""
RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


class Retrieval:
    """Answers the requests."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.frame_tables = FrameTables()

    def held(self, request: Request) -> Sequence[Held]:
        """The instances that a URI names, in the order of their receipt.

        Raises:
            ProblemError: 404, there are none.
            StorageError: the ledger or the index fails.
        """
        study, series, instance = (request.path_params.get(name) for name in ("study", "series", "instance"))
        if not all(uid is None or UID.fullmatch(uid) for uid in (study, series, instance)):
            raise ProblemError(400, "bad-uid", "The URI holds what is no UID (PS3.5 section 9.1).")
        found: Sequence[Held]
        if instance is not None:
            one = self._holdings.instance(str(study), str(series), instance)
            found = [] if one is None else [one]
        elif series is not None:
            found = self._holdings.series(str(study), series)
        else:
            found = self._holdings.study(str(study))
        if not found:
            raise ProblemError(404, "not-found", "The node holds no such study, series or instance.")
        return found

    def instances(self, request: Request) -> Response:
        """Whole instances."""
        ranges, held = ranges_of(request), self.held(request)
        acceptable = [one for one in held if dicom_representation(ranges, one.transfer_syntax_uid)]
        if not acceptable:
            syntaxes = ", ".join(sorted({one.transfer_syntax_uid for one in held}))
            raise not_acceptable(
                "Instances are sent as they are held: ask for multipart/related; "
                f'type="application/dicom"; transfer-syntax=* (held: {syntaxes}).'
            )
        headers = _validators(acceptable)
        if _not_modified(request, headers):
            return Response(None, 304, headers)
        status = 200 if len(acceptable) == len(held) else 206
        representation = dicom_representation(ranges, acceptable[0].transfer_syntax_uid)
        bodies = [_instance_body(one, request) for one in acceptable]
        if len(bodies) == 1 and representation is not None and not representation.multipart:
            return answered(request, bodies[0], status, headers)
        return multipart_response(request, bodies, status, headers)

    def metadata(self, request: Request) -> Response:
        """Metadata without large values, as JSON."""
        media_type = plain_media_type(ranges_of(request), (JSON, "application/json"))
        if media_type is None:
            raise not_acceptable("Metadata are sent as application/dicom+json.")
        held = self.held(request)
        headers = _validators(held, str(request.url.replace(query="")))
        if _not_modified(request, headers):
            return Response(None, 304, headers)
        # The head tells no length: nobody knows it before the metadata are written.
        pieces = iter(()) if request.method == "HEAD" else _metadata(held, base_url(request))
        return StreamingResponse(pieces, 200, headers, media_type)

    def bulk(self, request: Request) -> Response:
        """The value that a Bulk Data URI means."""
        (held,) = self.held(request)
        with opened(held.path) as source:
            step = find_element(source, request.path_params["path"])
            if step is None:
                raise ProblemError(404, "not-found", "The instance has no such element.")
            if step.length == UNDEFINED:
                return self._all_frames(request, held)
            # A deflated data set is inflated for this block alone.
            inflated = source.value(step) if source.begin == 0 else None
        segment = Segment(step.offset, step.length)
        pieces = _from_file(held, segment) if inflated is None else _from_memory(inflated)
        representation, headers = _bulk_representation(request), _validators([held], request.url.path)
        if _not_modified(request, headers):
            return Response(None, 304, headers)
        if representation.multipart:
            location = str(request.url.replace(query=""))
            body = Body(OCTETS, location, step.length, pieces(0, step.length))
            return multipart_response(request, [body], 200, headers)
        return _octets(request, step.length, pieces, headers)

    def all_bulk(self, request: Request) -> Response:
        """All values that metadata leave out, each as a part that says where it is found alone."""
        found = self.held(request)
        _bulk_representation(request)
        headers = _validators(found, request.url.path)
        if _not_modified(request, headers):
            return Response(None, 304, headers)
        bodies = [body for held in found for body in self._bulk_bodies(held, request)]
        if not bodies:
            raise ProblemError(404, "not-found", "There are no bulk data.")
        return multipart_response(request, bodies, 200, headers)

    def frames(self, request: Request) -> Response:
        """Frames by their numbers."""
        (held,) = self.held(request)
        return self._frames_answer(request, held, frame_numbers(request))

    def pixel_data(self, request: Request) -> Response:
        """All frames of an instance."""
        (held,) = self.held(request)
        return self._all_frames(request, held)

    def frame_table(self, held: Held) -> Frames:
        """Where an instance's frames lie.

        Raises:
            ProblemError: 404, it has none.
            InstanceError: ``damaged``.
        """
        frames = self.frame_tables.of(held)
        if frames is None:
            raise ProblemError(404, "no-frames", "The instance has no pixel data.")
        return frames

    def _all_frames(self, request: Request, held: Held) -> Response:
        return self._frames_answer(request, held, range(1, self.frame_table(held).count + 1))

    def _frames_answer(self, request: Request, held: Held, numbers: Sequence[int]) -> Response:
        frames = self.frame_table(held)
        if max(numbers) > frames.count:
            raise ProblemError(404, "no-such-frame", f"The instance has {frames.count} frames.")
        syntax = held.transfer_syntax_uid
        representation = frames_representation(
            ranges_of(request), syntax, encapsulated=frames.encapsulated, count=len(numbers)
        )
        if representation is None:
            own = frame_media_type(syntax, encapsulated=frames.encapsulated)
            raise not_acceptable(
                f'Frames are sent as they are held: ask for multipart/related; type="{own}" ({syntax}).'
            )
        shown = syntax if frames.encapsulated else EXPLICIT_LITTLE_ENDIAN
        media_type = f"{representation.media_type};transfer-syntax={shown}"
        bodies = _frame_bodies(held, frames, numbers, media_type, instance_url(held, base_url(request)))
        headers = _validators([held], request.url.path)
        if _not_modified(request, headers):
            return Response(None, 304, headers)
        if not representation.multipart:
            return answered(request, next(bodies), 200, headers)
        return multipart_response(request, list(bodies), 200, headers)

    def _bulk_bodies(self, held: Held, request: Request) -> Iterator[Body]:
        url = f"{instance_url(held, base_url(request))}/bulkdata"
        with opened(held.path) as source:
            if source.begin == 0:  # inflated: the values lie in no file
                values = [(path, source.value(step)) for path, step in all_bulk(source)]
                for path, value in values:
                    yield Body(OCTETS, f"{url}/{path}", len(value), _from_memory(value)(0, len(value)))
                return
            found = list(all_bulk(source))
        for path, step in found:
            if step.length != UNDEFINED:  # encapsulated pixel data are had frame by frame
                pieces = _from_file(held, Segment(step.offset, step.length))
                yield Body(OCTETS, f"{url}/{path}", step.length, pieces(0, step.length))


def instance_url(held: Held, base: str) -> str:
    """Of an instance."""
    return f"{base}/studies/{held.study_uid}/series/{held.series_uid}/instances/{held.sop_instance_uid}"


def frame_numbers(request: Request) -> Sequence[int]:
    """The frames that a URI names.

    Raises:
        ProblemError: 400, they are no list of numbers from 1, or too many.
    """
    text = request.path_params["frames"]
    if not FRAME_LIST.fullmatch(text) or text.count(",") >= MAX_FRAMES:
        raise ProblemError(400, "bad-frames", f"Frames are numbers from 1, parted by commas, {MAX_FRAMES} at most.")
    return [int(number) for number in text.split(",")]


def _instance_body(held: Held, request: Request) -> Body:
    media_type = f"{DICOM};transfer-syntax={held.transfer_syntax_uid}"
    location = instance_url(held, base_url(request))
    return Body(media_type, location, held.size_bytes, file_pieces(held.path, [Segment(0, held.size_bytes)]))


def _frame_bodies(held: Held, frames: Frames, numbers: Sequence[int], media_type: str, url: str) -> Iterator[Body]:
    with held.path.open("rb") as file:
        for number in numbers:
            segments = frames.segments(file, number)
            size = sum(segment.length for segment in segments)
            yield Body(media_type, f"{url}/frames/{number}", size, file_pieces(held.path, segments))


Window: TypeAlias = "Callable[[int, int], Callable[[], Iterator[bytes]]]"
"""Some bytes of a value: offset and length."""


def _from_file(held: Held, segment: Segment) -> Window:
    return lambda offset, length: file_pieces(held.path, [Segment(segment.offset + offset, length)])


def _from_memory(value: bytes) -> Window:
    return lambda offset, length: lambda: iter((value[offset : offset + length],))


def _bulk_representation(request: Request) -> Representation:
    representation = bulk_representation(ranges_of(request))
    if representation is None:
        raise not_acceptable("Bulk data are sent as application/octet-stream, alone or in multipart/related.")
    return representation


def _octets(request: Request, size: int, window: Window, headers: dict[str, str]) -> Response:
    """A value by itself, or the range of it that is asked for (RFC 9110 section 14)."""
    asked = RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None:
        return answered(request, Body(OCTETS, "", size, window(0, size)), 200, {**headers, "Accept-Ranges": "bytes"})
    first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
    if first > last:
        raise ProblemError(416, "no-such-range", "The value is shorter.", {"Content-Range": f"bytes */{size}"})
    said = {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    return answered(request, Body(OCTETS, "", last - first + 1, window(first, last - first + 1)), 206, said)


def _metadata(held: Sequence[Held], base: str) -> Iterator[str]:
    for number, one in enumerate(held):
        yield "," if number else "["
        with opened(one.path) as source:
            yield from _gathered(json_object(source, f"{instance_url(one, base)}/bulkdata"))
    yield "]"


def _gathered(pieces: Iterator[str]) -> Iterator[str]:
    """Small pieces made into ones worth sending."""
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size > 1 << 16:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def _validators(held: Sequence[Held], kind: str = "") -> dict[str, str]:
    """An instance never changes, so its digest tells whether a copy is still good; no shared cache may keep one."""
    digest = hashlib.sha256("|".join([kind, *(one.sha256 for one in held)]).encode()).hexdigest()
    return {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}


def _not_modified(request: Request, headers: dict[str, str]) -> bool:
    tags = request.headers.get("if-none-match", "")
    return tags == "*" or headers["ETag"] in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
