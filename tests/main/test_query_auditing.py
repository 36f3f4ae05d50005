"""What the audit trail hears of the node's own queries, and of what it fetches for a workitem."""

from __future__ import annotations

from base64 import b64decode
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from audit_schema import coded, complaints, parsed
from marrowcount.main.count_service import series_count_service
from marrowcount.main.input_fetching import InputFetching
from marrowcount.main.parts import Parts, open_parts
from marrowcount.main.worklists import ups_service, worklist_of
from marrowcount.settings import ArchiveSection, NodeSection, Settings, WorklistSection
from marrowcount.settings.completeness import CompletenessSection
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.workitems import InstanceReference, ReferencedSeries
from scripted_dicomweb import ScriptedDicomWeb, scripted_dicomweb
from slide_files import slide_file
from workitems import STATION, input_item, running_worklist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

QUERY, BEGIN, TRANSFERRED = "110112", "110102", "110104"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An archive's service base."""
    with scripted_dicomweb(ScriptedDicomWeb([slide_file(tmp_path / "held.dcm", "1.2.3.1")])) as base:
        yield base


@pytest.fixture
def parts(tmp_path: Path, url: str) -> Iterator[Parts]:
    """A node's, with that archive, where it counts what series hold."""
    settings = Settings(
        node=NodeSection(data_folder=tmp_path / "node"),
        archive=(ArchiveSection(name="vault", how="web", url=url, timeout_s=10),),
        completeness=CompletenessSection(counted_at="vault"),
    )
    with open_parts(settings) as opened:
        yield opened


def heard(parts: Parts) -> list[Element]:
    """What is waiting to be handed on, the oldest first."""
    folder = parts.settings.node.data_folder / "audit" / "spool" / "waiting"
    messages = [parsed(file.read_bytes()) for file in sorted(folder.glob("*.xml"))]
    assert [complaints(message) for message in messages] == [[]] * len(messages)
    return messages


def kinds(messages: list[Element]) -> list[str]:
    return [coded(message, "EventID")[0][0] for message in messages]


def asked(message: Element) -> str:
    return b64decode(message.findtext(".//ParticipantObjectQuery") or "").decode()


def parties(message: Element) -> list[str]:
    return [each.attrib["UserID"] for each in message.findall("ActiveParticipant")]


def test_counts_asked_of_an_archive_are_queries(parts: Parts, url: str, tmp_path: Path) -> None:
    """While a slide is being received the node asks how many instances there are: series, then instances."""
    (tmp_path / "came.dcm").write_bytes((tmp_path / "held.dcm").read_bytes())
    parts.receiving.take(tmp_path / "came.dcm", "SCANNER", "", "")
    with series_count_service(parts):
        deadline = monotonic() + 20
        while not parts.expectations.counts("1.2.3"):
            assert monotonic() < deadline
            sleep(0.02)
    messages = heard(parts)
    assert kinds(messages) == [QUERY, QUERY]
    assert [asked(message).partition("?")[0] for message in messages] == [
        "/web/studies/1.2/series",
        "/web/studies/1.2/series/1.2.3/instances",
    ]
    assert parties(messages[0]) == ["MARROWCOUNT", url]


def test_searches_of_a_worklist_are_queries(parts: Parts, tmp_path: Path) -> None:
    """Searched again and again, told once: the URL with its keys, from the node to the worklist."""
    with running_worklist(tmp_path / "worklist") as server:
        server.schedule("2.25.1", input_item("1.2.3", "1.2.3.1"))
        station = f"{STATION.value}^{STATION.scheme}^{STATION.meaning}"
        section = WorklistSection(name="ris", url=server.url, station=station)
        worklist = worklist_of(section, parts.settings, ups_service(section, parts.settings, parts.trail))
        assert [len(worklist.scheduled()) for _ in range(3)] == [1, 1, 1]
    (message,) = heard(parts)
    assert kinds([message]) == [QUERY]
    path, _, keys = asked(message).partition("?")
    assert path.endswith("/workitems")
    assert "ProcedureStepState=SCHEDULED" in keys
    assert parties(message) == ["MARROWCOUNT", server.url]


def test_input_that_is_fetched_for_a_workitem_is_transferred(parts: Parts, url: str) -> None:
    """From the archive to the node, which asked for it; what the workitem does not list is asked for first."""
    series = ReferencedSeries("1.2", "1.2.3", (), retrieve_urls=(f"{url}/studies/1.2/series/1.2.3",))
    InputFetching(parts)(series)
    InputFetching(parts)(ReferencedSeries("1.2", "1.2.3", (InstanceReference(WSM_SOP_CLASS_UID, "1.2.3.1"),), (), ()))
    messages = heard(parts)
    assert kinds(messages) == [QUERY, QUERY, BEGIN, TRANSFERRED]
    assert parties(messages[-1]) == [url, "MARROWCOUNT"]
    assert [each.attrib["UserIsRequestor"] for each in messages[-1].findall("ActiveParticipant")] == ["false", "true"]
