"""From the spool to audit repositories: nothing is lost, and nobody waits."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import pytest
import structlog

from audit_schema import complaints, parsed
from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports.audit import AlertKind, Party, SecurityAlert
from marrowcount_adapters.audit import (
    AuditFile,
    AuditSender,
    AuditSource,
    Spool,
    SpooledAudit,
    SyslogHeader,
    TlsSyslog,
    Transport,
    UdpSyslog,
)
from marrowcount_adapters.audit.spool import Spooled, SpoolFullError
from tls_files import TlsFolder, client, server

AT = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
SOURCE = AuditSource("MARROW-1", "", "MARROWCOUNT", "node", 1)
HEADER = SyslogHeader("node", "marrowcount", 1)
PLENTY = 1 << 24


def alert(number: int, size: int = 1) -> SecurityAlert:
    return SecurityAlert(AT, AlertKind.NODE_AUTHENTICATION, Party(f"CALLER-{number:04d}"), "x" * size)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", PLENTY)


def filled(spool: Spool, number: int, size: int = 1) -> Spool:
    audit = SpooledAudit(spool, SOURCE)
    for one in range(number):
        audit.record(alert(one, size))
    return spool


def callers(contents: Sequence[bytes]) -> list[int]:
    found = [re.search(rb'UserID="CALLER-(\d+)"', content) for content in contents]
    return [int(match[1]) for match in found if match]


@dataclass
class Scripted(Transport):
    """Fails as told, and remembers what it took."""

    errors: list[Exception] = field(default_factory=list)
    refuses: int | None = None
    taken: list[bytes] = field(default_factory=list)

    def send(self, messages: Sequence[Spooled]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        contents = [message.content() for message in messages]
        if self.refuses in callers(contents):
            raise DeliveryRefusedError("audit-too-long", "too long")
        self.taken += contents


@dataclass
class Seconds:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_messages_are_handed_on_in_order_and_once(spool: Spool) -> None:
    """The oldest first, batch by batch, until none is left."""
    transport = Scripted()
    sender = AuditSender(filled(spool, 450), transport)
    assert [sender.step() for _ in range(4)] == [True, True, True, False]
    assert callers(transport.taken) == list(range(450))
    assert list(spool.waiting()) == []


def test_what_fails_is_tried_again_with_growing_pauses(spool: Spool) -> None:
    """A dead repository loses nothing: messages wait, attempts become rarer, and all arrive in the end."""
    seconds, down = Seconds(), PeerError("audit-unreachable", "down")
    transport = Scripted([down, down, down])
    sender = AuditSender(filled(spool, 3), transport, seconds)
    tried = []
    with structlog.testing.capture_logs() as logs:
        for now in range(10):
            seconds.now, before = float(now), len(transport.errors)
            sender.step()
            tried += [now] if len(transport.errors) < before or not spool_has(spool) else []
    assert tried[:4] == [0, 1, 3, 7]
    assert [line["again_after_s"] for line in logs if line["event"] == "audit.not_sent"] == [1, 2, 4]
    assert callers(transport.taken) == [0, 1, 2]


def spool_has(spool: Spool) -> bool:
    return any(True for _ in spool.waiting())


def test_one_message_that_never_fits_does_not_stop_the_others(spool: Spool) -> None:
    """It alone is given up, with an alarm."""
    transport = Scripted(refuses=1)
    with structlog.testing.capture_logs() as logs:
        AuditSender(filled(spool, 3), transport).step()
    assert callers(transport.taken) == [0, 2]
    assert [line["code"] for line in logs if line["log_level"] == "critical"] == ["audit-lost"]
    assert not spool_has(spool)


def test_full_spool_is_an_alarm_and_no_failure(tmp_path: Path) -> None:
    """From 80 % on the log warns; beyond the limit each lost event is told, and its cause goes on undisturbed."""
    spool = Spool(tmp_path / "spool", 20_000)
    with structlog.testing.capture_logs() as logs:
        filled(spool, 30)
    events = [line["event"] for line in logs]
    kept = len(list(spool.waiting()))
    assert events == ["audit.spool_fills"] * events.count("audit.spool_fills") + ["audit.lost"] * (30 - kept)
    assert 0 < kept < 30
    with pytest.raises(SpoolFullError):
        spool.put(bytes(20_000), 0)


def test_full_disk_is_an_alarm_and_no_failure(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is told as lost."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with structlog.testing.capture_logs() as logs:
        filled(spool, 1)
    assert [(line["event"], line["reason"]) for line in logs] == [("audit.lost", "No space left on device")]


def test_spool_is_the_node_s_alone(spool: Spool, tmp_path: Path) -> None:
    """Messages name patients: nobody else may look."""
    filled(spool, 1)
    assert stat.S_IMODE((tmp_path / "spool" / "waiting").stat().st_mode) == 0o700


def test_messages_survive_a_kill(tmp_path: Path) -> None:
    """What was taken down by a process that was then killed is handed on by the next, whole."""
    program = (
        "import os, signal, sys; from datetime import datetime, UTC; from pathlib import Path;"
        "from marrowcount.ports.audit import NodeActivity;"
        "from marrowcount_adapters.audit import AuditSource, Spool, SpooledAudit;"
        "audit = SpooledAudit(Spool(Path(sys.argv[1]), 1 << 20), AuditSource('a', '', 'A', 'h', 1));"
        "[audit.record(NodeActivity(datetime.now(UTC), started=True)) for _ in range(3)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "spool")], check=False, timeout=60)
    assert done.returncode == -9
    contents = [message.content() for message in Spool(tmp_path / "spool", PLENTY).waiting()]
    assert [complaints(parsed(content)) for content in contents] == [[], [], []]


def test_file_holds_a_document_a_line_and_is_put_aside(spool: Spool, tmp_path: Path) -> None:
    """Messages are appended; a file that has grown enough is put aside and never deleted; only the node reads it."""
    file = tmp_path / "audit" / "audit.xml"
    for _ in range(3):
        AuditSender(filled(spool, 5), AuditFile(file, rotate_bytes=8_000)).step()
    files = sorted(file.parent.iterdir())
    lines = [line for each in files for line in each.read_bytes().splitlines()]
    assert len(files) > 1
    assert len(lines) == 15
    assert [complaints(parsed(line)) for line in lines] == [[]] * 15
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_syslog_header_is_that_of_rfc_5424() -> None:
    """Priority of facility 10 and the outcome's severity, version 1, time with zone, the message id of DICOM, a BOM."""
    for outcome, priority in ((0, 85), (4, 84), (8, 83), (12, 82)):
        line = HEADER.line(b"<x/>", outcome, AT.timestamp())
        head = f"<{priority}>1 2026-11-22T20:00:00.000Z node marrowcount 1 DICOM+RFC3881 - "
        assert line == head.encode() + b"\xef\xbb\xbf<x/>"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    return TlsFolder.made_in(tmp_path_factory.mktemp("house"))


