"""How the node shows EHRs who it is: settings, keys at the command line and on the web, and what a check says."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from marrowcount.errors import PeerError, SettingsError
from marrowcount.main import key_routes
from marrowcount.main.checking import run_checks
from marrowcount.main.destinations import ehr_destination
from marrowcount.main.ehr_access import key_folder
from marrowcount.main.parts import open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import EhrSection, NodeSection, Settings, WebSection, read_settings
from marrowcount_adapters.smart_backend import Algorithm
from tls_files import TlsFolder
from tls_files import server as tls_server
from token_server import TokenServer, token_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EHR = "[[ehr]]\nname = 'ehr'\nbase_url = 'https://ehr.example.org/fhir'\nsmart_client_id = 'node'\n"
SMART = {"name": "ehr", "smart_client_id": "node"}


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture
def command(run_command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[node]\ndata_folder = "{tmp_path}/node"\n', encoding="utf-8")
    return lambda *words: run_command("keys", *words, "--settings", settings)


def node(tmp_path: Path, **sections: Any) -> Settings:  # noqa: ANN401 - whatever a test sets
    return Settings(node=NodeSection(data_folder=tmp_path / "node"), **sections)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("bearer_token_file = 'token'", "exclude each other"),
        ("base_url = 'http://ehr.example.org/fhir'", "needs https"),
        ("smart_token_url = 'http://auth.example.org/token'", "needs https"),
        ("smart_client_id = ''\nsmart_token_url = 'https://auth.example.org'", "needs smart_client_id"),
        ("smart_scopes = []", "needs smart_scopes"),
        ("smart_scopes = ['system/Patient.rs system/Device.r']", "smart_scopes"),
        ("smart_algorithm = 'RS256'", "'ES384' or 'RS384'"),
        ("[keys]\npublished = 'web'", "needs web.enabled"),
        ("[keys]\noverlap_h = 0", "greater than 0"),
        ("[keys]\nurl = 'jwks.json'", "keys.url"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, more: str, said: str) -> None:
    """Before anything is started, by name."""
    names = [line.partition(" ")[0] for line in more.splitlines()]
    kept = [line for line in EHR.splitlines() if line.partition(" ")[0] not in names]
    file = tmp_path / "settings.toml"
    file.write_text("\n".join([*kept, more, ""]))
    with pytest.raises(SettingsError, match=said):
        read_settings(file)


def test_smart_goes_with_a_certificate_and_to_loopback(tmp_path: Path) -> None:
    """Mutual TLS is another layer; a proxy on the same machine may speak in clear."""
    file = tmp_path / "settings.toml"
    file.write_text(
        EHR
        + "tls_show_certificate = true\n"
        + EHR.replace("'ehr'", "'b'").replace("https://ehr.example.org", "http://127.0.0.1")
    )
    assert [each.smart_client_id for each in read_settings(file).ehr] == ["node", "node"]


def test_a_delivery_bears_a_token_by_the_nodes_keys(server: TokenServer, tmp_path: Path) -> None:
    """Composed of settings alone: scopes as they stand there, the key of the data folder, the URL of the key set."""
    url = "https://node.example.org/.well-known/jwks.json"
    section = EhrSection(**SMART, base_url=server.base, smart_scopes=("system/Patient.rs",))
    settings = node(tmp_path, ehr=(section,), keys={"url": url})
    published(settings)
    assert ehr_destination(section, settings).check() == "FHIR 4.0.1"
    assert server.bearers == ["SECRET-TOKEN-1"]
    (form,) = server.forms
    assert form["scope"] == "system/Patient.rs"
    assert header(form["client_assertion"])["jku"] == url


def header(assertion: str) -> dict[str, str]:
    import jwt

    return jwt.get_unverified_header(assertion)


def published(settings: Settings, *algorithms: Algorithm) -> list[str]:
    folder, now = key_folder(settings), datetime.now(UTC)
    made = [folder.make(algorithm, now).key_id for algorithm in algorithms or (Algorithm.ES384,)]
    folder.note_published(now)
    return made


def test_tokens_are_got_over_the_houses_tls(tmp_path: Path) -> None:
    """By the authorities that the EHR's table names, with the node's certificate where that is wanted."""
    house = TlsFolder.made_in(tmp_path / "house")
    own = house.identity("node")
    strict = tls_server(house.identity("ehr"), authorities=house.authorities)
    with token_server(strict) as server:
        asked = {**SMART, "base_url": server.base, "tls_authorities": house.authorities}
        settings = node(tmp_path, tls={"certificate": own.certificate, "key": own.key})
        published(settings)
        known = EhrSection(**asked, tls_show_certificate=True)
        assert ehr_destination(known, settings).check() == "FHIR 4.0.1"
        with pytest.raises(PeerError, match="no-answer"):
            ehr_destination(EhrSection(**asked), settings).check()
        assert len(server.forms) == 1


def test_the_settings_may_name_the_token_endpoint(server: TokenServer, tmp_path: Path) -> None:
    """For EHRs that do not say it."""
    server.discovery = (404, b"")
    section = EhrSection(**SMART, base_url=server.base, smart_token_url=server.token_url)
    settings = node(tmp_path, ehr=(section,))
    published(settings)
    assert ehr_destination(section, settings).check() == "FHIR 4.0.1"
    assert next(each.where for each in run_checks(settings) if each.what == "token for EHR ehr") == server.token_url


def test_without_smart_nothing_signs(server: TokenServer, tmp_path: Path) -> None:
    """A static token, or none, goes on as ever."""
    section = EhrSection(name="ehr", base_url=server.base)
    assert ehr_destination(section, node(tmp_path)).auth is None


def test_the_algorithm_may_be_chosen(server: TokenServer, tmp_path: Path) -> None:
    """For EHRs that say less than they mean."""
    settings = node(tmp_path)
    published(settings, Algorithm.ES384, Algorithm.RS384)
    for chosen, used in (("any", "ES384"), ("RS384", "RS384"), ("ES384", "ES384")):
        section = EhrSection(**SMART, base_url=server.base, smart_algorithm=chosen)  # type: ignore[arg-type]
        ehr_destination(section, settings).check()
        assert header(server.forms[-1]["client_assertion"])["alg"] == used


def test_a_check_says_whether_there_is_a_token(server: TokenServer, tmp_path: Path) -> None:
    """And by which key; without one, what to do. The EHR itself is asked, too."""
    settings = node(tmp_path, ehr=(EhrSection(**SMART, base_url=server.base),))
    token, ehr = (check for check in run_checks(settings) if check.what.endswith("EHR ehr"))
    assert (token.what, token.ok, ehr.ok) == ("token for EHR ehr", False, False)
    assert "marrowcount keys new" in token.said
    (key,) = published(settings)
    token, ehr = (check for check in run_checks(settings) if check.what.endswith("EHR ehr"))
    assert (token.ok, ehr.ok, ehr.said) == (True, True, "FHIR 4.0.1")
    assert token.said == f"for 300 s, signed by ES384 key {key[:8]}"


def test_keys_are_made_published_and_used(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """The whole life of two keys at the command line."""
    status, said, _ = command("new")
    first = said.partition(":")[0]
    assert (status, "keys publish" in said) == (0, True)
    status, document, said = command("publish")
    assert (status, said) == (0, "")
    assert [key["kid"] for key in json.loads(document)["keys"]] == [first]
    second = command("new")[1].partition(":")[0]
    status, said, error = command("use", second)
    assert (status, "key-unpublished" in error) == (2, True)
    out = tmp_path / "jwks.json"
    status, said, error = command("publish", "--out", out)
    assert (status, said) == (0, "")
    assert f"{second}: signs from" in error
    assert {key["kid"] for key in json.loads(out.read_text())["keys"]} == {first, second}
    assert states(command) == {first[:12]: "signing", second[:12]: "next"}
    assert command("remove", first)[0] == 2
    assert command("use", second[:8])[:2] == (0, f"{second}: signs from now on\n")
    assert states(command) == {first[:12]: "retiring", second[:12]: "signing"}
    assert command("remove", first)[0] == 0
    assert states(command) == {second[:12]: "signing"}


def states(command: Callable[..., tuple[int, str, str]]) -> dict[str, str]:
    rows = [[cell.strip() for cell in line.split("│")] for line in command("list")[1].splitlines() if "│" in line]
    return {row[1]: row[3] for row in rows}


def test_both_algorithms_can_be_asked_for(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """And no other; the files are the node's alone."""
    command("new", "--algorithm", "RS384")
    assert command("new", "--algorithm", "RS256")[0] == 2
    (file,) = (tmp_path / "node" / "keys").glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(command("publish")[1])["keys"][0]["alg"] == "RS384"


