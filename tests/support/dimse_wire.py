"""Messages as they stand on the wire (PS3.7, PS3.8), made by hand so that they may also be wrong."""

from __future__ import annotations

import struct

__all__ = ["command", "p_data", "store_command"]


def p_data(*values: tuple[int, int, bytes]) -> bytes:
    """A P-DATA-TF PDU (PS3.8 section 9.3.5) of (context, message control header, content)."""
    items = b"".join(
        struct.pack(">IBB", len(content) + 2, context, header) + content for context, header, content in values
    )
    return b"\4\0" + struct.pack(">I", len(items)) + items


def command(field: int, data_set: int, sop_class: bytes = b"1.2.840.10008.1.1\0") -> bytes:
    """A command set (PS3.7 section 6.3), Implicit VR Little Endian, without its group length."""
    elements = ((0x0002, sop_class), (0x0100, struct.pack("<H", field)), (0x0110, b"\1\0"))
    elements = (*elements, (0x0800, struct.pack("<H", data_set)))
    return b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in elements)


def store_command(sop_class: str, sop_instance: str, message_id: int = 1) -> bytes:
    """The command set of a C-STORE-RQ whose data set follows (PS3.7 section 9.3.1.1)."""
    values = (
        (0x0002, _padded(sop_class)),
        (0x0100, struct.pack("<H", 0x0001)),
        (0x0110, struct.pack("<H", message_id)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 0x0001)),
        (0x1000, _padded(sop_instance)),
    )
    return b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in values)


def _padded(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)
