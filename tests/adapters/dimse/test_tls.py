"""DICOM over TLS with certificates on both sides (PS3.15 B.12)."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass, field
from queue import Queue
from typing import TYPE_CHECKING

import pytest
import structlog
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from marrowcount.errors import PeerError, SettingsError
from marrowcount.workflow.access import CallerRule, Service
from marrowcount_adapters.dimse import Calling, Peer, echo, send_files
from marrowcount_adapters.dimse.association import open_association
from marrowcount_adapters.dimse.contexts import storage_context, verification_context
from marrowcount_adapters.dimse.watching import Unwatched
from tls_files import TlsFolder, client, server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Node

    from marrowcount.workflow.access import Claim


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    return TlsFolder.made_in(tmp_path_factory.mktemp("house"))


@dataclass
class Watch(Unwatched):
    """What the listener told."""

    told: Queue[tuple[str, ...]] = field(default_factory=Queue)

    def refused(self, claim: Claim, reason: str) -> None:
        self.told.put(("refused", claim.ae_title, claim.address, reason))

    def handshake_failed(self, address: str, reason: str) -> None:
        self.told.put(("handshake", address, reason))

    def next(self) -> tuple[str, ...]:
        return self.told.get(timeout=20)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def node(start_node: Callable[..., Node], house: TlsFolder, watch: Watch) -> Node:
    secured = server(house.identity(), authorities=house.authorities)
    return start_node(watch=watch, tls=secured, network_timeout_s=5)


def calling(house: TlsFolder, name: str = "scanner", **how: object) -> Calling:
    return Calling("SCANNER", associate_s=5, tls=client(house.identity(name), authorities=house.authorities, **how))


def test_slide_comes_over_tls(node: Node, house: TlsFolder, make_slide: Callable[..., Path]) -> None:
    """Sender and node both show their certificates, and the slide arrives."""
    slide = make_slide(frame_bytes=1_000_000)
    assert send_files([slide], node.peer, calling(house)).failures == ()
    assert len(node.kept()) == 1


def test_caller_without_a_certificate_stays_outside(node: Node, house: TlsFolder, watch: Watch) -> None:
    """Who shows no certificate cannot even ask for an association, hears why, and is told of."""
    stranger = Calling("SCANNER", associate_s=5, tls=client(authorities=house.authorities))
    with pytest.raises(PeerError, match="certificate required") as failure:
        echo(node.peer, stranger)
    assert failure.value.code == "tls-failed"
    assert watch.next() == ("handshake", "127.0.0.1", "peer did not return a certificate")


def test_caller_of_another_authority_stays_outside(node: Node, house: TlsFolder, watch: Watch, tmp_path: Path) -> None:
    """A certificate that others signed opens nothing."""
    elsewhere = TlsFolder.made_in(tmp_path / "elsewhere")
    tls = client(elsewhere.identity("stranger"), authorities=house.authorities)
    with pytest.raises(PeerError, match="unknown ca"):
        echo(node.peer, Calling("SCANNER", associate_s=5, tls=tls))
    assert watch.next()[2].startswith("certificate refused: ")


def test_plain_text_is_not_understood(node: Node, watch: Watch) -> None:
    """A caller without TLS gets no answer, and the log says what it spoke."""
    with pytest.raises(PeerError):
        echo(node.peer, Calling("SCANNER", associate_s=5))
    assert watch.next() == ("handshake", "127.0.0.1", "wrong version number")


def test_wrong_node_is_not_called(node: Node, house: TlsFolder, tmp_path: Path) -> None:
    """As caller we end the handshake where the other side is not whom its authorities vouch for."""
    elsewhere = TlsFolder.made_in(tmp_path / "elsewhere")
    tls = client(house.identity("scanner"), authorities=elsewhere.authorities)
    with pytest.raises(PeerError, match="certificate refused: ") as failure:
        echo(node.peer, Calling("SCANNER", associate_s=5, tls=tls))
    assert failure.value.retryable


def test_silent_handshake_keeps_nobody_waiting(node: Node, house: TlsFolder) -> None:
    """A connection that never begins its handshake does not hold up the next caller."""
    with socket.create_connection(("127.0.0.1", node.listener.port)):
        assert "answered" in echo(node.peer, calling(house))


def test_silent_handshake_ends(start_node: Callable[..., Node], house: TlsFolder, watch: Watch) -> None:
    """A connection that never finishes its handshake is closed, and told of."""
    node = start_node(watch=watch, tls=server(house.identity()), network_timeout_s=0.5)
    with socket.create_connection(("127.0.0.1", node.listener.port)) as silent:
        silent.settimeout(20)
        assert silent.recv(1) == b""
    assert watch.next() == ("handshake", "127.0.0.1", "the peer did not finish it in time")


def test_handshakes_that_hang_are_limited(start_node: Callable[..., Node], house: TlsFolder) -> None:
    """Connections that never finish their handshake count as connections: beyond four times the associations
    allowed, more are closed unheard."""
    node = start_node(tls=server(house.identity()), max_associations=1, network_timeout_s=30)
    address = ("127.0.0.1", node.listener.port)
    opened = [socket.create_connection(address, timeout=20) for _ in range(4)]
    try:
        until_closed = socket.create_connection(address, timeout=20)
        opened.append(until_closed)
        assert until_closed.recv(1) == b""
    finally:
        for connection in opened:
            connection.close()


def test_plain_and_secured_port_side_by_side(
    start_node: Callable[..., Node], house: TlsFolder, make_slide: Callable[..., Path]
) -> None:
    """One listener serves both, with one limit of associations and one store."""
    secured = server(house.identity(), authorities=house.authorities)
    node = start_node(tls=secured, tls_port=0, max_associations=1)
    over_tls = Peer("MARROWCOUNT", "127.0.0.1", node.listener.tls_port)
    assert over_tls.port != node.peer.port
    assert send_files([make_slide("plain.dcm")], node.peer, Calling("SCANNER")).failures == ()
    held = open_association(over_tls, calling(house), [verification_context()])
    try:
        with pytest.raises(PeerError, match="Local limit exceeded"):
            echo(node.peer, Calling("SCANNER"))
    finally:
        held.release()
    secured_slide = make_slide("secured.dcm", uid="1.2.3.5")
    assert send_files([secured_slide], over_tls, calling(house)).failures == ()
    assert len(node.kept()) == 2


def test_taken_tls_port_leaves_the_plain_one_free(start_node: Callable[..., Node], house: TlsFolder) -> None:
    """A listener that cannot have both of its ports takes none."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port, wanted = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(SettingsError, match=str(port)) as failure:
            start_node(port=wanted, tls=server(house.identity()), tls_port=port)
        assert failure.value.code == "cannot-listen"
        socket.create_server(("127.0.0.1", wanted)).close()


