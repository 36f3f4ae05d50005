"""Every resource with its methods: what the routes are made of, and the OpenAPI description."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["OPERATIONS", "Operation", "Takes"]

STUDY: Final = "/studies/{study}"
SERIES: Final = STUDY + "/series/{series}"
INSTANCE: Final = SERIES + "/instances/{instance}"
LEVELS: Final = (("Study", STUDY), ("Series", SERIES), ("Instance", INSTANCE))

DICOM_TYPES: Final = ('multipart/related; type="application/dicom"', "application/dicom")
JSON_TYPES: Final = ("application/dicom+json",)
OCTET_TYPES: Final = ('multipart/related; type="application/octet-stream"', "application/octet-stream")
FRAME_TYPES: Final = (
    'multipart/related; type="image/jpeg"',
    'multipart/related; type="image/jp2"',
    'multipart/related; type="application/octet-stream"',
    "image/jpeg",
    "image/jp2",
    "application/octet-stream",
)
PICTURE_TYPES: Final = ("image/jpeg", "image/png")


class Takes(Enum):
    """What query parameters an operation takes."""

    NOTHING = "nothing"
    SEARCH = "search"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a resource.

    Attributes:
        name: of what answers for it.
        identifier: unique among the operations.
        path: below the base path, in Starlette's form.
        media_types: of a successful answer.
        statuses: that it may answer with, beside those that any request may meet.
    """

    name: str
    identifier: str
    method: str
    path: str
    summary: str
    media_types: tuple[str, ...]
    statuses: tuple[int, ...]
    takes: Takes = Takes.NOTHING


def _stores() -> tuple[Operation, ...]:
    types, statuses = ("application/dicom+json", "application/dicom+xml"), (200, 202, 400, 406, 408, 409, 413, 415, 503)
    return (
        Operation("store", "storeInstances", "POST", "/studies", "Store instances of any study.", types, statuses),
        Operation("store", "storeStudyInstances", "POST", STUDY, "Store instances of this study.", types, statuses),
    )


def _searches() -> tuple[Operation, ...]:
    places = (
        ("searchStudies", "searchStudies", "/studies", "Search for studies."),
        ("searchSeries", "searchSeries", "/series", "Search for series."),
        ("searchSeries", "searchStudySeries", STUDY + "/series", "Search for series of a study."),
        ("searchInstances", "searchInstances", "/instances", "Search for instances."),
        ("searchInstances", "searchStudyInstances", STUDY + "/instances", "Search for instances of a study."),
        ("searchInstances", "searchSeriesInstances", SERIES + "/instances", "Search for instances of a series."),
    )
    return tuple(
        Operation(name, identifier, "GET", path, summary, JSON_TYPES, (200, 204, 400, 406, 503), Takes.SEARCH)
        for name, identifier, path, summary in places
    )


def _retrievals() -> tuple[Operation, ...]:
    found: list[Operation] = []
    for level, path in LEVELS:
        of = level.lower()
        found += [
            _got("retrieveInstances", level, path, f"This {of}: instances as they are held.", DICOM_TYPES, 206),
            _got(
                "retrieveMetadata",
                level,
                path + "/metadata",
                f"Metadata of this {of}, without large values.",
                JSON_TYPES,
            ),
            _got("retrieveAllBulkData", level, path + "/bulkdata", f"Large values of this {of}.", OCTET_TYPES[:1]),
            _drawn("renderThumbnail", level, path + "/thumbnail", f"A small picture of this {of}, never of a label."),
        ]
    return (
        *found,
        _got("retrieveBulkData", "", INSTANCE + "/bulkdata/{path:path}", "One large value.", OCTET_TYPES, 206, 416),
        _got("retrievePixelData", "", INSTANCE + "/pixeldata", "All frames.", FRAME_TYPES),
        _got("retrieveFrames", "", INSTANCE + "/frames/{frames}", "Frames by their numbers from 1.", FRAME_TYPES),
        _drawn("renderInstance", "", INSTANCE + "/rendered", "A picture of an instance."),
        _drawn("renderFrame", "", INSTANCE + "/frames/{frames}/rendered", "A picture of a frame."),
        _drawn("renderFrameThumbnail", "", INSTANCE + "/frames/{frames}/thumbnail", "A small picture of a frame."),
    )


def _got(name: str, level: str, path: str, summary: str, types: tuple[str, ...], *more: int) -> Operation:
    statuses = tuple(sorted({200, 304, 400, 404, 406, 503, *more}))
    return Operation(name, name + level, "GET", path, summary, types, statuses)


def _drawn(name: str, level: str, path: str, summary: str) -> Operation:
    return Operation(name, name + level, "GET", path, summary, PICTURE_TYPES, (200, 400, 404, 406, 503), Takes.PICTURE)


OPERATIONS: Final = (*_stores(), *_searches(), *_retrievals())
