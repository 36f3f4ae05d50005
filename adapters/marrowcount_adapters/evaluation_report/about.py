"""What was measured, on what, when: the head of every report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount import __version__
from marrowcount.result import RESEARCH_USE_ONLY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from marrowcount.evaluation import Resampling
    from marrowcount.result import ModelIdentity

__all__ = ["About", "DataNote", "about_content", "about_lines", "resampling_words"]


@dataclass(frozen=True, slots=True)
class DataNote:
    """The data set, and the part of it that was measured on.

    Attributes:
        name: of the data set.
        source: where it comes from.
        licence: its licence.
        digest: SHA-256 of its list of examples, which holds the digest of every picture.
        split: which part of it.
        pictures: measured on.
        patients: whose pseudonyms are known.
        groups: of pictures that belong together, without a patient.
        alone: pictures of neither.
        incomplete: pictures on which not all kinds were drawn.
        unclassed: nucleated cells whose class nobody stated.
        rescaled: pictures brought to 0.25 um/px.
        unknown_scale: pictures of unknown resolution, judged as they are.
    """

    name: str
    source: str
    licence: str
    digest: str
    split: str
    pictures: int
    patients: int
    groups: int
    alone: int
    incomplete: int
    unclassed: int
    rescaled: int
    unknown_scale: int


@dataclass(frozen=True, slots=True)
class About:
    """The head of a report.

    Attributes:
        models: that were measured.
        made_at: with zone.
        settings: everything that was chosen, by name, in words.
    """

    models: Sequence[ModelIdentity]
    made_at: datetime
    settings: Mapping[str, str]


def about_lines(about: About, data: DataNote | None = None) -> Iterator[str]:
    """As Markdown; slides, which the report names one by one, are no data set."""
    yield f"**{RESEARCH_USE_ONLY}**"
    yield ""
    yield f"- made: {about.made_at:%Y-%m-%d %H:%M %Z} by marrowcount {__version__}"
    for model in about.models:
        yield f"- model: {model.name} {model.version} ({model.task.value}), SHA-256 `{model.sha256}`"
        yield f"- trained on: {model.training_data}"
    if data is not None:
        yield from _data_lines(data)
    for name, value in about.settings.items():
        yield f"- {name}: {value}"


def about_content(about: About, data: DataNote | None = None) -> dict[str, object]:
    """As JSON."""
    return {
        "marrowcount_version": __version__,
        "research_use_only": RESEARCH_USE_ONLY,
        "made_at": about.made_at.isoformat(),
        "models": [
            {
                "task": model.task.value,
                "name": model.name,
                "version": model.version,
                "sha256": model.sha256,
                "threshold": model.threshold,
                "training_data": model.training_data,
            }
            for model in about.models
        ],
        "data": None if data is None else {name: getattr(data, name) for name in DataNote.__slots__},
        "settings": dict(about.settings),
    }


def resampling_words(how: Resampling, units: int) -> str:
    """How the intervals were made."""
    if not how.draws or units < 2:  # noqa: PLR2004 - one unit drawn again is the same unit
        return "none: nothing was drawn again" if not how.draws else "none: there is only one unit to draw"
    return (
        f"{100 * how.confidence:g} %, percentile bootstrap, {how.draws} draws of {units} units "
        f"(patients, else groups, else single pictures) with replacement, seed {how.seed}"
    )


def _data_lines(data: DataNote) -> Iterator[str]:
    yield f"- data set: {data.name}, split {data.split}, {data.pictures} pictures"
    yield f"- from: {data.source or 'not stated'}; licence: {data.licence or 'not stated'}"
    yield f"- SHA-256 of its examples: `{data.digest}`"
    yield (
        f"- units: {data.patients} patients, {data.groups} groups of pictures without a patient, {data.alone} pictures "
        "of neither"
    )
    yield (
        f"- resolution: {data.rescaled} pictures were brought to 0.25 um/px, {data.unknown_scale} are of unknown "
        "resolution and were judged as they are"
    )
