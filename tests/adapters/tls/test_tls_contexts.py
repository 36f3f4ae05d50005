"""Who gets through a handshake, who does not, and what happens when the files change."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from marrowcount.errors import SettingsError
from marrowcount_adapters.tls import CIPHERS, Identity, ServerTls, read_certificates
from tls_files import TlsFolder, client, server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    return TlsFolder.made_in(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    return TlsFolder.made_in(tmp_path_factory.mktemp("elsewhere"))


def handshake(answering: ssl.SSLContext, calling: ssl.SSLContext, host: str = "127.0.0.1") -> ssl.SSLObject:
    """Both sides in memory, then one byte each way: in TLS 1.3 a refused client hears of it only then."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    answerer = answering.wrap_bio(to_server, to_client, server_side=True)
    caller = calling.wrap_bio(to_client, to_server, server_hostname=host)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in (caller, answerer):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass
    assert done == {caller, answerer}
    caller.write(b"?")
    assert answerer.read(1) == b"?"
    return answerer


def test_both_sides_know_each_other(house: TlsFolder) -> None:
    """Node and caller show certificates of the same authority, and meet in TLS 1.3."""
    met = handshake(
        server(house.identity(), authorities=house.authorities),
        client(house.identity("scanner"), authorities=house.authorities),
    )
    assert met.version() == "TLSv1.3"
    subject = [pair for part in met.getpeercert()["subject"] for pair in part]  # type: ignore[index]
    assert ("commonName", "scanner") in subject


