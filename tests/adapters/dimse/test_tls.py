"""DICOM over TLS with certificates on both sides (PS3.15 B.12)."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import PeerError
from marrowcount_adapters.dimse import Calling, echo, send_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Node

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=node"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run([openssl, "req", "-x509", *options, *files], check=True, capture_output=True)
    return paths


def context(purpose: int, certificate: tuple[Path, Path], *, own: bool = True) -> ssl.SSLContext:
    made = ssl.SSLContext(purpose)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(certificate[0])
    if own:
        made.load_cert_chain(*certificate)
    return made


@pytest.fixture
def node(start_node: Callable[..., Node], certificate: tuple[Path, Path]) -> Node:
    return start_node(tls=context(ssl.PROTOCOL_TLS_SERVER, certificate), network_timeout_s=5)


def test_slide_comes_over_tls(node: Node, certificate: tuple[Path, Path], make_slide: Callable[..., Path]) -> None:
    """Sender and node both show their certificates, and the slide arrives."""
    calling = Calling("SCANNER", tls=context(ssl.PROTOCOL_TLS_CLIENT, certificate))
    slide = make_slide(frame_bytes=1_000_000)
    assert send_files([slide], node.peer, calling).failures == ()
    assert len(node.kept()) == 1


def test_caller_without_a_certificate_stays_outside(node: Node, certificate: tuple[Path, Path]) -> None:
    """Who shows no certificate cannot even ask for an association, and neither can plain text."""
    stranger = Calling("SCANNER", associate_s=2, tls=context(ssl.PROTOCOL_TLS_CLIENT, certificate, own=False))
    with pytest.raises(PeerError):
        echo(node.peer, stranger)
    with pytest.raises(PeerError):
        echo(node.peer, Calling("SCANNER", associate_s=2))


def test_silent_handshake_keeps_nobody_waiting(node: Node, certificate: tuple[Path, Path]) -> None:
    """A connection that never begins its handshake does not hold up the next caller."""
    with socket.create_connection(("127.0.0.1", node.listener.port)):
        calling = Calling("SCANNER", associate_s=5, tls=context(ssl.PROTOCOL_TLS_CLIENT, certificate))
        assert "answered" in echo(node.peer, calling)
