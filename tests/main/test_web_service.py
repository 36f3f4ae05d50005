"""The node's web server as the settings want it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from marrowcount.errors import SettingsError
from marrowcount.main.parts import open_parts
from marrowcount.main.web_service import guard_rules, web_service
from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection
from slide_files import slide_file
from web_nodes import multipart

TOKEN = "a-token-of-the-scanner-0123"  # noqa: S105 - of this test


def settings(tmp_path: Path, **web: object) -> Settings:
    section = WebSection(enabled=True, port=0, **web)  # type: ignore[arg-type] # whatever a test sets
    node = NodeSection(data_folder=tmp_path / "node")
    return Settings(node=node, receive=ReceiveSection(disk_watermark_gib=0), web=section)


def test_nothing_listens_unless_it_is_wanted(tmp_path: Path) -> None:
    """Off by default: its answers hold patient data."""
    with open_parts(Settings(node=NodeSection(data_folder=tmp_path))) as parts, web_service(parts) as announced:
        assert announced == {}


def test_a_slide_goes_in_and_is_found(tmp_path: Path) -> None:
    """Through the node's own store and ledger, with a token."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"scanner read,write {TOKEN}\n")
    slide = slide_file(tmp_path / "a.dcm", "1.2.3.4")
    with open_parts(settings(tmp_path, tokens_file=tokens)) as parts, web_service(parts) as announced:
        url = f"http://127.0.0.1:{announced['web_port']}{announced['dicomweb']}"
        authorised = {"Authorization": f"Bearer {TOKEN}"}
        headers, body = multipart(slide.read_bytes())
        assert httpx.post(f"{url}/studies", headers=headers, content=body).status_code == 401
        assert httpx.post(f"{url}/studies", headers=headers | authorised, content=body).status_code == 200
        received = parts.ledger.instance("1.2.3.4")
        assert received is not None
        assert received.sender == "scanner"
        assert parts.store.path(received.file.path).read_bytes() == slide.read_bytes()
        (found,) = httpx.get(f"{url}/studies?PatientID=SECRET-17", headers=authorised).json()
        assert found["0020000D"]["Value"] == ["1.2"]


def test_what_c_store_refuses_is_refused_here(tmp_path: Path) -> None:
    """No way in is wider than the other: a CT image is no business of this node."""
    slide = slide_file(tmp_path / "a.dcm", "1.2.3.4", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    with open_parts(settings(tmp_path)) as parts, web_service(parts) as announced:
        headers, body = multipart(slide.read_bytes())
        answer = httpx.post(
            f"http://127.0.0.1:{announced['web_port']}/dicom-web/studies", headers=headers, content=body
        )
        assert answer.status_code == 409
        assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0x0122]


def test_a_network_address_asks_for_tokens(tmp_path: Path) -> None:
    """As the DICOM listener asks for callers."""
    with pytest.raises(ValueError, match=r"web\.tokens_file"):
        settings(tmp_path, host="0.0.0.0")  # noqa: S104 - what is refused
    settings(tmp_path, host="0.0.0.0", tokens_file=tmp_path / "tokens")  # noqa: S104


def test_without_tokens_only_loopback_names_are_answered(tmp_path: Path) -> None:
    """Against DNS rebinding."""
    assert "localhost" in guard_rules(settings(tmp_path).web).hosts
    with pytest.raises(SettingsError, match="cannot be read"):
        guard_rules(settings(tmp_path, tokens_file=tmp_path / "none").web)
