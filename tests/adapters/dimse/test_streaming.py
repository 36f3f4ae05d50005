"""Data sets that are streamed past pynetdicom, by a real listener and real senders."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

from pydicom.uid import ImplicitVRLittleEndian, JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage
from pynetdicom import AE

from marrowcount.workflow.receive import ReceiveLimits
from marrowcount_adapters.dimse import Calling, send_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from conftest import Node

CALLING = Calling("SCANNER", answer_s=20)


def statuses(node: Node, *files: Path) -> list[int | None]:
    """How each was answered, all of them over one association."""
    return [sent.status for sent in send_files(list(files), node.peer, CALLING).sent]


def test_too_large_instance_has_its_status_and_the_association_goes_on(
    start_node: Callable[..., Node], make_slide: Callable[..., Path]
) -> None:
    """A701 for the one beyond the limit, which leaves nothing; the next one on the same association is taken."""
    node = start_node(ReceiveLimits(max_instance_bytes=9_000_000, min_free_bytes=0))
    large, small = make_slide("large.dcm", frame_bytes=10_000_000), make_slide("small.dcm", uid="1.2.3.5")
    assert statuses(node, large, small) == [0xA701, 0x0000]
    assert (len(node.kept()), node.incoming()) == (1, [])
    assert not list(node.store.path("quarantine").iterdir())


def test_disk_that_fills_up_within_a_transfer_is_out_of_resources(
    node: Node, make_slide: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A700 so that the sender tries again later; the half is deleted at once, and the association goes on."""
    write, room = os.write, [1_000_000]

    def filling(descriptor: int, piece: memoryview) -> int:
        room[0] -= len(piece)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, piece)

    with monkeypatch.context() as full:
        full.setattr(os, "write", filling)
        assert statuses(node, make_slide(frame_bytes=1_000_000)) == [0xA700]
    assert (node.kept(), node.incoming()) == ([], [])
    assert statuses(node, make_slide(frame_bytes=1_000_000)) == [0x0000]


def test_echo_and_several_contexts_share_an_association(node: Node, make_slide: Callable[..., Path]) -> None:
    """A sender may ask between two slides whether the node is there, each in its own presentation context."""
    entity = AE("SCANNER")
    entity.add_requested_context("1.2.840.10008.1.1", ImplicitVRLittleEndian)
    entity.add_requested_context(VLWholeSlideMicroscopyImageStorage, JPEGBaseline8Bit)
    association = entity.associate("127.0.0.1", node.listener.port, ae_title="MARROWCOUNT", max_pdu=4096)
    for number in range(3):
        assert association.send_c_echo().Status == 0x0000
        assert association.send_c_store(make_slide(f"{number}.dcm", uid=f"1.2.3.{number}")).Status == 0x0000
    association.release()
    assert len(node.kept()) == 3


def test_associations_at_the_same_time_do_not_mix(node: Node, make_slide: Callable[..., Path]) -> None:
    """Each data set ends up in its own file, whatever comes in beside it."""
    slides = [make_slide(f"{n}.dcm", uid=f"1.2.3.{n}", frame_bytes=500_000 + n) for n in range(4)]
    answers: dict[int, list[int | None]] = {}
    senders = [
        threading.Thread(target=lambda n, slide: answers.update({n: statuses(node, slide)}), args=(n, slide))
        for n, slide in enumerate(slides)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(timeout=60)
    assert answers == {n: [0x0000] for n in range(4)}
    for n, slide in enumerate(slides):
        kept = node.ledger.instance(f"1.2.3.{n}")
        assert kept is not None
        assert node.store.same_data_set(slide, kept.file.path)


def test_listeners_of_one_process_keep_to_their_own_stores(
    start_node: Callable[..., Node], make_slide: Callable[..., Path]
) -> None:
    """Nothing about receiving belongs to the process as a whole."""
    one, other = start_node(), start_node()
    assert statuses(one, make_slide()) == [0x0000]
    assert statuses(other, make_slide("b.dcm", uid="1.2.3.5")) == [0x0000]
    assert [path.name for path in one.kept()] == ["1.2.3.4.dcm"]
    assert [path.name for path in other.kept()] == ["1.2.3.5.dcm"]
