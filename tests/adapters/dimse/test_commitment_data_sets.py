"""Data sets of storage commitment that are cut anywhere."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pytest
from pynetdicom.dsutils import decode, encode

from marrowcount.ports import CommitmentReport, FailedReference, Reference
from marrowcount_adapters.dimse.commitment import decode_report, decode_request, encode_report, encode_request

WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"
REFERENCES = tuple(Reference(WSM, f"1.2.3.{number}") for number in range(3))
REQUEST = encode_request("2.25.7", REFERENCES)
REPORT = encode_report(CommitmentReport("2.25.7", REFERENCES[:2], (FailedReference(WSM, "1.2.3.2", 0x0112),)))


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("data_set", [REQUEST, REPORT], ids=["request", "report"])
def test_what_is_cut_is_not_whole(data_set: object) -> None:
    """A ValueError, whatever pydicom makes of the rest; coverage-guided fuzzing found an OSError here."""
    encoded = encode(data_set, is_implicit_vr=True, is_little_endian=True)  # type: ignore[arg-type]
    assert encoded is not None
    read = decode_request if data_set is REQUEST else decode_report
    for length in range(len(encoded)):
        try:
            cut = decode(BytesIO(encoded[:length]), is_implicit_vr=True, is_little_endian=True)
        except Exception:  # noqa: BLE001, S112 - pynetdicom's own, before anything of ours
            continue
        with suppress(ValueError):
            read(cut)


def test_an_item_that_breaks_off_is_not_whole() -> None:
    """Within a sequence of a defined length: what pydicom finds no tag in when the sequence is asked for."""
    encoded = bytes.fromhex("08009911") + (9).to_bytes(4, "little") + bytes.fromhex("feff00e000000000") + b"\0"
    information = decode(BytesIO(encoded), is_implicit_vr=True, is_little_endian=True)
    information.TransactionUID = "2.25.7"
    for read in (decode_request, decode_report):
        with pytest.raises(ValueError, match="not whole"):
            read(information)