@dataclass
class Repository:
    """A syslog receiver over TLS, as RFC 5425 has it.

    Attributes:
        arrived: messages without their counts.
        closes_after: drops the connection hard after so many bytes.
    """

    context: object
    arrived: Queue[bytes] = field(default_factory=Queue)
    closes_after: int | None = None
    port: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.closes_after is not None:
                await reader.readexactly(self.closes_after)
                writer.transport.abort()
                return
            while count := await reader.readuntil(b" "):
                self.arrived.put(await reader.readexactly(int(count)))
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            writer.close()

    def messages(self, number: int) -> list[bytes]:
        """So many, and any more that are there."""
        first = [self.arrived.get(timeout=20) for _ in range(number)]
        return first + [self.arrived.get_nowait() for _ in range(self.arrived.qsize())]


@pytest.fixture
def start_repository(house: TlsFolder) -> Iterator[Callable[..., Repository]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers: list[asyncio.Server] = []

    def start(**how: int) -> Repository:
        context = server(house.identity("repository"), authorities=house.authorities)
        repository = Repository(context, **how)
        starting = asyncio.start_server(repository.take, "127.0.0.1", 0, ssl=context, ssl_shutdown_timeout=5)
        started = asyncio.run_coroutine_threadsafe(starting, loop).result(20)
        servers.append(started)
        repository.port = started.sockets[0].getsockname()[1]
        return repository

    yield start

    async def stop() -> None:
        for each in servers:
            each.close()
            await each.wait_closed()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def over_tls(
    repository: Repository, house: TlsFolder, *, certificate: bool = True, confirmed: bool = True
) -> TlsSyslog:
    shown = house.identity("audit-client") if certificate else None
    context = client(shown, authorities=house.authorities)
    return TlsSyslog("127.0.0.1", repository.port, context, HEADER, timeout_s=10, confirmed=confirmed)


def test_repository_gets_counted_messages_over_mutual_tls(
    start_repository: Callable[..., Repository], house: TlsFolder, spool: Spool
) -> None:
    """Every message arrives whole, in order, once, framed by its length; then the spool is empty."""
    repository = start_repository()
    sender = AuditSender(filled(spool, 250, size=3000), over_tls(repository, house))
    assert [sender.step(), sender.step(), sender.step()] == [True, True, False]
    messages = repository.messages(250)
    assert callers(messages) == list(range(250))
    assert all(message.startswith(b"<83>1 ") for message in messages)
    assert all(complaints(parsed(message.partition(b"\xef\xbb\xbf")[2])) == [] for message in messages[:5])


def test_repository_that_is_away_loses_nothing(
    start_repository: Callable[..., Repository], house: TlsFolder, spool: Spool
) -> None:
    """Nobody listens, then one that drops the connection amid a batch: all messages arrive when one stays."""
    seconds = Seconds()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    dropping, staying = start_repository(closes_after=5000), start_repository()
    filled(spool, 20, size=3000)
    away = TlsSyslog("127.0.0.1", port, client(authorities=house.authorities), HEADER)
    for transport in (away, over_tls(dropping, house)):
        with structlog.testing.capture_logs() as logs:
            assert not AuditSender(spool, transport, seconds).step()
        assert {line["code"] for line in logs if line["event"] == "audit.not_sent"} <= {
            "audit-unreachable",
            "audit-refused",
        }
        assert len(list(spool.waiting())) == 20
    assert AuditSender(spool, over_tls(staying, house), seconds).step()
    assert callers(staying.messages(20)) == list(range(20))


def test_stranger_hears_that_it_is_refused(
    start_repository: Callable[..., Repository], house: TlsFolder, spool: Spool
) -> None:
    """A repository that asks for a certificate and gets none takes nothing, and nothing counts as handed on."""
    repository = start_repository()
    with structlog.testing.capture_logs() as logs:
        assert not AuditSender(filled(spool, 1), over_tls(repository, house, certificate=False)).step()
    told = [line["code"] for line in logs if line["event"] == "audit.not_sent"]
    assert set(told) <= {
        "audit-unreachable",
        "audit-refused",
        "audit-unconfirmed",
    }  # which, races with the closing connection
    assert spool_has(spool)
    assert repository.messages(0) == []


def test_wrong_repository_gets_nothing(
    start_repository: Callable[..., Repository], tmp_path: Path, spool: Spool
) -> None:
    """Messages name patients: they go to nobody whose certificate the house's authorities did not sign."""
    repository, elsewhere = start_repository(), TlsFolder.made_in(tmp_path / "elsewhere")
    with structlog.testing.capture_logs() as logs:
        assert not AuditSender(filled(spool, 1), over_tls(repository, elsewhere)).step()
    assert "its certificate is refused" in logs[-1]["message"]
    assert repository.messages(0) == []


def test_udp_carries_a_message_a_datagram(spool: Spool) -> None:
    """RFC 5426; one that fits no datagram is given up with an alarm, the others go on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(20)
        filled(spool, 1)
        SpooledAudit(spool, SOURCE).record(alert(1, size=60_000))
        SpooledAudit(spool, SOURCE).record(alert(2))
        with structlog.testing.capture_logs() as logs:
            AuditSender(spool, UdpSyslog("127.0.0.1", listening.getsockname()[1], HEADER)).step()
        assert callers([listening.recv(65535) for _ in range(2)]) == [0, 2]
    assert [line["code"] for line in logs] == ["audit-lost"]
