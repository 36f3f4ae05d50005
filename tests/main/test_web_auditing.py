"""What the audit trail hears of the web server."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from xml.etree.ElementTree import Element

import httpx
import pytest

from audit_schema import coded, complaints, parsed
from marrowcount.main.parts import open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection
from slide_files import slide_file
from web_nodes import multipart

TOKEN = "a-token-of-the-scanner-0123"  # noqa: S105 - of this test
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A node's DICOMweb service."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"scanner read,write {TOKEN}\n")
    settings = Settings(
        node=NodeSection(data_folder=tmp_path / "node"),
        receive=ReceiveSection(disk_watermark_gib=0),
        web=WebSection(enabled=True, port=0, tokens_file=tokens),
    )
    with open_parts(settings) as parts, web_service(parts) as announced:
        yield f"http://127.0.0.1:{announced['web_port']}{announced['dicomweb']}"


@pytest.fixture
def heard(tmp_path: Path) -> Callable[[int], list[Element]]:
    """So many messages, the oldest first; the server tells after it has answered."""

    def hear(number: int) -> list[Element]:
        folder, deadline = tmp_path / "node" / "audit" / "spool" / "waiting", monotonic() + 20
        while len(files := sorted(folder.glob("*.xml"))) < number:
            assert monotonic() < deadline
            sleep(0.02)
        messages = [parsed(file.read_bytes()) for file in files]
        assert [complaints(message) for message in messages] == [[]] * number
        return messages

    return hear


def kinds(messages: list[Element]) -> list[str]:
    return [coded(message, "EventID")[0][0] for message in messages]


def stored(url: str, *files: Path) -> None:
    headers, body = multipart(*(file.read_bytes() for file in files))
    httpx.post(f"{url}/studies", headers=headers | AUTHORISED, content=body)


def test_one_request_to_store_is_one_message_a_study(
    url: str, heard: Callable[[int], list[Element]], tmp_path: Path
) -> None:
    """Begun and transferred, with the token's name as sender and all instances of the request."""
    files = [slide_file(tmp_path / "a.dcm"), slide_file(tmp_path / "b.dcm", uid="1.2.3.5")]
    stored(url, *files)
    begun, transferred = heard(2)
    assert kinds([begun, transferred]) == ["110102", "110104"]
    assert [each.attrib["UserID"] for each in transferred.findall("ActiveParticipant")] == ["scanner", "MARROWCOUNT"]
    assert [each.attrib["NumberOfInstances"] for each in transferred.iter("SOPClass")] == ["2"]
    assert "Secret^Patient" in [name.text for name in transferred.iter("ParticipantObjectName")]


def test_search_is_a_query_with_its_url(url: str, heard: Callable[[int], list[Element]]) -> None:
    """What was asked, as it was asked."""
    httpx.get(f"{url}/studies?PatientID=17", headers=AUTHORISED)
    (query,) = heard(1)
    assert kinds([query]) == ["110112"]
    assert base64.b64decode(query.findtext(".//ParticipantObjectQuery") or "") == b"/studies?PatientID=17"


def test_fetching_a_study_piece_by_piece_is_told_once(
    url: str, heard: Callable[[int], list[Element]], tmp_path: Path
) -> None:
    """A viewer's hundred requests for frames are one transfer; the patient is named."""
    stored(url, slide_file(tmp_path / "a.dcm"))
    for _ in range(3):
        httpx.get(f"{url}/studies/1.2/metadata", headers=AUTHORISED)
    httpx.get(f"{url}/series", headers=AUTHORISED)
    messages = heard(4)
    assert kinds(messages) == ["110102", "110104", "110104", "110112"]
    fetched = messages[2]
    assert [each.attrib["UserID"] for each in fetched.findall("ActiveParticipant")] == ["MARROWCOUNT", "scanner"]
    assert "SECRET-17" in [
        each.attrib["ParticipantObjectID"] for each in fetched.findall("ParticipantObjectIdentification")
    ]


def test_strangers_are_security_alerts(url: str, heard: Callable[[int], list[Element]]) -> None:
    """A request without a token is refused and told of; the same again only once a minute."""
    for _ in range(3):
        assert httpx.get(f"{url}/studies").status_code == 401
    httpx.get(f"{url}/studies", headers=AUTHORISED)
    messages = heard(2)
    assert kinds(messages) == ["110113", "110112"]
    assert coded(messages[0], "EventTypeCode")[0][0] == "110126"
