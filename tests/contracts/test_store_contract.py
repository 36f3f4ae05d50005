"""What every instance store promises."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from marrowcount.testing import TemporaryStore
from marrowcount_adapters.filesystem import FolderStore

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import InstanceStore

SERIES, INSTANCE = "1.2.3", "1.2.3.4"


@pytest.fixture(params=[TemporaryStore, FolderStore])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> InstanceStore:
    return request.param(tmp_path / "store")


def arrived(store: InstanceStore, content: bytes, name: str = "partial") -> Path:
    file = store.incoming / name
    file.unlink(missing_ok=True)  # as listeners do; a kept file may be the same one under another name
    file.write_bytes(content)
    return file


def part10(meta: bytes, data_set: bytes) -> bytes:
    return bytes(128) + b"DICM\2\0\0\0UL\4\0" + len(meta).to_bytes(4, "little") + meta + data_set


def test_a_kept_file_outlives_the_callers(store: InstanceStore) -> None:
    """Listeners delete their file afterwards."""
    file = arrived(store, b"slide")
    kept = store.keep(file, SERIES, INSTANCE)
    file.unlink(missing_ok=True)
    assert store.path(kept.path).read_bytes() == b"slide"
    assert (kept.sha256, kept.size_bytes) == (hashlib.sha256(b"slide").hexdigest(), 5)
    assert not kept.path.startswith("/")


def test_the_same_bytes_again_are_the_same_file(store: InstanceStore) -> None:
    """A sender that got no answer sends again."""
    first = store.keep(arrived(store, b"slide"), SERIES, INSTANCE)
    assert store.keep(arrived(store, b"slide"), SERIES, INSTANCE) == first


def test_other_bytes_never_replace_the_first(store: InstanceStore) -> None:
    """Both are there; the ledger says which one stands."""
    first = store.keep(arrived(store, b"slide"), SERIES, INSTANCE)
    second = store.keep(arrived(store, b"other"), SERIES, INSTANCE)
    assert store.path(first.path).read_bytes() == b"slide"
    assert store.path(second.path).read_bytes() == b"other"


def test_the_digest_is_sha256(store: InstanceStore) -> None:
    """As in the kept file's description."""
    assert store.digest(arrived(store, b"slide")) == hashlib.sha256(b"slide").hexdigest()


@pytest.mark.parametrize(
    ("content", "same"),
    [
        (part10(b"sender A", b"slide"), True),
        (part10(b"another sender", b"slide"), True),
        (part10(b"sender A", b"other"), False),
        (b"no DICOM", False),
    ],
)
def test_data_sets_are_compared_without_their_meta_information(
    store: InstanceStore, content: bytes, *, same: bool
) -> None:
    """Who sent it, and how, makes no other slide of it."""
    kept = store.keep(arrived(store, part10(b"sender A", b"slide")), SERIES, INSTANCE)
    assert store.same_data_set(arrived(store, content, "again"), kept.path) is same


def test_quarantine_keeps_the_file_and_the_reason(store: InstanceStore) -> None:
    """A person finds both; the incoming folder is free of it."""
    kept = store.quarantine(arrived(store, b"nonsense"), "it is no DICOM file")
    place = store.path(kept.path)
    assert place.read_bytes() == b"nonsense"
    assert any("no DICOM" in beside.read_text() for beside in place.parent.iterdir() if beside != place)
    assert not list(store.incoming.iterdir())


def test_sweeping_takes_only_the_old(store: InstanceStore) -> None:
    """A file that was written to lately belongs to a living transfer."""
    old, young = arrived(store, b"old", "old"), arrived(store, b"young", "young")
    os.utime(old, (time.time() - 7200,) * 2)
    assert store.sweep(3600) == 1
    assert not old.exists()
    assert young.exists()


def test_free_space_is_told(store: InstanceStore) -> None:
    """There is some on the machine of a test."""
    assert store.free_bytes() > 0


def test_an_arriving_file_is_digested_on_its_way(store: InstanceStore) -> None:
    """What was written in pieces can be kept without being read again."""
    file = store.arriving()
    assert file.path.parent == store.incoming
    for piece in (b"sl", memoryview(b"id"), b"", b"e"):
        file.write(piece)
    digest = file.finish()
    assert (digest.sha256, digest.size_bytes) == (hashlib.sha256(b"slide").hexdigest(), 5)
    kept = store.keep(file.path, SERIES, INSTANCE, digest)
    file.discard()
    assert store.path(kept.path).read_bytes() == b"slide"
    assert (kept.sha256, kept.size_bytes) == (digest.sha256, digest.size_bytes)


def test_a_discarded_file_is_gone(store: InstanceStore) -> None:
    """Whether it was complete or not, and however often it is said."""
    half, whole = store.arriving(), store.arriving()
    half.write(b"half")
    whole.write(b"whole")
    whole.finish()
    for file in (half, whole, half, whole):
        file.discard()
    assert not list(store.incoming.iterdir())
