"""STOW-RS: what was sent is held bit by bit, and each part is answered for as PS3.18 section 10.5 has it."""

from __future__ import annotations

import asyncio
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydicom.uid import ExplicitVRBigEndian

from marrowcount.workflow.receive import ReceiveLimits
from marrowcount_adapters.dicomweb import Patience
from slide_files import slide_file
from web_nodes import BASE, WSM, Started, WebNode, multipart, served

FAILED, REFERENCED, OTHER = "00081198", "00081199", "0008119A"


def post(node: WebNode, *parts: bytes, path: str = "/studies", **fields: str) -> Any:  # noqa: ANN401 - an answer
    headers, body = multipart(*parts)
    return node.ask("POST", path, headers={**headers, **fields}, content=body)


def uids(answer: Any, sequence: str) -> list[str]:  # noqa: ANN401 - an answer
    return [item["00081155"]["Value"][0] for item in answer.json().get(sequence, {}).get("Value", [])]


def reasons(answer: Any, sequence: str) -> list[int]:  # noqa: ANN401 - an answer
    return [item["00081197"]["Value"][0] for item in answer.json().get(sequence, {}).get("Value", [])]


def held(node: WebNode, uid: str) -> bytes:
    known = node.ledger.instance(uid)
    assert known is not None
    return node.store.path(known.file.path).read_bytes()


def slides(tmp_path: Path, count: int) -> list[bytes]:
    return [slide_file(tmp_path / f"{n}.dcm", f"1.2.3.{n}").read_bytes() for n in range(1, count + 1)]


def test_instances_are_held_bit_by_bit(node: WebNode, tmp_path: Path) -> None:
    """200: all of them are held, and the answer says where each is found."""
    parts = slides(tmp_path, 3)
    answer = post(node, *parts)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert uids(answer, REFERENCED) == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert answer.json()["00081190"]["Value"] == [f"http://localhost{BASE}/studies/1.2"]
    place = answer.json()[REFERENCED]["Value"][2]["00081190"]["Value"][0]
    assert place == f"http://localhost{BASE}/studies/1.2/series/1.2.3/instances/1.2.3.3"
    assert [held(node, f"1.2.3.{number}") for number in (1, 2, 3)] == parts
    assert not node.left_behind()


def test_a_body_may_be_one_instance(node: WebNode, tmp_path: Path) -> None:
    """application/dicom by itself, without multipart."""
    (part,) = slides(tmp_path, 1)
    answer = node.ask("POST", "/studies/1.2", headers={"Content-Type": "application/dicom"}, content=part)
    assert (answer.status_code, uids(answer, REFERENCED)) == (200, ["1.2.3.1"])
    assert not node.left_behind()


def test_sending_again_is_a_success_once(node: WebNode, tmp_path: Path) -> None:
    """The second time nothing is added."""
    parts = slides(tmp_path, 1)
    assert [post(node, *parts).status_code, post(node, *parts).status_code] == [200, 200]
    assert len(node.ledger.instances("1.2.3")) == 1


def test_another_data_set_under_a_known_uid_fails(node: WebNode, tmp_path: Path) -> None:
    """409 with 0111H; the first one stands, the second lies in the quarantine."""
    (part,) = slides(tmp_path, 1)
    post(node, part)
    other = slide_file(tmp_path / "other.dcm", "1.2.3.1", frame_bytes=1002).read_bytes()
    answer = post(node, other)
    assert (answer.status_code, uids(answer, FAILED), reasons(answer, FAILED)) == (409, ["1.2.3.1"], [0x0111])
    assert [file.read_bytes() for file in node.quarantined()] == [other]


def test_some_may_be_stored_and_some_not(node: WebNode, tmp_path: Path) -> None:
    """202: the body says which; a client that looks at the status alone would lose instances."""
    good, *_ = slides(tmp_path, 1)
    answer = post(node, good, b"no DICOM", path="/studies/1.2")
    assert answer.status_code == 202
    assert uids(answer, REFERENCED) == ["1.2.3.1"]
    assert reasons(answer, OTHER) == [0xC000]
    assert len(node.quarantined()) == 1


