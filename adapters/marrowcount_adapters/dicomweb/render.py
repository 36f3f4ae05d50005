"""Rendered resources and thumbnails: which picture stands for what is asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.negotiation import not_acceptable, plain_media_type, ranges_of
from marrowcount_adapters.dicomweb.problems import ProblemError
from marrowcount_adapters.dicomweb.rendering import (
    MAX_TILES,
    Viewport,
    encoded,
    read_image_facts,
    rendered_frame,
    rendered_matrix,
)
from marrowcount_adapters.dicomweb.retrieve import frame_numbers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from PIL import Image
    from starlette.requests import Request

    from marrowcount_adapters.dicomweb.held import Held
    from marrowcount_adapters.dicomweb.rendering import ImageFacts
    from marrowcount_adapters.dicomweb.retrieve import Retrieval

__all__ = ["Rendering"]

OFFERED: Final = ("image/jpeg", "image/png")
VIEWPORT: Final = re.compile(r"([1-9]\d{0,4}),([1-9]\d{0,4})")
LARGEST: Final = Viewport(4096, 4096)
THUMBNAIL: Final = Viewport(256, 256)
QUALITY: Final = 90
THREADS: Final = 2
"""Pictures decoded at a time; the counting of slides needs the processor, too."""


class Rendering:
    """Answers the requests."""

    def __init__(self, retrieval: Retrieval) -> None:
        self._retrieval = retrieval
        self._turns = CapacityLimiter(THREADS)

    async def frame(self, request: Request) -> Response:
        """One frame."""
        return await self._answered(request, LARGEST, self._frame)

    async def frame_thumbnail(self, request: Request) -> Response:
        """One frame, small."""
        return await self._answered(request, THUMBNAIL, self._frame)

    async def instance(self, request: Request) -> Response:
        """A level put together, or a single frame."""
        return await self._answered(request, LARGEST, self._instance)

    async def thumbnail(self, request: Request) -> Response:
        """A small picture of an instance, a series or a study; never of the glass's label, which names a person."""
        return await self._answered(request, THUMBNAIL, self._representative)

    async def _answered(
        self, request: Request, most: Viewport, draw: Callable[[Request, Viewport], Image.Image]
    ) -> Response:
        media_type = plain_media_type(ranges_of(request), OFFERED)
        if media_type is None:
            raise not_acceptable("Pictures are rendered as image/jpeg or image/png.")
        viewport, quality = _viewport(request, most), _quality(request)
        drawing = lambda: encoded(draw(request, viewport), media_type, quality)  # noqa: E731 - what one thread does
        try:
            picture = await _in_turn(drawing, self._turns)
        except InstanceError as error:
            if error.code != "not-renderable":
                raise
            raise ProblemError(406, error.code, error.message) from None
        return Response(picture, 200, {"Cache-Control": "private, no-cache"}, media_type)

    def _frame(self, request: Request, viewport: Viewport) -> Image.Image:
        (held,) = self._retrieval.held(request)
        numbers = frame_numbers(request)
        if len(numbers) > 1:
            raise ProblemError(400, "bad-frames", "One picture is rendered from one frame.")
        frames = self._retrieval.frame_table(held)
        if numbers[0] > frames.count:
            raise ProblemError(404, "no-such-frame", f"The instance has {frames.count} frames.")
        return rendered_frame(held, read_image_facts(held), frames, numbers[0], viewport)

    def _instance(self, request: Request, viewport: Viewport) -> Image.Image:
        (held,) = self._retrieval.held(request)
        return self._drawn(held, read_image_facts(held), viewport)

    def _representative(self, request: Request, viewport: Viewport) -> Image.Image:
        held = self._retrieval.held(request)
        if "instance" in request.path_params:
            return self._drawn(held[0], read_image_facts(held[0]), viewport)
        chosen = min(_candidates(held), key=lambda one: one[0], default=None)
        if chosen is None:
            raise ProblemError(404, "no-picture", "None of these instances makes a small picture.")
        return self._drawn(chosen[1], chosen[2], viewport)

    def _drawn(self, held: Held, facts: ImageFacts, viewport: Viewport) -> Image.Image:
        frames = self._retrieval.frame_table(held)
        if frames.count == 1 and not facts.tiles:
            return rendered_frame(held, facts, frames, 1, viewport)
        return rendered_matrix(held, facts, frames, viewport)


def _candidates(held: Sequence[Held]) -> Iterator[tuple[tuple[bool, int], Held, ImageFacts]]:
    """Thumbnails first, then levels that can be put together, the smallest first."""
    for one in held:
        facts = read_image_facts(one)
        if facts.flavour == "THUMBNAIL" or (facts.flavour == "VOLUME" and 0 < facts.tiles <= MAX_TILES):
            yield (facts.flavour != "THUMBNAIL", facts.matrix_columns * facts.matrix_rows), one, facts


async def _in_turn(work: Callable[[], bytes], turns: CapacityLimiter) -> bytes:
    running: Awaitable[bytes] = to_thread.run_sync(work, limiter=turns)
    return await running


def _viewport(request: Request, most: Viewport) -> Viewport:
    text = request.query_params.get("viewport")
    if text is None:
        return most
    wanted = VIEWPORT.fullmatch(text)
    if wanted is None:
        raise ProblemError(400, "bad-viewport", "viewport is a width and a height in pixels, such as 512,512.")
    return Viewport(min(int(wanted[1]), LARGEST.width), min(int(wanted[2]), LARGEST.height))


def _quality(request: Request) -> int:
    text = request.query_params.get("quality", str(QUALITY))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:4]) <= 100:  # noqa: PLR2004 - per cent
        raise ProblemError(400, "bad-quality", "quality is a whole number from 1 to 100.")
    return int(text)
