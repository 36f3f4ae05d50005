"""XML of strangers: no document type, hence no entities, nothing fetched and nothing expanded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import TreeBuilder
from xml.parsers import expat

from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["parse_xml"]


def parse_xml(path: Path) -> Element:
    """The root element of an XML file.

    Raises:
        DatasetError: ``label-unreadable``; ``label-malformed``: no XML, or one with a document type.
    """
    parser, builder = expat.ParserCreate(), TreeBuilder()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = lambda *_: _refuse(path)
    try:
        parser.Parse(path.read_bytes(), True)  # noqa: FBT003 - expat takes no keywords
    except OSError as error:
        raise DatasetError("label-unreadable", f"{path} cannot be read: {error.strerror}") from error
    except expat.ExpatError as error:
        raise DatasetError("label-malformed", f"{path} is no XML: {error}") from error
    return builder.close()


def _refuse(path: Path) -> None:
    raise DatasetError(
        "label-malformed", f"{path} declares a document type, which label files do not need; take it out"
    )