def test_a_set_that_cannot_be_written_is_not_published(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """Or the key would sign, although nobody can know of it."""
    command("new")
    status, _, error = command("publish", "--out", tmp_path / "none" / "jwks.json")
    assert (status, "cannot-write" in error) == (1, True)
    assert "not published" in command("list")[1]


def test_the_web_server_hands_out_the_public_keys(tmp_path: Path) -> None:
    """To anybody, by reading alone; in what EHRs understand, with how long it holds."""
    tokens = tmp_path / "tokens"
    tokens.write_text("reader read a-token-of-a-pathologist-01\n")
    settings = node(tmp_path, web=WebSection(enabled=True, port=0, tokens_file=tokens))
    key_folder(settings).make(Algorithm.RS384, datetime.now(UTC))
    with open_parts(settings) as parts, web_service(parts) as announced:
        url = f"http://127.0.0.1:{announced['web_port']}/.well-known/jwks.json"
        assert [key["alg"] for key in httpx.get(url).json()["keys"]] == ["RS384"]
        key = key_folder(settings).make(Algorithm.ES384, datetime.now(UTC))
        answer = httpx.get(url)
        assert answer.json()["keys"][1] == dict(key.public)
        assert answer.headers["content-type"] == "application/jwk-set+json"
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert httpx.head(url).status_code == 200
        assert httpx.post(url).status_code == 401
        assert httpx.get(url + "/x").status_code == 401
    assert [record.published_at for record in key_folder(settings).records()] == [None, None]


def test_keys_that_the_web_server_publishes_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where EHRs fetch them there, no command is needed: soon after it was made a key counts as published."""
    monkeypatch.setattr(key_routes, "LOOK_EVERY_S", 0.05)
    settings = node(tmp_path, web=WebSection(enabled=True, port=0), keys={"published": "web"})
    folder = key_folder(settings)
    with open_parts(settings) as parts, web_service(parts):
        made = folder.make(Algorithm.ES384, datetime.now(UTC))
        eventually = (record for _ in iter(int, 1) for record in folder.records() if record.published_at)
        assert next(eventually).key_id == made.key_id
    assert folder.signing_key([Algorithm.ES384], datetime.now(UTC)).key_id == made.key_id