def test_instances_of_another_study_are_refused(node: WebNode, tmp_path: Path) -> None:
    """409 with A901H where the URI names the study; nothing of them is kept."""
    answer = post(node, *slides(tmp_path, 1), path="/studies/1.3")
    assert (answer.status_code, reasons(answer, FAILED)) == (409, [0xA901])
    assert not node.ledger.slides()
    assert not node.quarantined()
    assert not node.left_behind()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, 0x0122),
        ({"SeriesInstanceUID": ""}, 0xA900),
        ({"TotalPixelMatrixColumns": None}, 0xA900),
    ],
    ids=["class", "identifier", "matrix"],
)
def test_what_is_not_taken_has_a_reason(node: WebNode, tmp_path: Path, changes: dict[str, object], reason: int) -> None:
    """The codes of PS3.18 Table I.2-2."""
    part = slide_file(tmp_path / "a.dcm", "1.2.3.1", **changes).read_bytes()  # type: ignore[arg-type] # attributes
    answer = post(node, part)
    assert (answer.status_code, uids(answer, FAILED), reasons(answer, FAILED)) == (409, ["1.2.3.1"], [reason])


def test_a_transfer_syntax_that_is_not_taken_has_its_reason(start: Started, tmp_path: Path) -> None:
    """C122H."""
    node = start(accepted={WSM: frozenset({"1.2.840.10008.1.2.1"})})
    answer = post(node, *slides(tmp_path, 1))
    assert (answer.status_code, reasons(answer, FAILED)) == (409, [0xC122])


def test_big_endian_is_not_understood(node: WebNode, tmp_path: Path) -> None:
    """It was retired in 2006; whoever sends it hears so."""
    part = slides(tmp_path, 1)[0].replace(b"1.2.840.10008.1.2.4.50", f"{ExplicitVRBigEndian}".ljust(22, "\0").encode())
    assert post(node, part).status_code == 409


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=gate'}, 415),
        ({"Content-Type": "multipart/form-data; boundary=gate"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom"'}, 400),
        ({"Accept": "text/html"}, 406),
    ],
)
def test_requests_of_other_kinds_are_refused(
    node: WebNode, tmp_path: Path, fields: dict[str, str], status: int
) -> None:
    """Before anything is stored, with a code and a sentence."""
    headers, body = multipart(*slides(tmp_path, 1))
    answer = node.ask("POST", "/studies", headers={**headers, **fields}, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"title", "status", "code", "detail"}
    assert not node.ledger.slides()


@pytest.mark.parametrize("body", [b"", b"--gate--", b"nothing", b"--gate\r\nno field\r\n\r\n"])
def test_a_body_without_an_instance_is_bad(node: WebNode, body: bytes) -> None:
    """400."""
    headers, _ = multipart()
    answer = node.ask("POST", "/studies", headers=headers, content=body)
    assert answer.status_code == 400
    assert not node.left_behind()


def test_a_part_of_another_type_fails_alone(node: WebNode, tmp_path: Path) -> None:
    """Its neighbours are stored."""
    good, *_ = slides(tmp_path, 1)
    body = b"--gate\r\nContent-Type: text/plain\r\n\r\nhello\r\n--gate\r\n\r\n" + good + b"\r\n--gate--"
    answer = node.ask("POST", "/studies", headers=multipart()[0], content=body)
    assert (answer.status_code, reasons(answer, OTHER), uids(answer, REFERENCED)) == (202, [0xC000], ["1.2.3.1"])


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_message_that_breaks_off_keeps_what_came_whole(node: WebNode, tmp_path: Path, cut: int) -> None:
    """The part that did not end is no instance, however much of it came."""
    headers, body = multipart(*slides(tmp_path, 2))
    answer = node.ask("POST", "/studies", headers=headers, content=body[: -len(b"\r\n--gate--\r\n") - cut])
    assert answer.status_code == (202 if cut < 5000 else 400)
    assert len(node.ledger.instances("1.2.3")) == (1 if cut < 5000 else 0)
    assert not node.left_behind()


def test_too_many_parts_are_too_many(start: Started, tmp_path: Path) -> None:
    """Those before the limit are stored; a request of nothing else would be 413."""
    answer = post(start(max_parts=2), *slides(tmp_path, 3))
    assert (answer.status_code, uids(answer, REFERENCED)) == (202, ["1.2.3.1", "1.2.3.2"])


