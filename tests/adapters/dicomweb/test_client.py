"""dicomweb-client, a program that is not ours, stores, finds and fetches over a real socket."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from highdicom.ann import MicroscopyBulkSimpleAnnotations
from pydicom import Dataset, dcmread

from marrowcount.result import CountResult
from marrowcount_adapters.annotations import encode_cells
from marrowcount_adapters.web_server import GuardRules, TokenFile
from slide_files import slide_file
from web_nodes import BASE, Started, WebNode, served

TOKEN = "a-token-of-the-viewer-0123"  # noqa: S105 - of this test
AS_HELD = (("application/dicom", "*"),)


@pytest.fixture
def running(start: Started, tmp_path: Path) -> Iterator[tuple[WebNode, DICOMwebClient]]:
    """A node that asks for a token, and a client that has one."""
    file = tmp_path / "tokens"
    file.write_text(f"viewer read,write {TOKEN}\n")
    node = start(guard=GuardRules(TokenFile(file)))
    with served(node.app) as port:
        url = f"http://127.0.0.1:{port}{BASE}"
        yield node, DICOMwebClient(url, headers={"Authorization": f"Bearer {TOKEN}"})


def saved(made: Dataset) -> bytes:
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_slides_go_in_and_out(running: tuple[WebNode, DICOMwebClient], tmp_path: Path) -> None:
    """Stored, found by patient, fetched whole and frame by frame: the same data set."""
    node, client = running
    sent = [dcmread(slide_file(tmp_path / f"{n}.dcm", f"1.2.3.{n}", frame_bytes=10_000)) for n in (1, 2)]
    answer = client.store_instances(sent)
    assert len(answer.ReferencedSOPSequence) == 2
    assert "FailedSOPSequence" not in answer
    assert node.ledger.instances("1.2.3")[0].sender == "viewer"
    (study,) = client.search_for_studies(search_filters={"PatientID": "SECRET-17"})
    assert Dataset.from_json(study).NumberOfStudyRelatedInstances == 2
    (series,) = client.search_for_series("1.2")
    found = client.search_for_instances("1.2", Dataset.from_json(series).SeriesInstanceUID, fields=["Rows"])
    assert {Dataset.from_json(one).SOPInstanceUID for one in found} == {"1.2.3.1", "1.2.3.2"}
    assert not client.search_for_studies(search_filters={"PatientID": "NOBODY"})
    fetched = client.retrieve_series("1.2", "1.2.3", media_types=AS_HELD)
    # Parts of one request are taken over side by side, so either may be recorded first.
    assert sorted(fetched, key=lambda one: one.SOPInstanceUID) == sent
    one = client.retrieve_instance("1.2", "1.2.3", "1.2.3.2", media_types=AS_HELD)
    assert saved(one) == saved(sent[1])
    frames = client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.1", [1, 4], media_types=("image/jpeg",))
    assert frames == [bytes(10_000)] * 2


def test_pages_are_fetched_to_the_end(running: tuple[WebNode, DICOMwebClient], tmp_path: Path) -> None:
    """The client goes on until nothing more comes."""
    node, client = running
    node.hold(*(slide_file(tmp_path / f"{n}.dcm", f"1.2.3.{n}", frame_bytes=20) for n in range(1, 6)))
    found = client.search_for_instances(limit=2, get_remaining=True)
    assert len(found) == 5


def test_our_annotations_are_read_back_as_they_were_encoded(
    running: tuple[WebNode, DICOMwebClient], result: CountResult, source_of: Callable[..., Dataset]
) -> None:
    """Metadata and bulk data together make the very data set: a viewer draws each box where the model found it."""
    _, client = running
    encoded = encode_cells(result, source_of("ISO_IR 192"))
    client.store_instances([encoded])
    uids = (encoded.StudyInstanceUID, encoded.SeriesInstanceUID, encoded.SOPInstanceUID)
    fetched: list[str] = []

    def bulk(_tag: str, vr: str, uri: str) -> bytes:
        assert vr == "OF"
        fetched.append(uri)
        (value,) = client.retrieve_bulkdata(uri)
        return bytes(value)

    read = Dataset.from_json(client.retrieve_instance_metadata(*uids), bulk_data_uri_handler=bulk)
    assert fetched
    assert f"{BASE}/studies/{uids[0]}/" in fetched[0]
    read.file_meta = encoded.file_meta
    theirs, ours = (MicroscopyBulkSimpleAnnotations.from_dataset(one) for one in (read, encoded))
    for their_group, our_group in zip(theirs.get_annotation_groups(), ours.get_annotation_groups(), strict=True):
        assert their_group.label == our_group.label
        pairs = zip(their_group.get_graphic_data("2D"), our_group.get_graphic_data("2D"), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)


def test_without_its_token_the_client_is_refused(running: tuple[WebNode, DICOMwebClient]) -> None:
    """401, as the client's own exception."""
    _, client = running
    stranger = DICOMwebClient(client.base_url)
    with pytest.raises(OSError, match="401"):
        stranger.search_for_studies()
