"""The web service as ``marrowcount serve`` composes it, with one slide; as a program, it listens until ended.

    python web_service_node.py FOLDER

prints one line of JSON when it listens.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from marrowcount.main.parts import open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection
from slide_files import slide_file

__all__ = ["main"]


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir()
    settings = Settings(
        node=NodeSection(data_folder=folder / "node"),
        receive=ReceiveSection(disk_watermark_gib=0),
        web=WebSection(enabled=True, port=0),
    )
    with open_parts(settings) as parts, web_service(parts) as announced:
        arriving = parts.receiving.arriving()
        arriving.write(slide_file(folder / "slide.dcm", "1.2.3.4").read_bytes())
        assert parts.receiving.take(arriving.path, "SCANNER", "", "", arriving.finish()).taken
        arriving.discard()
        sys.stdout.write(json.dumps({"ready": True, "port": announced["web_port"]}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
