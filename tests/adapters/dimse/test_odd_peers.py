"""Peers whose answers no standard knows: told at once as their failure, and nothing is left of the call."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from fuzz_seeds import answers
from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, Peer, echo

ACCEPTED = answers()["accepted-alone"]
ODD = {
    "rejected for no known reason": b"\3\0\0\0\0\4\0\x09\x09\x09",
    "aborted by nobody": ACCEPTED + b"\7\0\0\0\0\4\0\0\x2e\0",
    "accepted twice": ACCEPTED * 2,
    "data before an answer": b"\4\0\0\0\0\4abcd",
    "four gigabytes": answers()["length-4-gib"],
}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_an_odd_answer_ends_the_call(content: bytes) -> None:
    """No thread dies noisily, and no socket stays open."""
    before = descriptors()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)
                connection.recv(1)

        peer = threading.Thread(target=answer)
        peer.start()
        with pytest.raises(PeerError):
            echo(Peer("PACS", "127.0.0.1", server.getsockname()[1]), Calling("MARROWCOUNT", 5, 2, 2))
        peer.join(30)
    deadline = time.monotonic() + 20
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert descriptors() <= before
    assert not peer.is_alive()