def test_an_instance_may_be_too_large(start: Started, tmp_path: Path) -> None:
    """413, and nothing of it stays."""
    node = start(ReceiveLimits(max_instance_bytes=1000, min_free_bytes=0))
    answer = post(node, *slides(tmp_path, 1))
    assert (answer.status_code, reasons(answer, FAILED)) == (413, [0xA700])
    assert not node.left_behind()


def test_a_large_instance_is_cut_short_while_it_comes(start: Started, tmp_path: Path) -> None:
    """Not after it filled the disk: what is beyond the limit is never written."""
    node = start(ReceiveLimits(max_instance_bytes=9 << 20, min_free_bytes=0))
    part = slide_file(tmp_path / "a.dcm", "1.2.3.1", frame_bytes=5 << 20).read_bytes()
    written: list[int] = []
    node.store.free_bytes = lambda: written.append(sum(f.stat().st_size for f in node.left_behind())) or 1 << 40  # type: ignore[func-returns-value,method-assign]
    assert post(node, part).status_code == 413
    assert max(written) < 18 << 20
    assert not node.left_behind()


def test_a_full_disk_is_told_before_the_body(start: Started, tmp_path: Path) -> None:
    """503 with Retry-After."""
    node = start(ReceiveLimits(min_free_bytes=1 << 60))
    answer = post(node, *slides(tmp_path, 1))
    assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")
    assert int(answer.headers["retry-after"]) > 0


def test_a_disk_that_fills_up_meanwhile_is_told_in_the_answer(node: WebNode, tmp_path: Path) -> None:
    """503 with A700H for each."""
    (part,) = slides(tmp_path, 1)
    free = iter([1 << 40] * 2)
    node.store.free_bytes = lambda: next(free, -1)  # type: ignore[method-assign]
    answer = post(node, part)
    assert (answer.status_code, reasons(answer, FAILED)) == (503, [0xA700])
    assert answer.headers["retry-after"]
    assert not node.left_behind()


def test_a_failure_of_the_node_costs_one_part_its_success(
    node: WebNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0110H; the others are stored, and no value of the data set comes out."""
    take = node.receiving.take

    def failing(*given: Any) -> Any:  # noqa: ANN401 - take's own
        if b"1.2.3.1" in given[0].read_bytes():
            raise RuntimeError("Secret^Patient")
        return take(*given)

    monkeypatch.setattr(node.receiving, "take", failing)
    answer = post(node, *slides(tmp_path, 2))
    assert (answer.status_code, reasons(answer, FAILED), uids(answer, REFERENCED)) == (202, [0x0110], ["1.2.3.2"])
    assert "Secret" not in answer.text


def test_the_answer_may_be_xml(node: WebNode, tmp_path: Path) -> None:
    """The Native DICOM Model of the same."""
    good, *_ = slides(tmp_path, 1)
    answer = post(node, good, b"no DICOM", Accept="application/dicom+xml")
    assert answer.headers["content-type"] == "application/dicom+xml"
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    place = "./DicomAttribute[@keyword='ReferencedSOPSequence']/Item/DicomAttribute[@tag='00081155']/Value"
    assert [value.text for value in root.findall(place)] == ["1.2.3.1"]
    reason = "./DicomAttribute[@keyword='OtherFailuresSequence']/Item/DicomAttribute[@vr='US']/Value"
    assert [value.text for value in root.findall(reason)] == [str(0xC000)]


def test_the_ledger_remembers_who_sent(node: WebNode, tmp_path: Path) -> None:
    """The program's name, where no token has one; without what could break a log's line."""
    post(node, *slides(tmp_path, 1), **{"User-Agent": "scanner/1.0 (test)"})
    assert node.ledger.instances("1.2.3")[0].sender == "scanner/1.0_(test)"


def test_a_sender_that_leaves_leaves_nothing(node: WebNode, tmp_path: Path) -> None:
    """What came whole stays, half an instance does not."""
    first = slide_file(tmp_path / "first.dcm", "1.2.3.1", frame_bytes=1 << 19).read_bytes()
    headers, body = multipart(first, first)
    messages = [
        {"type": "http.request", "body": body[: len(first) + 5000], "more_body": True},
        {"type": "http.disconnect"},
    ]
    asyncio.run(called(node, headers, messages))
    assert len(node.ledger.instances("1.2.3")) == 1
    assert not node.left_behind()


async def called(node: WebNode, headers: dict[str, str], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The application as a server calls it."""
    answers: list[dict[str, Any]] = []
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
        answers.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in {"Host": "localhost", **headers}.items()]
    scope = {"type": "http", "method": "POST", "path": f"{BASE}/studies", "headers": raw, "query_string": b""}
    await node.app({**scope, "scheme": "http", "root_path": "", "server": None, "client": None}, receive, send)
    return answers