def test_only_suites_of_the_profile_are_offered(house: TlsFolder) -> None:
    """TLS 1.2 knows suites with forward secrecy and authenticated encryption alone; nothing older is spoken."""
    context = server(house.identity()).latest
    older = [suite["name"] for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert set(older) == set(CIPHERS)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.options & ssl.OP_NO_TLSv1_3


@pytest.mark.parametrize("suite", CIPHERS)
def test_every_suite_of_tls_1_2_works(house: TlsFolder, suite: str) -> None:
    """A peer that knows one of them only gets it, whichever kind of key the node has."""
    calling = client(authorities=house.authorities).latest
    calling.maximum_version = ssl.TLSVersion.TLSv1_2
    calling.set_ciphers(suite)
    met = handshake(server(house.identity("either", rsa="RSA" in suite)), calling)
    assert (met.version(), met.cipher()[0]) == ("TLSv1.2", suite)  # type: ignore[index]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_older_protocols_are_refused(house: TlsFolder) -> None:
    """Who speaks TLS 1.1 at best stays outside: nothing is downgraded."""
    calling = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    calling.set_ciphers("ALL:@SECLEVEL=0")
    calling.load_verify_locations(house.authorities)
    calling.minimum_version = ssl.TLSVersion.TLSv1
    calling.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        handshake(server(house.identity()), calling)


def test_weak_suites_are_refused(house: TlsFolder) -> None:
    """CBC suites of TLS 1.2 are not spoken."""
    calling = client(authorities=house.authorities).latest
    calling.maximum_version = ssl.TLSVersion.TLSv1_2
    calling.set_ciphers("ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256")
    with pytest.raises(ssl.SSLError):
        handshake(server(house.identity()), calling)


def test_tls_1_2_can_be_turned_off(house: TlsFolder) -> None:
    """With 1.3 as the minimum a peer of 1.2 stays outside."""
    calling = client(authorities=house.authorities).latest
    calling.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(server(house.identity(), minimum_version="1.3"), calling)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_caller_must_show_what_the_authorities_signed(
    house: TlsFolder, elsewhere: TlsFolder, version: ssl.TLSVersion
) -> None:
    """No certificate, or one that another authority signed, opens nothing."""
    answering = server(house.identity(), authorities=house.authorities)
    for shown in (None, elsewhere.identity("stranger")):
        calling = client(shown, authorities=house.authorities).latest
        calling.maximum_version = version
        with pytest.raises(ssl.SSLError):
            handshake(answering, calling)


def test_certificate_may_be_left_to_the_caller(house: TlsFolder, elsewhere: TlsFolder) -> None:
    """Where it is optional, a caller without one comes in, and one with a wrong one still does not."""
    answering = server(house.identity(), authorities=house.authorities, require_certificate=False)
    assert handshake(answering, client(authorities=house.authorities)).getpeercert() is None
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(answering, client(elsewhere.identity("stranger"), authorities=house.authorities))


def test_node_is_checked_by_who_calls(house: TlsFolder, elsewhere: TlsFolder) -> None:
    """As client we refuse a peer of another authority, and one whose certificate names another host."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server(elsewhere.identity()), client(authorities=house.authorities))
    named = server(house.identity("pacs", "pacs.example.org"))
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        handshake(named, client(authorities=house.authorities))
    handshake(named, client(authorities=house.authorities), "pacs.example.org")
    handshake(named, client(authorities=house.authorities, check_host=False))


def test_expired_certificates_open_nothing(house: TlsFolder) -> None:
    """A caller whose certificate ran out yesterday stays outside."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    answering = server(house.identity(), authorities=house.authorities)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(answering, client(house.identity("late", expires=yesterday), authorities=house.authorities))


def test_revoked_certificates_open_nothing(house: TlsFolder) -> None:
    """With a revocation list, who stands on it stays outside, and the others come in."""
    lost, kept = house.identity("lost"), house.identity("kept")
    how = {"authorities": house.authorities, "revocations": house.revoked(lost)}
    answering = server(house.identity(), **how)
    handshake(answering, client(kept, authorities=house.authorities))
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        handshake(answering, client(lost, authorities=house.authorities))


def test_new_files_are_seen_without_a_restart(tmp_path: Path) -> None:
    """The handshake after a renewal shows the new certificate, on both sides of the house."""
    house = TlsFolder.made_in(tmp_path)
    answering, calling = server(house.identity()), client(authorities=house.authorities)
    handshake(answering, calling)
    before = read_certificates(house.folder / "node.pem")[0].sha256
    house.identity()
    assert answering.renew()
    assert not answering.renew()
    handshake(answering, calling)
    assert answering.certificates()[0].sha256 != before


def test_authority_taken_off_the_list_is_trusted_no_more(tmp_path: Path) -> None:
    """A renewed list of authorities replaces the old one, and no old session goes round it."""
    house, left = TlsFolder.made_in(tmp_path / "house"), TlsFolder.made_in(tmp_path / "left")
    listed = tmp_path / "listed.pem"
    listed.write_bytes(house.authorities.read_bytes() + left.authorities.read_bytes())
    answering = server(house.identity(), authorities=listed)
    calling = client(left.identity("partner"), authorities=house.authorities)
    handshake(answering, calling)
    listed.write_bytes(house.authorities.read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(answering, calling)


@pytest.mark.parametrize("fault", ["cut", "other key", "gone", "expired", "open to all"])
def test_broken_new_files_leave_the_old_ones_in_use(tmp_path: Path, fault: str) -> None:
    """A renewal gone wrong is told with a code, once, and handshakes go on as before until it is put right."""
    house = TlsFolder.made_in(tmp_path)
    identity = house.identity()
    answering, calling = server(identity), client(authorities=house.authorities)
    sound = identity.certificate.read_bytes(), identity.key.read_bytes()
    codes = {
        "cut": "tls-bad-certificate",
        "other key": "tls-bad-key",
        "gone": "tls-file-unreadable",
        "expired": "tls-certificate-expired",
        "open to all": "tls-key-exposed",
    }
    spoil(house, identity, fault)
    with structlog.testing.capture_logs() as logs:
        handshake(answering, calling)
        handshake(answering, calling)
    assert [(line["event"], line["code"]) for line in logs] == [("tls.not_renewed", codes[fault])]
    identity.certificate.write_bytes(sound[0])
    identity.key.write_bytes(sound[1])
    identity.key.chmod(0o600)
    with structlog.testing.capture_logs() as logs:
        handshake(answering, calling)
    assert [line["event"] for line in logs] == ["tls.renewed"]


def spoil(house: TlsFolder, identity: Identity, fault: str) -> None:
    if fault == "cut":
        identity.certificate.write_bytes(identity.certificate.read_bytes()[:100])
    elif fault == "other key":
        identity.key.write_bytes(house.identity("other").key.read_bytes())
    elif fault == "gone":
        identity.certificate.unlink()
    elif fault == "expired":
        house.identity(expires=datetime.now(UTC) - timedelta(days=1))
    else:
        identity.key.chmod(0o644)


@pytest.mark.parametrize(
    ("mode", "refused"), [(0o600, False), (0o400, False), (0o640, False), (0o644, True), (0o660, True)]
)
def test_keys_open_to_others_are_refused(tmp_path: Path, mode: int, refused: bool) -> None:  # noqa: FBT001
    """A key that everybody may read, or its group may write, is no secret: the file and the remedy are named."""
    identity = TlsFolder.made_in(tmp_path).identity()
    identity.key.chmod(mode)
    if not refused:
        server(identity)
        return
    with pytest.raises(SettingsError, match="chmod 600") as failure:
        server(identity)
    assert failure.value.code == "tls-key-exposed"
    assert str(identity.key) in failure.value.message


def test_key_with_a_password_is_opened_by_it(tmp_path: Path) -> None:
    """The password stands in a file of its own; without it the node says so instead of asking at a terminal."""
    identity = TlsFolder.made_in(tmp_path).identity()
    key = load_pem_private_key(identity.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    identity.key.write_bytes(locked)
    with pytest.raises(SettingsError) as failure:
        server(identity)
    assert failure.value.code == "tls-bad-key"
    password = tmp_path / "password"
    os.close(os.open(password, os.O_CREAT | os.O_WRONLY, 0o600))
    password.write_text("open sesame\n", encoding="ascii")
    server(Identity(identity.certificate, identity.key, password))


def test_missing_files_are_named(tmp_path: Path) -> None:
    """Whoever mistypes a path reads which file is missing."""
    house = TlsFolder.made_in(tmp_path)
    for recipe in (
        ServerTls(Identity(tmp_path / "no.pem", tmp_path / "no.key")),
        ServerTls(house.identity(), authorities=tmp_path / "no.pem"),
    ):
        with pytest.raises(SettingsError, match=r"no\.pem") as failure:
            recipe.context()
        assert failure.value.code == "tls-file-unreadable"


def test_days_left_are_told(tmp_path: Path) -> None:
    """Certificates that expire within the warning time are named, the others are not."""
    now = datetime.now(UTC)
    house = TlsFolder.made_in(tmp_path)
    context = server(house.identity(expires=now + timedelta(days=10, hours=1)), authorities=house.authorities)
    (expiring,) = context.expiring(now, 30)
    assert expiring.days_left(now) == 10
    assert expiring.subject.startswith("CN=node")
    assert context.expiring(now, 10) == ()
