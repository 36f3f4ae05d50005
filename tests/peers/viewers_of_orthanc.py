"""A viewer looks at a slide and annotations in Orthanc: as it is, behind the shim, and with results from the node.

To be run in a network of its own: ``python viewers_of_orthanc.py ORTHANC DICOMWEB_PLUGIN STORESCU FOLDER PICTURES``
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from orthanc_pull import orthanc
from orthanc_round_trip import HTTP_PORT, PEER

from browsing import browser, way_to
from marked_slide import write_marked_slide
from marrowcount_adapters.web_server import GuardRules
from orthanc_shim import cut_elements, orthanc_shim
from viewing import Looking, viewers_site
from web_nodes import served, web_node

if TYPE_CHECKING:
    from marked_slide import MarkedSlide

ORTHANC = f"http://127.0.0.1:{HTTP_PORT}"


def main() -> None:
    folder, pictures = map(Path, sys.argv[4:])
    slide = write_marked_slide(folder / "slide", orientation=(0, 1, 0, 1, 0, 0), origin_mm=(3.25, 7.5))
    with ExitStack() as stack:
        stack.enter_context(orthanc(folder, 11113))
        options = ["-R", "-xy", "-aec", PEER.ae_title]
        files = [str(file) for file in (*slide.files, slide.annotations)]
        subprocess.run([sys.argv[3], *options, PEER.host, str(PEER.port), *files], check=True, timeout=60)
        alone = stack.enter_context(viewers_site(way_to(ORTHANC)))
        behind_shim = stack.enter_context(viewers_site(orthanc_shim(ORTHANC)))
        node = web_node(folder / "node", guard=GuardRules(origins=frozenset({alone})))
        node.hold(slide.annotations)
        of_node = f"http://127.0.0.1:{stack.enter_context(served(node.app))}/dicom-web"
        looking = Looking(stack.enter_context(browser()), pictures)
        report = {
            "cut": cut(slide),
            "alone": looking.in_microscopy_viewer(alone, slide, "orthanc-alone"),
            "shim": looking.in_microscopy_viewer(behind_shim, slide, "orthanc-shim"),
            "node": looking.in_microscopy_viewer(alone, slide, "orthanc-node", of_node),
            "warnings": looking.warnings,
        }
    sys.stdout.write("\n" + json.dumps(report) + "\n")


def cut(slide: MarkedSlide) -> list[bool]:
    """Of each element of coordinates in Orthanc's metadata: whether one value is all that is left of it."""
    series = asked(f"studies/{slide.study_uid}/series?Modality=ANN")[0]["0020000E"]["Value"][0]
    (instance,) = asked(f"studies/{slide.study_uid}/series/{series}/metadata")
    return [
        len(element.get("Value", ())) == 1 and "BulkDataURI" not in element and "InlineBinary" not in element
        for _, _, element in cut_elements(instance)
    ]


def asked(path: str) -> Any:  # noqa: ANN401 - JSON
    with urlopen(f"{ORTHANC}/dicom-web/{path}", timeout=60) as answer:  # noqa: S310 - our own loopback
        return json.load(answer)


if __name__ == "__main__":
    main()
