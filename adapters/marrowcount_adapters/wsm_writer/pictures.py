"""The pictures that surround a scan: the slide's label and the overview."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from marrowcount.ports import Picture
    from marrowcount_adapters.wsm_writer.header import SlideHeader

__all__ = ["label_picture", "overview_picture"]

LABEL_PX: Final = 480
OVERVIEW_PX: Final = (1440, 480)
SMEAR_BOX: Final = (560, 60, 1380, 420)
"""Where the smear lies on the overview: left, top, right, bottom."""


def label_picture(header: SlideHeader) -> Picture:
    """The paper label, (480, 480, 3): its text and a bar pattern made of the container identifier."""
    paper = Image.new("RGB", (LABEL_PX, LABEL_PX), (250, 250, 246))
    pen = ImageDraw.Draw(paper)
    font = ImageFont.load_default(size=30)
    for line, text in enumerate(header.label_text):
        pen.text((24, 20 + 44 * line), text, fill=(20, 20, 30), font=font)
    _bars(pen, header.container_identifier)
    pen.text((24, 430), header.container_identifier, fill=(20, 20, 30), font=ImageFont.load_default(size=22))
    return np.asarray(paper)


def _bars(pen: ImageDraw.ImageDraw, identifier: str) -> None:
    """Bars whose widths tell the identifier's digest; they stand for a barcode and carry no symbology."""
    x = 24
    for value in hashlib.sha256(identifier.encode()).digest():
        for width in (2 + value % 4, 2 + value // 64):
            pen.rectangle((x, 320, x + width - 1, 420), fill=(10, 10, 16))
            x += width + 2 + value % 3


def overview_picture(header: SlideHeader, thumbnail: Picture) -> Picture:
    """The whole slide, label on the left, smear on the right, (480, 1440, 3)."""
    slide = Image.new("RGB", OVERVIEW_PX, (226, 230, 230))
    slide.paste(Image.fromarray(label_picture(header)), (0, 0))
    left, top, right, bottom = SMEAR_BOX
    smear = ImageOps.contain(Image.fromarray(thumbnail), (right - left, bottom - top))
    slide.paste(smear, (left, top))
    return np.asarray(slide)
