"""The web service over TLS as the settings compose it: certificates ask who may come in, and are renewed on the run."""

from __future__ import annotations

import hashlib
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread

from marrowcount.main.parts import Parts, open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import read_settings
from slide_files import slide_file
from tls_files import TlsFolder
from web_nodes import multipart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount_adapters.tls import Identity

TOKEN = "a-token-of-the-scanner-0123"  # noqa: S105 - of this test


@pytest.fixture
def house(tmp_path: Path) -> TlsFolder:
    """The node's certificate is among its files."""
    made = TlsFolder.made_in(tmp_path / "house")
    made.identity()
    return made


@contextmanager
def serving(folder: Path, house: TlsFolder, tls: str = "", web: str = "") -> Iterator[tuple[Parts, str]]:
    """A node's web service from a file of settings; its parts and its DICOMweb service base."""
    file = folder / "settings.toml"
    file.write_text(
        f'[node]\ndata_folder = "{folder}/node"\n[receive]\ndisk_watermark_gib = 0\n'
        f'[tls]\ncertificate = "{house.folder}/node.pem"\nkey = "{house.folder}/node.key"\n'
        f'authorities = "{house.authorities}"\n{tls}\n[web]\nenabled = true\nport = 0\ntls = true\n{web}\n'
    )
    with open_parts(read_settings(file)) as parts, web_service(parts) as announced:
        yield parts, f"https://127.0.0.1:{announced['web_port']}{announced['dicomweb']}"


def context(house: TlsFolder, identity: Identity | None = None) -> ssl.SSLContext:
    """Of a client that trusts the house, and shows that certificate."""
    made = ssl.create_default_context(cafile=house.authorities)
    if identity is not None:
        made.load_cert_chain(identity.certificate, identity.key)
    return made


def shown(url: str, secured: ssl.SSLContext) -> str:
    """The fingerprint of the certificate that a new connection is shown."""
    address = httpx.URL(url)
    with (
        socket.create_connection((address.host, address.port or 0), timeout=20) as plain,
        secured.wrap_socket(plain, server_hostname=address.host) as connection,
    ):
        return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def test_a_client_certificate_lets_in(tmp_path: Path, house: TlsFolder) -> None:
    """Signed by the authorities that the settings name; without one, with a stranger's, or in plain text nobody."""
    stranger = TlsFolder.made_in(tmp_path / "elsewhere").identity("stranger")
    with serving(tmp_path, house) as (_, url):
        ours = context(house, house.identity("viewer"))
        assert httpx.get(f"{url}/studies", verify=ours).status_code == 204
        for secured in (context(house), context(house, stranger)):
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{url}/studies", verify=secured)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/studies".replace("https:", "http:"))


def test_a_token_is_asked_for_beside_the_certificate(tmp_path: Path, house: TlsFolder) -> None:
    """Where the settings name both, neither is enough."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"scanner read,write {TOKEN}\n")
    with serving(tmp_path, house, web=f'tokens_file = "{tokens}"') as (_, url):
        ours, authorised = context(house, house.identity("viewer")), {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(f"{url}/studies", verify=ours).status_code == 401
        assert httpx.get(f"{url}/studies", verify=ours, headers=authorised).status_code == 204
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/studies", verify=context(house), headers=authorised)


def test_a_certificate_may_be_left_out_where_the_settings_say_so(tmp_path: Path, house: TlsFolder) -> None:
    """Then a token is what counts; a wrong certificate is refused all the same."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"scanner read,write {TOKEN}\n")
    stranger = TlsFolder.made_in(tmp_path / "elsewhere").identity("stranger")
    with serving(tmp_path, house, "require_certificate = false", f'tokens_file = "{tokens}"') as (_, url):
        authorised = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(f"{url}/studies", verify=context(house), headers=authorised).status_code == 204
        assert httpx.get(f"{url}/studies", verify=context(house)).status_code == 401
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/studies", verify=context(house, stranger), headers=authorised)


def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path, house: TlsFolder) -> None:
    """New connections see the new file; one that stands goes on, and takes a slide."""
    headers, body = multipart(slide_file(tmp_path / "a.dcm", "1.2.3.4").read_bytes())
    ours = context(house, house.identity("viewer"))
    with serving(tmp_path, house) as (parts, url), httpx.Client(verify=ours) as standing:
        assert standing.get(f"{url}/studies").status_code == 204
        first = shown(url, ours)
        house.identity()
        second = shown(url, ours)
        assert second != first
        assert second == fingerprint(house.folder / "node.pem")
        assert standing.post(f"{url}/studies", headers=headers, content=body).status_code == 200
        assert parts.ledger.instance("1.2.3.4") is not None


def fingerprint(file: Path) -> str:
    first = file.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


def test_dicomweb_client_stores_and_fetches_over_mutual_tls(tmp_path: Path, house: TlsFolder) -> None:
    """A program that is not ours, with the house's authority and its own certificate; without it, it is refused."""
    sent, viewer = dcmread(slide_file(tmp_path / "a.dcm", "1.2.3.4", frame_bytes=10_000)), house.identity("viewer")
    with serving(tmp_path, house) as (_, url), session(house, viewer) as ours, session(house) as bare:
        client = DICOMwebClient(url, session=ours)
        assert len(client.store_instances([sent]).ReferencedSOPSequence) == 1
        (study,) = client.search_for_studies(search_filters={"PatientID": "SECRET-17"})
        assert study["0020000D"]["Value"] == ["1.2"]
        as_held = (("application/dicom", "*"),)
        assert client.retrieve_instance("1.2", "1.2.3", "1.2.3.4", media_types=as_held) == sent
        stranger = DICOMwebClient(url, session=bare)
        stranger.set_http_retry_params(retry=False)
        with pytest.raises(requests.exceptions.RequestException):
            stranger.search_for_studies()


@contextmanager
def session(house: TlsFolder, identity: Identity | None = None) -> Iterator[requests.Session]:
    """Of requests, which dicomweb-client speaks through."""
    with requests.Session() as made:
        made.trust_env = False
        made.verify = str(house.authorities)
        made.cert = (str(identity.certificate), str(identity.key)) if identity else None
        yield made
