from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import InstanceError, StorageError
from marrowcount_adapters.filesystem import FolderStore

SERIES, INSTANCE = "1.2.3", "1.2.3.4"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def arrived(store: FolderStore, content: bytes, name: str = "tmp1.dcm") -> Path:
    path = store.incoming / name
    path.write_bytes(content)
    return path


def part10(meta: bytes, data_set: bytes) -> bytes:
    """A DICOM file with File Meta Information of this content."""
    return bytes(128) + b"DICM" + b"\2\0\0\0UL\4\0" + len(meta).to_bytes(4, "little") + meta + data_set


def test_kept_file_survives_the_deletion_of_the_incoming_one(store: FolderStore) -> None:
    """Listeners delete their temporary file when the handler returns; the kept one stays, bit by bit."""
    path = arrived(store, b"slide")
    kept = store.keep(path, SERIES, INSTANCE)
    path.unlink()
    assert kept.path == "instances/1.2.3/1.2.3.4.dcm"
    assert (kept.sha256, kept.size_bytes) == (hashlib.sha256(b"slide").hexdigest(), 5)
    assert store.path(kept.path).read_bytes() == b"slide"


def test_keeping_syncs_the_file_before_and_the_folder_after_its_name_is_there(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What survives a power failure is what was synced: the content first, then the names that lead to it."""
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        named = (store.path("instances") / SERIES / f"{INSTANCE}.dcm").exists()
        synced.append(f"{target.name} {'named' if named else 'unnamed'}")

    monkeypatch.setattr(os, "fsync", fsync)
    store.keep(arrived(store, b"slide"), SERIES, INSTANCE)
    assert synced == ["tmp1.dcm unnamed", "instances unnamed", "1.2.3 named"]


def test_keeping_the_same_bytes_again_is_harmless(store: FolderStore) -> None:
    """A sender that got no answer sends again; one file remains."""
    first = store.keep(arrived(store, b"slide"), SERIES, INSTANCE)
    again = store.keep(arrived(store, b"slide", "tmp2.dcm"), SERIES, INSTANCE)
    assert again == first
    assert len(list(store.path("instances").rglob("*.dcm"))) == 1


def test_other_bytes_of_the_same_instance_never_replace_the_first(store: FolderStore) -> None:
    """Both files are kept under names of their own; the ledger says which one stands."""
    first = store.keep(arrived(store, b"first"), SERIES, INSTANCE)
    second = store.keep(arrived(store, b"second", "tmp2.dcm"), SERIES, INSTANCE)
    assert second.path != first.path
    assert store.path(first.path).read_bytes() == b"first"
    assert store.path(second.path).read_bytes() == b"second"


@given(name=st.text(max_size=80))
def test_names_that_are_no_uids_are_refused(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Nothing but digits and dots between digits becomes a path, so nothing leads out of the store."""
    if all(part.isascii() and part.isdigit() for part in name.split(".")):
        return
    store = FolderStore(tmp_path_factory.mktemp("store"))
    with pytest.raises(InstanceError) as failure:
        store.keep(arrived(store, b"slide"), name, INSTANCE)
    assert failure.value.code == "invalid-attribute"
    with pytest.raises(InstanceError):
        store.keep(arrived(store, b"slide"), SERIES, name)


@pytest.mark.parametrize("name", ["..", ".", "", "1..2", "1.2/3", "../1", "1" * 65, "1.2\n", "\u0661.\u0662"])
def test_dangerous_names_are_refused(store: FolderStore, name: str) -> None:
    """The usual tricks, and what Python takes for digits but DICOM does not."""
    with pytest.raises(InstanceError):
        store.keep(arrived(store, b"slide"), name, INSTANCE)


@pytest.mark.parametrize("kept", ["../secret", "instances/../../secret", "/etc/passwd"])
def test_ledger_paths_cannot_lead_out_of_the_store(store: FolderStore, kept: str) -> None:
    """Not even a damaged database makes the node read elsewhere."""
    with pytest.raises(StorageError) as failure:
        store.path(kept)
    assert failure.value.code == "path-outside"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EROFS, "disk-read-only"),
        (errno.EIO, "disk-failed"),
    ],
)
def test_disk_errors_have_codes(store: FolderStore, monkeypatch: pytest.MonkeyPatch, number: int, code: str) -> None:
    """Each failure of the disk is a storage error, which is worth a retry, with its own code."""

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError) as failure:
        store.keep(arrived(store, b"slide"), SERIES, INSTANCE)
    assert failure.value.code == code
    assert failure.value.retryable


def test_quarantine_keeps_the_file_and_its_reason(store: FolderStore) -> None:
    """A person finds what was refused, and why, under the digest of the content."""
    kept = store.quarantine(arrived(store, b"odd"), "[not-dicom] no DICOM")
    reason = json.loads(store.path(kept.path).with_suffix(".reason.json").read_text())
    assert store.path(kept.path).read_bytes() == b"odd"
    assert reason == {"reason": "[not-dicom] no DICOM", "sha256": hashlib.sha256(b"odd").hexdigest(), "size_bytes": 3}
    assert list(store.incoming.iterdir()) == []


def test_sweep_takes_only_what_nobody_writes_to_any_more(store: FolderStore) -> None:
    """A file that was written to lately belongs to a living transfer."""
    stale, fresh = arrived(store, b"stale"), arrived(store, b"fresh", "tmp2.dcm")
    os.utime(stale, (0, 0))
    assert store.sweep(older_than_s=60) == 1
    assert list(store.incoming.iterdir()) == [fresh]


def test_sweep_reaches_subfolders(store: FolderStore) -> None:
    """Listeners may use folders of their own below the incoming one."""
    (store.incoming / "http").mkdir()
    os.utime(arrived(store, b"stale", "http/tmp1.dcm"), (0, 0))
    assert store.sweep(older_than_s=60) == 1


@given(meta=st.binary(max_size=60), other=st.binary(max_size=60), data_set=st.binary(max_size=100))
def test_data_sets_are_compared_without_their_meta_information(
    tmp_path_factory: pytest.TempPathFactory, meta: bytes, other: bytes, data_set: bytes
) -> None:
    """Each receiver writes the File Meta Information anew, so it does not make two data sets differ."""
    store = FolderStore(tmp_path_factory.mktemp("store"))
    kept = store.keep(arrived(store, part10(meta, data_set)), SERIES, INSTANCE)
    assert store.same_data_set(arrived(store, part10(other, data_set), "a"), kept.path)
    assert not store.same_data_set(arrived(store, part10(other, data_set + b"\0"), "b"), kept.path)


def test_files_that_are_no_dicom_are_compared_whole(store: FolderStore) -> None:
    """Without a recognisable head every byte counts."""
    kept = store.keep(arrived(store, b"x" * 200 + b"a"), SERIES, INSTANCE)
    assert not store.same_data_set(arrived(store, b"x" * 200 + b"b", "b"), kept.path)
    assert not store.same_data_set(arrived(store, b"y", "c"), kept.path)


def test_free_space_is_that_of_the_file_system(store: FolderStore) -> None:
    """The watermark is held against what this user may still fill."""
    status = os.statvfs(store.incoming)
    assert store.free_bytes() == pytest.approx(status.f_bavail * status.f_frsize, rel=0.05)
