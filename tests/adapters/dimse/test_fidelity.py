"""What is kept is what was sent, bit by bit, for every class and transfer syntax that the listener takes."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)
from pynetdicom import AE

from marrowcount_adapters.dimse import Calling, send_files
from marrowcount_adapters.dimse.contexts import accepted_contexts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Node

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
PIXEL_CLASSES = (VLWholeSlideMicroscopyImageStorage, SegmentationStorage)
STORED = [
    (str(context.abstract_syntax), str(syntax))
    for context in accepted_contexts()
    if str(context.abstract_syntax).startswith("1.2.840.10008.5.1.4.1.1.")
    for syntax in context.transfer_syntax or ()
]
"""Every pair that the listener negotiates, so that a new one is tested with it."""

UNCOMPRESSED = [str(syntax) for syntax in (*NATIVE, DeflatedExplicitVRLittleEndian)]


def instance(sop_class: str, uid: str, syntax: str) -> Dataset:
    """An instance of the class with noise for frames, an odd private element and a name that is no ASCII."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.3", "SM"
    dataset.PatientName, dataset.PatientID = "Müller^Łucja", "P 1"
    dataset.add_new(0x00990010, "LO", "A SCANNER")
    dataset.add_new(0x00991001, "OB", b"\x01\x02\x03\x04")
    if sop_class in PIXEL_CLASSES:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
        dataset.Rows = dataset.Columns = 512
        dataset.TotalPixelMatrixColumns, dataset.TotalPixelMatrixRows, dataset.NumberOfFrames = 1024, 512, 2
        dataset.BitsAllocated = 8
        frames = [bytes(range(256)) * 3, bytes(range(255, -1, -1)) * 5]
        native = syntax in UNCOMPRESSED
        dataset.PixelData = b"".join(frames) if native else encapsulate(frames)
        dataset["PixelData"].VR = "OW" if syntax == ImplicitVRLittleEndian else "OB"
        dataset["PixelData"].is_undefined_length = not native
    return dataset


def written(path: Path, dataset: Dataset, syntax: str) -> Path:
    """A file of any transfer syntax, also of one that pydicom does not know."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax if syntax in NATIVE else ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    data_set = body(path)
    if syntax == DeflatedExplicitVRLittleEndian:
        deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data_set = deflating.compress(data_set) + deflating.flush()
        data_set += b"\0" * (len(data_set) % 2)
    stored_meta = b"".join(
        _element(element, value)
        for element, value in (
            (0x0002, dataset.SOPClassUID),
            (0x0003, dataset.SOPInstanceUID),
            (0x0010, syntax),
        )
    )
    group_length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(stored_meta))
    path.write_bytes(bytes(128) + b"DICM" + group_length + stored_meta + data_set)
    return path


def _element(element: int, uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return struct.pack("<HH2sH", 2, element, b"UI", len(value)) + value


def body(path: Path) -> bytes:
    """The data set alone."""
    content = path.read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]


def kept(node: Node, uid: str) -> Path:
    recorded = node.ledger.instance(uid)
    assert recorded is not None
    return node.store.path(recorded.file.path)


def test_every_class_in_every_syntax_is_kept_as_it_was_sent(node: Node, tmp_path: Path) -> None:
    """No element is changed, dropped, reordered, recompressed or padded; the file says in which syntax it came."""
    sent = {
        f"1.2.3.{number}": written(tmp_path / f"{number}.dcm", instance(sop_class, f"1.2.3.{number}", syntax), syntax)
        for number, (sop_class, syntax) in enumerate(STORED)
    }
    assert len(sent) > 40
    report = send_files(list(sent.values()), node.peer, Calling("SCANNER", answer_s=20))
    assert [(one.reference.sop_instance_uid, one.reason) for one in report.failures] == []
    for (uid, path), (sop_class, syntax) in zip(sent.items(), STORED, strict=True):
        assert body(kept(node, uid)) == body(path), f"{sop_class} in {syntax}"
        meta = dcmread(kept(node, uid), specific_tags=[], stop_before_pixels=True).file_meta
        assert (meta.TransferSyntaxUID, meta.MediaStorageSOPInstanceUID) == (syntax, uid)
        recorded = node.ledger.instance(uid)
        assert recorded is not None
        assert recorded.facts.transfer_syntax_uid == syntax


def sparse(dataset: Dataset) -> None:
    dataset.DimensionOrganizationType = "TILED_SPARSE"
    places = []
    for column in (1, 513):
        place, group = Dataset(), Dataset()
        place.ColumnPositionInTotalImagePixelMatrix, place.RowPositionInTotalImagePixelMatrix = column, 1
        group.PlanePositionSlideSequence = [place]
        places.append(group)
    dataset.PerFrameFunctionalGroupsSequence = places


def concatenated(dataset: Dataset) -> None:
    dataset.ConcatenationUID, dataset.InConcatenationNumber = "1.2.3.77", 2
    dataset.ConcatenationFrameOffsetNumber, dataset.SOPInstanceUIDOfConcatenationSource = 2, "1.2.3.78"


def stacked(dataset: Dataset) -> None:
    dataset.DimensionOrganizationType = "TILED_FULL"
    dataset.TotalPixelMatrixColumns, dataset.TotalPixelMatrixFocalPlanes, dataset.NumberOfOpticalPaths = 512, 2, 1


def with_extended_offsets(dataset: Dataset) -> None:
    """Extended Offset Table and its lengths (PS3.3 C.7.6.3.1.8), with an empty basic one."""
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
        [b"\xff\xd8" + bytes(500), b"\xff\xd8" + bytes(700)]
    )
    dataset["PixelData"].is_undefined_length = True


def fragmented(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([bytes(3000), bytes(5000)], fragments_per_frame=3, has_bot=False)
    dataset["PixelData"].is_undefined_length = True


@pytest.mark.parametrize("shape", [sparse, concatenated, stacked, with_extended_offsets, fragmented])
def test_every_shape_of_a_level_is_kept_as_it_was_sent(
    node: Node, tmp_path: Path, shape: Callable[[Dataset], None]
) -> None:
    """Sparse or full, whole or in parts, in one plane or several, with whatever offsets and fragments."""
    dataset = instance(VLWholeSlideMicroscopyImageStorage, "1.2.3.4", JPEGBaseline8Bit)
    shape(dataset)
    path = written(tmp_path / "slide.dcm", dataset, JPEGBaseline8Bit)
    assert send_files([path], node.peer, Calling("SCANNER", answer_s=20)).failures == ()
    assert body(kept(node, "1.2.3.4")) == body(path)


@pytest.mark.parametrize("order", [1, -1])
def test_no_sender_is_made_to_decompress(node: Node, order: int) -> None:
    """Whatever else a sender offers in one context, and in whatever order, a compressed syntax wins."""
    (slides,) = [one for one in accepted_contexts() if one.abstract_syntax == VLWholeSlideMicroscopyImageStorage]
    compressed = [str(syntax) for syntax in slides.transfer_syntax or () if syntax not in UNCOMPRESSED]
    entity = AE("SCANNER")
    for syntax in compressed:
        offered = [str(ImplicitVRLittleEndian), syntax, str(ExplicitVRLittleEndian)][::order]
        entity.add_requested_context(VLWholeSlideMicroscopyImageStorage, offered)
    association = entity.associate("127.0.0.1", node.listener.port, ae_title="MARROWCOUNT")
    chosen = [str(context.transfer_syntax[0]) for context in association.accepted_contexts]
    association.release()
    assert chosen == compressed
