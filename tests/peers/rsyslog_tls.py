"""rsyslog as audit repository, over TLS with certificates on both sides; to be run in a network of its own.

python rsyslog_tls.py RSYSLOGD FOLDER
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from marrowcount.ports.audit import AlertKind, Party, SecurityAlert
from marrowcount_adapters.audit import AuditSender, AuditSource, Spool, SpooledAudit, SyslogHeader, TlsSyslog
from marrowcount_adapters.tls import Identity
from tls_files import TlsFolder, client

PORT, MESSAGES = 6514, 250

CONFIGURATION = """
global(defaultNetstreamDriverCAFile="{authorities}" defaultNetstreamDriverCertFile="{certificate}"
       defaultNetstreamDriverKeyFile="{key}" workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
input(type="imtcp" port="{port}")
template(name="raw" type="string" string="%rawmsg%\\n")
action(type="omfile" file="{folder}/received" template="raw")
"""


def main() -> None:
    folder = Path(sys.argv[2])
    house = TlsFolder.made_in(folder / "house")
    with subprocess.Popen(
        [sys.argv[1], "-n", "-f", str(configured(folder, house)), "-i", str(folder / "pid")], stderr=subprocess.DEVNULL
    ) as running:
        try:
            eventually(listens)
            spool = filled(folder)
            stranger = sender(spool, house, None).step()
            known = [sender(spool, house, house.identity("node")).step() for _ in range(2)]
            eventually(lambda: len(received(folder)) >= MESSAGES)
        finally:
            running.terminate()
    lines = received(folder)
    order = [line.partition('UserID="CALLER-')[2][:4] for line in lines]
    report = {"stranger": stranger, "known": known, "order": order, "left": len(list(spool.waiting()))}
    sys.stdout.write(json.dumps(report | {"head": lines[0][:60]}) + "\n")


def configured(folder: Path, house: TlsFolder) -> Path:
    own = house.identity("rsyslog")
    file = folder / "rsyslog.conf"
    file.write_text(
        CONFIGURATION.format(
            authorities=house.authorities, certificate=own.certificate, key=own.key, folder=folder, port=PORT
        )
    )
    return file


def filled(folder: Path) -> Spool:
    spool = Spool(folder / "spool", 1 << 24)
    audit = SpooledAudit(spool, AuditSource("NODE", "", "MARROWCOUNT", "node", 1))
    for number in range(MESSAGES):
        caller = Party(f"CALLER-{number:04d}")
        audit.record(SecurityAlert(datetime.now(UTC), AlertKind.NODE_AUTHENTICATION, caller, "x" * 2000))
    return spool


def sender(spool: Spool, house: TlsFolder, identity: Identity | None) -> AuditSender:
    context = client(identity, authorities=house.authorities)
    return AuditSender(spool, TlsSyslog("127.0.0.1", PORT, context, SyslogHeader("node", "marrowcount", 1)))


def received(folder: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return (folder / "received").read_text(encoding="utf-8").splitlines()
    return []


def listens() -> bool:
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
    except OSError:
        return False
    return True


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)


if __name__ == "__main__":
    main()