def test_a_sender_that_dawdles_is_given_up(start: Started) -> None:
    """408 after the pause that the settings allow, and nothing stays."""
    node = start(patience=Patience(pause_s=0.2))
    with served(node.app) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = f"POST {BASE}/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        kind = 'Content-Type: multipart/related; type="application/dicom"; boundary=B\r\n\r\n'
        connection.sendall((head + kind).encode() + b"--B\r\n\r\n" + bytes(500))
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert not node.left_behind()


def test_more_requests_than_slots_are_told_to_come_again(start: Started, tmp_path: Path) -> None:
    """503 with Retry-After, while the one before them still stands."""
    node = start(stores_at_a_time=1)
    headers, body = multipart(*slides(tmp_path, 1))

    async def both() -> list[int]:
        held, release = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield body[:1000]
            held.set()
            await release.wait()
            yield body[1000:]

        first = asyncio.create_task(node._asked("POST", "/studies", {"headers": headers, "content": slow()}))
        # The client in this process reads a body when it is asked for, so the first request has its slot then.
        await held.wait()
        second = await node._asked("POST", "/studies", {"headers": headers, "content": body})
        release.set()
        return [second.status_code, (await first).status_code]

    assert asyncio.run(both()) == [503, 200]


def test_memory_does_not_grow_with_the_body(node: WebNode, tmp_path: Path) -> None:
    """An instance of 48 MB goes through in a few."""
    part = slide_file(tmp_path / "a.dcm", "1.2.3.1", frame_bytes=12 << 20)
    headers, around = multipart(b"|")
    before, _, behind = around.partition(b"|")

    async def pieces() -> AsyncIterator[bytes]:
        yield before
        with part.open("rb") as file:
            while piece := file.read(1 << 18):
                yield piece
        yield behind

    async def sent() -> Any:  # noqa: ANN401 - an answer
        return await node._asked("POST", "/studies", {"headers": headers, "content": pieces()})

    asyncio.run(sent())  # what is imported and compiled by the first request is no matter of the body
    node.store.path(node.ledger.instances("1.2.3")[0].file.path).unlink()
    tracemalloc.start()
    try:
        assert asyncio.run(sent()).status_code == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_parts_are_taken_over_side_by_side(node: WebNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk syncs one, the next one comes in; the answers stand in the order of the parts."""
    take, together = node.receiving.take, threading.Barrier(3, timeout=30)

    def side_by_side(*given: Any) -> Any:  # noqa: ANN401 - take's own
        together.wait()
        return take(*given)

    monkeypatch.setattr(node.receiving, "take", side_by_side)
    answer = post(node, *slides(tmp_path, 6))
    assert uids(answer, REFERENCED) == [f"1.2.3.{number}" for number in range(1, 7)]
    assert not node.left_behind()


def test_a_name_in_place_of_a_uid_stays_out_of_the_log(
    node: WebNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever stands where an identifier should be."""
    part = slide_file(tmp_path / "a.dcm", "1.2.3.1").read_bytes().replace(b"1.2.3.1\0", b"Secret^P")
    assert post(node, part).status_code == 409
    assert "Secret" not in capsys.readouterr().out


def test_any_cut_of_the_body_gives_the_same(start: Started, tmp_path: Path) -> None:
    """Pieces as the network brings them."""
    parts = slides(tmp_path, 2)
    headers, body = multipart(*parts)
    node = start()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    answer = asyncio.run(node._asked("POST", "/studies", {"headers": headers, "content": pieces()}))
    assert answer.status_code == 200
    assert [held(node, f"1.2.3.{number}") for number in (1, 2)] == parts
