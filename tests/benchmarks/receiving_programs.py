"""Receivers written in Python, each a program of its own so that its memory can be told apart.

python receiving_programs.py marrowcount|pynetdicom FOLDER PORT
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path


def main() -> None:
    who, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    {"marrowcount": marrowcount, "pynetdicom": pynetdicom}[who](folder, port, stop)


def marrowcount(folder: Path, port: int, stop: threading.Event) -> None:
    """The node's listener with its store and its ledger, as ``marrowcount serve`` makes them."""
    from marrowcount.main.dimse_service import dimse_service
    from marrowcount.main.logs import configure_logs
    from marrowcount.main.parts import open_parts
    from marrowcount.settings import Settings

    configure_logs()
    _begin_database(folder)
    settings = Settings.model_validate({"node": {"data_folder": folder, "port": port}})
    with open_parts(settings) as parts, dimse_service(parts):
        stop.wait()


def _begin_database(folder: Path) -> None:
    """By a process of its own, as an earlier start of the node would have: it loads what a running node does not."""
    script = (
        f"from marrowcount_adapters.sql import open_ledger; open_ledger('sqlite:///{folder}/ledger.sqlite').close()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def pynetdicom(folder: Path, port: int, stop: threading.Event) -> None:
    """The handler that pynetdicom's documentation shows for storage."""
    import logging

    from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt

    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

    def store(event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(folder / dataset.SOPInstanceUID, enforce_file_format=True)
        return 0x0000

    entity = AE(ae_title="RECEIVER")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.77.1.6", list(ALL_TRANSFER_SYNTAXES))
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    stop.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
