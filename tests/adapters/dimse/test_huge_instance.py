"""An instance of more than 4 GiB on its way through our sender and our listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount_adapters.dimse import Calling, send_files
from slide_files import with_huge_frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Node

GIB = 1 << 30


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_instance_beyond_4_gib_arrives_as_it_was_sent(
    node: Node, make_slide: Callable[..., Path], tmp_path: Path
) -> None:
    """No count of bytes on the way is one of 32 bits, and the extended offset table comes with it."""
    huge = with_huge_frames(make_slide(), tmp_path / "huge.dcm", 21 * GIB // 10, extended=True)
    assert send_files([huge], node.peer, Calling("SCANNER", answer_s=600)).failures == ()
    recorded = node.ledger.instance("1.2.3.4")
    assert recorded is not None
    assert recorded.file.size_bytes > 4 * GIB
    assert node.store.same_data_set(huge, recorded.file.path)
    node.store.path(recorded.file.path).unlink()
