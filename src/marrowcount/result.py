"""The result of a slide, in the core's own words; encoders and deliveries read it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from marrowcount.cytology.convergence import Stopping
    from marrowcount.cytology.differential import Differential
    from marrowcount.cytology.histogram import Histogram
    from marrowcount.slides.detections import Detection, LookedAtTile
    from marrowcount.slides.geometry import SizePx, SpacingMm
    from marrowcount.slides.manifest import ModelManifest
    from marrowcount.slides.placement import Placement

__all__ = [
    "CountResult",
    "ModelIdentity",
    "ModelTask",
    "NameScript",
    "Patient",
    "PersonName",
    "SlideContext",
    "Specimen",
]

RESEARCH_USE_ONLY = "For research use only. Not for use in diagnostic procedures."
"""Stands in every output that a person may read."""


_OF_TILE: Final = attrgetter("tile.row", "tile.column", "accepted", "probability")
_OF_DETECTION: Final = attrgetter("cell_type", "box.left", "box.top", "box.right", "box.bottom", "probability")


class ModelTask(StrEnum):
    """What a model is for."""

    ROI = "roi"
    CELLS = "cells"


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model it was; travels with every figure.

    Attributes:
        sha256: of the weights file, hexadecimal.
        threshold: probability from which its finding counts.
        training_data: one sentence from its manifest, for people.
    """

    task: ModelTask
    name: str
    version: str
    sha256: str
    threshold: float
    training_data: str

    @classmethod
    def of(cls, manifest: ModelManifest, file: str, threshold: float | None = None) -> ModelIdentity:
        """The model of a manifest as loaded from one of its files, perhaps with another threshold than its own."""
        m, task = manifest, ModelTask(manifest.task)
        counted = m.threshold if threshold is None else threshold
        return cls(task, m.name, m.version, m.files[file], counted, m.training_data)


@dataclass(frozen=True, slots=True)
class Specimen:
    """The specimen on the slide (PS3.3 C.7.6.22); empty strings where the scanner said nothing."""

    container_identifier: str
    container_issuer: str
    specimen_identifier: str
    specimen_uid: str


class NameScript(StrEnum):
    """How a name is written (PS3.5 6.2.1.2; HL7 table 0465)."""

    ALPHABETIC = "A"
    IDEOGRAPHIC = "I"
    PHONETIC = "P"


@dataclass(frozen=True, slots=True)
class PersonName:
    """One way of writing a person's name, in its parts; empty strings for those that it lacks."""

    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""
    script: NameScript = NameScript.ALPHABETIC


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the header says the patient is, beside the number: for messages whose receiver compares them.

    Attributes:
        names: the same name in each script that the header has it in; empty where it names nobody.
        birth_date: None where the header gives none.
        sex: M, F or O (0010,0040); empty where the header says nothing else.
    """

    names: tuple[PersonName, ...] = ()
    birth_date: date | None = None
    sex: str = ""


_UNNAMED: Final = Patient()


@dataclass(frozen=True, slots=True)
class SlideContext:
    """Who and what a slide belongs to, as its DICOM header says; patient data, never for logs or file names.

    Attributes:
        patient_id_issuer: Issuer of Patient ID (0010,0021), free text.
        patient_id_system: URI made of the issuer's universal entity id (0010,0024), empty where none stands.
        acquired: AcquisitionDateTime (0008,002A) or study date and time, with zone where the header gives one.
        patient: never to be identified by; left out of the context's text, lest a name get into a log by it.
    """

    study_uid: str
    series_uid: str
    base_instance_uid: str
    base_sop_class_uid: str
    frame_of_reference_uid: str
    patient_id: str
    patient_id_issuer: str
    patient_id_system: str
    accession_number: str
    accession_issuer: str
    acquired: datetime | None
    specimen: Specimen
    patient: Patient = field(default=_UNNAMED, repr=False)


@dataclass(frozen=True, slots=True)
class CountResult:
    """A counted slide. A refused slide has no result but a :class:`~marrowcount.errors.SlideError`.

    Attributes:
        tiles: every tile that the ROI model judged, in the order of reading; the accepted ones up to the stop
            were counted.
        detections: all objects found, boxes in pixels of the base level's total pixel matrix.
        histogram: the IHCT.
        warnings: quality flags in words, each beginning with a stable code and a colon.
        placement: how the base level lies on the glass; None where its header does not tell.
        issue: how often the very same result was given out and taken back before; it is a new one each time.
    """

    context: SlideContext
    size: SizePx
    spacing: SpacingMm
    tiles: tuple[LookedAtTile, ...]
    detections: tuple[Detection, ...]
    histogram: Histogram
    differential: Differential
    stopping: Stopping
    models: tuple[ModelIdentity, ...]
    counted_at: datetime
    warnings: tuple[str, ...] = ()
    placement: Placement | None = None
    issue: int = 0
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the tiles and the detections, hexadecimal: a later instance of the slide may change them."""
        if not self._digest:  # a million cells are not to be looked at for every identifier that is made of them
            object.__setattr__(self, "_digest", _digest_of(self.tiles, self.detections))
        return self._digest

    @property
    def tiles_looked_at(self) -> int:
        """Tiles that the ROI model judged."""
        return len(self.tiles)

    @property
    def tiles_counted(self) -> int:
        """Tiles whose objects are in the histogram."""
        return self.stopping.tiles

    def model(self, task: ModelTask) -> ModelIdentity:
        """The model of a task."""
        return next(model for model in self.models if model.task is task)


def _digest_of(tiles: Sequence[LookedAtTile], detections: Sequence[Detection]) -> str:
    digest = hashlib.sha256()
    for numbers in (map(_OF_TILE, tiles), map(_OF_DETECTION, detections)):
        digest.update(np.fromiter(chain.from_iterable(numbers), dtype="<f8").tobytes())
    return digest.hexdigest()
