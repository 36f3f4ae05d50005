"""The attributes of what the node creates, read off objects that its own encoders made of a made-up count.

They are made twice: of a slide with a complete header, and of one whose header says no more than it must. What differs
depends on the slide.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from pydicom.datadict import keyword_for_tag

from made_up_result import make_result, make_source_header
from marrowcount.main.taking_back import REPLACED
from marrowcount.result import Specimen
from marrowcount.review import counted
from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.annotations.heat_map import encode_heat_map
from marrowcount_adapters.annotations.source import REQUIRED
from marrowcount_adapters.encapsulated_pdf import encode_document
from marrowcount_adapters.structured_report import encode_differential, encode_regions, encode_rejection
from marrowcount_adapters.structured_report.document import IMAGE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult

OWN: Final = frozenset(
    {
        "SOPClassUID",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "InstanceNumber",
        "Manufacturer",
        "ManufacturerModelName",
        "DeviceSerialNumber",
        "SoftwareVersions",
        "ContentDate",
        "ContentTime",
    }
)
"""The node's own values, also where one happens to equal the slide's."""

NEEDED: Final = frozenset({*REQUIRED, *IMAGE_ATTRIBUTES})
"""Without these a slide is not taken, or not counted."""

PLACEMENT: Final = Placement(12.0, 40.0, (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), SpacingMm(0.00025, 0.00025))
"""How the sample's slide lies on the glass; maps and regions are of slides alone that tell."""

LONGEST: Final = 60


@cache
def created_objects() -> Mapping[str, Dataset]:
    """An object of each kind."""
    return _encoded(make_result(), _complete_header())


@cache
def bare_objects() -> Mapping[str, Dataset]:
    """An object of each kind, of a slide that says no more than it must."""
    result, header = make_result(), make_source_header()
    for element in list(header):
        if element.keyword not in NEEDED:
            del header[element.tag]
    context = replace(result.context, accession_number="", acquired=None, specimen=Specimen("", "", "", ""))
    return _encoded(replace(result, context=context), header)


def _complete_header() -> Dataset:
    header = make_source_header()
    header.ReferringPhysicianName = "Doe^Jo"
    return header


def _encoded(result: CountResult, header: Dataset) -> Mapping[str, Dataset]:
    result = replace(result, placement=PLACEMENT)
    cells, tiles = encode_cells(result, header), encode_roi(result, header)
    report = encode_differential(counted(result), header, [cells, tiles])
    made = {
        "cells": cells,
        "tiles": tiles,
        "heat-map": encode_heat_map(result, header),
        "report": report,
        "regions": encode_regions(result, header, [tiles]),
        "document": encode_document(counted(result), b"%PDF-1.4", [cells, tiles, report]),
        "rejection": encode_rejection([cells, tiles], "archive", result.models, REPLACED, result.counted_at),
    }
    return {name: dataset for name, dataset in made.items() if dataset is not None}


def created_tables() -> Mapping[str, Callable[[], Iterator[str]]]:
    """A table for each kind of object."""
    return {f"created-{name}": lambda name=name: _attributes(name) for name in created_objects()}


def _attributes(name: str) -> Iterator[str]:
    yield "| attribute | tag | VR | presence | value | source |"
    yield "|---|---|---|---|---|---|"
    header, bare = _complete_header(), bare_objects()[name]
    for element in created_objects()[name]:
        yield (
            "| "
            + " | ".join(
                (
                    _name(element),
                    f"({element.tag.group:04X},{element.tag.element:04X})",
                    element.VR,
                    presence(element, bare),
                    _value(element),
                    _source(element, header),
                )
            )
            + " |"
        )


def _name(element: DataElement) -> str:
    return element.name if keyword_for_tag(element.tag) else str(element.tag)


def presence(element: DataElement, bare: Dataset) -> str:
    """As PS3.2 writes it.

    Args:
        element: of an object of a slide with a complete header.
        bare: the same object of a slide that says no more than it must.
    """
    if element.tag not in bare:
        return "ANAP"
    if element.is_empty:
        return "EMPTY"
    return "VNAP" if bare[element.tag].is_empty else "ALWAYS"


def _value(element: DataElement) -> str:
    if element.VR == "SQ":
        return f"{len(element.value)} item{'s' if len(element.value) != 1 else ''} in the sample"
    if element.keyword not in OWN | {
        "CompletionFlag",
        "VerificationFlag",
        "PreliminaryFlag",
        "ContentLabel",
        "ContentDescription",
        "ConversionType",
        "BurnedInAnnotation",
        "DocumentTitle",
        "MIMETypeOfEncapsulatedDocument",
        "AnnotationCoordinateType",
        "PixelOriginInterpretation",
        "SeriesDescription",
        "SpecificCharacterSet",
        "ValueType",
        "ContinuityOfContent",
    } or element.VR in {"UI", "DA", "TM"}:
        return ""
    text = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _source(element: DataElement, header: Dataset) -> str:
    """COPY from the slide, or AUTO, made by the node."""
    if element.keyword in OWN or element.tag not in header:
        return "AUTO"
    return "COPY" if header[element.tag].value == element.value else "AUTO"
