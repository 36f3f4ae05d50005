"""What says that a slide is whole, beside its own frames."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marrowcount.settings.kinds import Section
from marrowcount.slides.expectations import ExpectationSource

__all__ = ["CompletenessSection"]


class CompletenessSection(Section):
    """What says that a slide is whole, beside its own frames; ``docs/completeness.md`` explains it."""

    whole_lists: tuple[ExpectationSource, ...] = tuple(ExpectationSource)
    """Kinds of list that name a slide whole: it is counted at once when all of one is held. Take out a kind that your
    senders use for parts of a slide; what such a list names is still awaited."""
    counted_at: Annotated[str, Field(max_length=64)] = ""
    """Name of the `[[archive]]` that is asked how many instances a series has there; empty: none is asked."""
    count_every_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """Time between two questions for a series that is being received, in seconds. Two equal answers in a row stand."""