def test_new_certificate_is_shown_without_a_restart(start_node: Callable[..., Node], tmp_path: Path) -> None:
    """After a renewal new associations see the new certificate, and the one that stands goes on."""
    house = TlsFolder.made_in(tmp_path / "own")
    node = start_node(tls=server(house.identity()))
    plain = client(authorities=house.authorities)
    before = open_association(node.peer, Calling("SCANNER", tls=plain), [verification_context()])
    old = shown(before)
    house.identity()
    after = open_association(node.peer, Calling("SCANNER", tls=plain), [verification_context()])
    assert shown(after) != old
    assert [association.send_c_echo().Status for association in (before, after)] == [0, 0]
    before.release()
    after.release()


def shown(association: object) -> bytes | None:
    connection = association.dul.socket.socket  # type: ignore[attr-defined]
    assert isinstance(connection, ssl.SSLSocket)
    return connection.getpeercert(binary_form=True)


def test_title_is_bound_to_a_certificate(start_node: Callable[..., Node], house: TlsFolder, watch: Watch) -> None:
    """The same title with another certificate of the same authority is rejected, and told of."""
    rule = CallerRule("SCANNER", certificates=frozenset({"cn:scanner"}))
    secured = server(house.identity(), authorities=house.authorities)
    node = start_node(watch=watch, tls=secured, tls_port=0, callers=(rule,))
    over_tls = Peer("MARROWCOUNT", "127.0.0.1", node.listener.tls_port)
    assert "answered" in echo(over_tls, calling(house))
    for peer, caller in ((over_tls, calling(house, "thief")), (node.peer, Calling("SCANNER"))):
        with pytest.raises(PeerError, match="Calling AE title not recognised"):
            echo(peer, caller)
        assert watch.next() == ("refused", "SCANNER", "127.0.0.1", "CALLING_AE_TITLE_NOT_RECOGNISED")


def test_fingerprint_names_one_certificate(start_node: Callable[..., Node], house: TlsFolder) -> None:
    """A rule may name the very certificate."""
    shows = calling(house)
    assert isinstance(shows.tls, ssl.SSLContext)
    fingerprint = shows.tls.certificates()[0].sha256  # type: ignore[attr-defined]
    rule = CallerRule("*", certificates=frozenset({f"sha256:{fingerprint}"}))
    node = start_node(tls=server(house.identity(), authorities=house.authorities), callers=(rule,))
    assert "answered" in echo(node.peer, shows)
    with pytest.raises(PeerError, match="not recognised"):
        echo(node.peer, calling(house, "other"))


def test_services_are_offered_by_rule(start_node: Callable[..., Node]) -> None:
    """A caller that may report on commitment only is offered neither storage nor anything else beside C-ECHO."""
    rules = (CallerRule("PACS", services=frozenset({Service.COMMITMENT})), CallerRule.parse("SCANNER@127.0.0.0/8"))
    node = start_node(callers=rules)
    slides = storage_context("1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.1.2.4.50")
    for title, offered in (("PACS", {Verification}), ("SCANNER", {Verification, slides.abstract_syntax})):
        association = open_association(node.peer, Calling(title), [slides, verification_context()])
        assert {context.abstract_syntax for context in association.accepted_contexts} == offered
        association.release()


def test_refusals_are_logged_with_their_reason(node: Node, house: TlsFolder) -> None:
    """Who was kept out by what stands in the log: an address and a reason, no names from a certificate."""
    heard = threading.Event()
    with structlog.testing.capture_logs(processors=[lambda _logger, _name, line: (heard.set(), line)[1]]) as logs:
        with pytest.raises(PeerError):
            echo(node.peer, Calling("SCANNER", associate_s=5, tls=client(authorities=house.authorities)))
        assert heard.wait(20)
    (line,) = [line for line in logs if line["event"] == "tls.handshake_failed"]
    assert (line["address"], line["reason"]) == ("127.0.0.1", "peer did not return a certificate")
