"""A data set as DICOM JSON (PS3.18 Annex F), written piece by piece: however long it is, little of it is held.

Large values stand as Bulk Data URIs that say which element they mean: ``.../bulkdata/006A0002/1/00660016`` is that of
the first item of a sequence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from marrowcount_adapters.dicomweb.data_set import PIXEL_DATA, UNDEFINED, Kind
from marrowcount_adapters.dicomweb.json_values import (
    BINARY_VRS,
    DEFAULT_CHARACTER_SET,
    character_set,
    json_element,
    plain_vr,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount_adapters.dicomweb.data_set import Step
    from marrowcount_adapters.dicomweb.part10 import DataSet

__all__ = ["MAX_INLINE_BINARY", "Piece", "is_bulk", "json_object", "json_pieces"]

MAX_INLINE_BINARY: Final = 1024
"""Bytes of a binary value that stand in the metadata themselves."""
MAX_INLINE: Final = 1 << 20
"""Bytes of any other value."""

CHARACTER_SET: Final = 0x00080005
PIXEL_REPRESENTATION: Final = 0x00280103
UTF_8: Final = b"ISO_IR 192"


class Piece(NamedTuple):
    """A piece of JSON text and the element of the data set itself that it belongs to."""

    tag: int
    text: str


def is_bulk(step: Step) -> bool:
    """Whether a value is left out of metadata, to be fetched by its URI; pixel data always are."""
    binary = step.vr in BINARY_VRS or " or " in step.vr
    return step.tag == PIXEL_DATA or step.length > (MAX_INLINE_BINARY if binary else MAX_INLINE)


def json_object(source: DataSet, bulk_uri: str) -> Iterator[str]:
    """The whole data set, without its group lengths.

    Args:
        source: an open data set.
        bulk_uri: under which bulk data of this instance is found.

    Raises:
        InstanceError: ``not-dicom``.
        OSError: the file cannot be read.
    """
    yield "{"
    before = 0
    for tag, text in json_pieces(source, bulk_uri):
        yield f",{text}" if before and tag != before else text
        before = tag
    yield "}"


def json_pieces(source: DataSet, bulk_uri: str, stop: int = UNDEFINED) -> Iterator[Piece]:
    """The elements one by one, each in one piece or several, up to the tag ``stop``."""
    writer = _Writer(source, bulk_uri)
    for step in source.steps():
        if not writer.depth:
            if step.tag >= stop:
                return
            writer.tag = step.tag
        if text := writer.written(step):
            yield Piece(writer.tag, text)


class _Level:
    """A data set or an item: its text's encodings, and where it is."""

    def __init__(self, path: str, encodings: tuple[str, ...]) -> None:
        self.path = path
        self.encodings = encodings
        self.separator = ""
        self.item = 0
        """Of the sequence that is open in it."""
        self.sequence = ""


class _Writer:
    def __init__(self, source: DataSet, bulk_uri: str) -> None:
        self._source = source
        self._bulk_uri = bulk_uri
        self._levels = [_Level("", DEFAULT_CHARACTER_SET)]
        self._begun = False
        """Whether a sequence was begun of which no item was seen yet."""
        self._signed = False
        self.depth = 0
        self.tag = 0

    def written(self, step: Step) -> str:
        """The text of a step."""
        match step.kind:
            case Kind.ELEMENT:
                return self._element(step)
            case Kind.SEQUENCE:
                return self._sequence(step)
            case Kind.ITEM:
                return self._item()
            case Kind.ITEM_ENDS:
                self.depth -= 1
                self._levels.pop()
                return "}"
            case Kind.SEQUENCE_ENDS:
                self.depth -= 1
                begun, self._begun = self._begun, False
                return "}" if begun else "]}"

    def _sequence(self, step: Step) -> str:
        level = self._levels[-1]
        level.item, level.sequence = 0, f"{level.path}{step.tag:08X}/"
        self._begun = True
        self.depth += 1
        return f'{self._separator(level)}"{step.tag:08X}":{{"vr":"SQ"'

    def _item(self) -> str:
        level = self._levels[-1]
        level.item += 1
        self.depth += 1
        begun, self._begun = self._begun, False
        self._levels.append(_Level(f"{level.sequence}{level.item}/", level.encodings))
        return ',"Value":[{' if begun else ",{"

    def _element(self, step: Step) -> str:
        if not step.tag & 0xFFFF:  # a group length, which only ever counted bytes
            return ""
        level = self._levels[-1]
        return (
            f'{self._separator(level)}"{step.tag:08X}":{json.dumps(self._described(step, level), ensure_ascii=False)}'
        )

    def _described(self, step: Step, level: _Level) -> dict[str, object]:
        if is_bulk(step):
            vr = "OB" if step.length == UNDEFINED else plain_vr(step.vr, signed=self._signed)
            return {"vr": vr, "BulkDataURI": f"{self._bulk_uri}/{level.path}{step.tag:08X}"}
        value = self._source.value(step)
        if step.tag == CHARACTER_SET:
            level.encodings, value = character_set(value), UTF_8
        elif step.tag == PIXEL_REPRESENTATION:
            self._signed = value[:1] == b"\1"
        return json_element(step.vr, value, level.encodings, signed=self._signed)

    def _separator(self, level: _Level) -> str:
        """Commas within items; the elements of the data set itself are parted by whoever takes the pieces."""
        if len(self._levels) == 1:
            return ""
        separator, level.separator = level.separator, ","
        return separator
