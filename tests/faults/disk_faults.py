"""A receiving node on a disk of its own that runs full, or becomes read-only; to be run in a mount namespace.

    unshare --mount --map-root-user python disk_faults.py full|read-only FOLDER

prints one line of JSON: what the sender heard while the disk was ill, and afterwards, and what is wrong in the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from marrowcount_adapters.dimse import Calling, SendReport, send_files
from peer_node import faults_of, peer_node
from slide_files import slide_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from peer_node import PeerNode

DISK_MB = 24
CALLING = Calling("SCANNER", answer_s=20)


def main() -> None:
    illness, folder = sys.argv[1], Path(sys.argv[2])
    disk, elsewhere = folder / "disk", folder / "elsewhere"
    disk.mkdir()
    elsewhere.mkdir()
    mount("-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(disk))
    files = [slide_file(folder / f"{n}.dcm", f"1.2.3.{n}", frame_bytes=400_000) for n in range(1, 13)]
    report = ILLNESSES[illness](disk, elsewhere, files)
    sys.stdout.write(json.dumps(report) + "\n")


def full(disk: Path, _elsewhere: Path, files: Sequence[Path]) -> dict[str, object]:
    """Files, ledger and all run out of room, also in the midst of a transfer; then some is made."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(14 << 20))
    return ill(disk, disk, files, lambda: None, ballast.unlink)


def read_only(disk: Path, elsewhere: Path, files: Sequence[Path]) -> dict[str, object]:
    """The disk of the instances cannot be written any more, as after an error; that of the ledger can."""

    def remounted(how: str) -> Callable[[], None]:
        return lambda: mount("-o", f"remount,{how}", str(disk))

    return ill(disk, elsewhere, files, remounted("ro"), remounted("rw"))


def ill(
    disk: Path, database: Path, files: Sequence[Path], fall_ill: Callable[[], None], recover: Callable[[], None]
) -> dict[str, object]:
    url = f"sqlite:///{database / 'ledger.sqlite'}"
    with peer_node(disk, url=url) as node:
        healthy = taken(sent(files[:2], node))
        fall_ill()
        reports = [sent([file], node) for file in files[2:]]
        acknowledged = {*healthy, *(uid for report in reports for uid in taken(report))}
        lost = faults_of(disk, acknowledged, url)
        recover()
        after = sent(files, node)
        left = [path.name for path in node.store.incoming.rglob("*") if path.is_file()]
        wrong = faults_of(disk, taken(after), url)
    failures = [failure for report in reports for failure in report.failures]
    return {
        "healthy": len(healthy),
        "failures": len(failures),
        "statuses": sorted({f"{failure.status:04X}" if failure.status else "none" for failure in failures}),
        "verdicts": sorted({failure.verdict.value for failure in failures}),
        "lost": lost,
        "after": [failure.reason for failure in after.failures],
        "sent": len(files),
        "taken": len(taken(after)),
        "wrong": wrong,
        "left": left,
    }


def sent(files: Sequence[Path], node: PeerNode) -> SendReport:
    return send_files(list(files), node.peer, CALLING)


def taken(report: SendReport) -> set[str]:
    return {each.reference.sop_instance_uid for each in report.sent if each not in report.failures}


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


ILLNESSES: dict[str, Callable[..., dict[str, object]]] = {"full": full, "read-only": read_only}

if __name__ == "__main__":
    main()
