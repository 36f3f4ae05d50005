"""dcmtk sends the same image in every transfer syntax it knows: each arrives bit by bit as it was, none converted."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    VLWholeSlideMicroscopyImageStorage,
)

from peer_node import peer_node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peer

STORESCU_OPTIONS = {
    ImplicitVRLittleEndian: "-xi",
    ExplicitVRLittleEndian: "-xe",
    JPEGBaseline8Bit: "-xy",
    JPEGExtended12Bit: "-xx",
    JPEGLosslessSV1: "-xs",
    JPEG2000Lossless: "-xv",
    JPEG2000: "-xw",
    JPEGLSLossless: "-xt",
    JPEGLSNearLossless: "-xu",
    RLELossless: "-xr",
}
SIDE, FRAMES = 64, 4


def sample(path: Path, syntax: UID) -> Path:
    """A level of four small frames, whose header has what encoders like to rewrite."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = VLWholeSlideMicroscopyImageStorage, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.3", "SM"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.SpecificCharacterSet, dataset.PatientName, dataset.PatientID = "ISO_IR 192", "Müller^Ödön", "1"
    dataset.Rows = dataset.Columns = SIDE
    dataset.TotalPixelMatrixColumns = dataset.TotalPixelMatrixRows = 2 * SIDE
    dataset.NumberOfFrames, dataset.DimensionOrganizationType = FRAMES, "TILED_FULL"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.SharedFunctionalGroupsSequence = Sequence([measures()])
    dataset.add_new(0x00090010, "LO", "A SCANNER'S OWN")
    dataset.add_new(0x00091001, "OB", bytes(range(256)))
    frame = bytes(number % 251 for number in range(SIDE * SIDE * 3))
    if syntax.is_encapsulated:
        dataset.PixelData = encapsulate([frame[:1000]] * FRAMES)
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = frame * FRAMES
    dataset.save_as(path, enforce_file_format=True)
    return path


def measures() -> Dataset:
    item, group = Dataset(), Dataset()
    item.PixelSpacing = [0.00025, 0.00025]
    group.PixelMeasuresSequence = Sequence([item])
    group["PixelMeasuresSequence"].is_undefined_length = True
    return group


@pytest.mark.parametrize("sender", ["storescu", "dcmsend"])
@pytest.mark.parametrize("syntax", STORESCU_OPTIONS, ids=lambda syntax: syntax.name.partition("(")[0].strip())
def test_every_syntax_arrives_as_it_was_sent(
    program: Callable[[str], str], tmp_path: Path, syntax: UID, sender: str
) -> None:
    """The data set is the sender's, byte for byte, in the syntax of its file; sending it again is success."""
    # dcmtk parses what it sends and writes it in its own way; so the file is first written in that way.
    file = tmp_path / "dcmtk.dcm"
    subprocess.run([program("dcmconv"), str(sample(tmp_path / "a.dcm", syntax)), str(file)], check=True, timeout=60)
    options = {"storescu": ["-R", STORESCU_OPTIONS[syntax]], "dcmsend": ["--no-uid-checks"]}[sender]
    command = [program(sender), *options, "-aec", "MARROWCOUNT", "127.0.0.1"]
    with peer_node(tmp_path / "node") as node:
        for _ in range(2):
            subprocess.run([*command, str(node.peer.port), str(file)], check=True, timeout=60)
        recorded = node.ledger.instance("1.2.3.4")
        assert recorded is not None
        assert dcmread(node.store.path(recorded.file.path)).PixelData == dcmread(file).PixelData
        if (sender, syntax) == ("dcmsend", ImplicitVRLittleEndian):
            # It offers all uncompressed syntaxes in one context, and writes in the one that the node prefers.
            assert recorded.facts.transfer_syntax_uid == ExplicitVRLittleEndian
            return
        assert recorded.facts.transfer_syntax_uid == syntax
        assert node.store.same_data_set(file, recorded.file.path)
        assert len(list((tmp_path / "node" / "store" / "instances").rglob("*.dcm"))) == 1
