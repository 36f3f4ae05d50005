from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import SettingsError
from marrowcount_adapters.dimse import Peer

HOSTS = st.sampled_from(["10.0.0.5", "pacs.hospital.example", "localhost", "::1", "2001:db8::17"])
TITLES = st.text(st.sampled_from("ABCXYZ019_-. "), min_size=1, max_size=16).map(str.strip).filter(bool)


@given(TITLES, HOSTS, st.integers(1, 65535))
def test_peers_are_read_as_they_are_written(ae_title: str, host: str, port: int) -> None:
    """Every peer's text form reads back as the same peer, IPv6 addresses in brackets."""
    peer = Peer(ae_title, host, port)
    assert Peer.parse(str(peer)) == peer


@pytest.mark.parametrize(
    "text",
    ["", "PACS", "PACS@host", "PACS@host:", "PACS@host:0", "PACS@host:65536", "@host:104", "PACS@::1:104", "a b"],
)
def test_incomplete_peers_are_refused_with_an_example(text: str) -> None:
    """Whoever mistypes a peer is shown what one looks like."""
    with pytest.raises(SettingsError) as failure:
        Peer.parse(text)
    assert failure.value.code == "bad-peer"
    assert "PACS@10.0.0.5:104" in failure.value.message


@pytest.mark.parametrize("title", ["SEVENTEEN_LETTERS", "BACK\\SLASH", "UMLÄUT", "TAB\tTAB"])
def test_impossible_ae_titles_are_refused(title: str) -> None:
    """AE titles have up to 16 printable characters and no backslash (PS3.5 section 6.2)."""
    with pytest.raises(SettingsError) as failure:
        Peer.parse(f"{title}@host:104")
    assert failure.value.code == "bad-ae-title"
