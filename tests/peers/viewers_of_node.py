"""Viewers look at slides and annotations that the node's own DICOMweb serves.

To be run in a network of its own: ``python viewers_of_node.py OHIF FOLDER PICTURES``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from browsing import browser
from marked_slide import write_marked_slide
from marrowcount_adapters.annotations import AnnotationForm
from viewing import Looking, viewers_site
from web_nodes import web_node

PLACES = {
    "upright": ((0, 1, 0, 1, 0, 0), (3.25, 7.5), AnnotationForm()),
    "turned": ((1, 0, 0, 0, 1, 0), (0.5, 40.125), AnnotationForm()),
    "usual": ((0, -1, 0, -1, 0, 0), (20, 60), AnnotationForm("3D", "POLYGON")),
}
"""Orientations as scanners have them, each with an origin of its own in millimetres, and both forms of places."""


def main() -> None:
    ohif, folder, pictures = map(Path, sys.argv[1:])
    slides = {
        name: write_marked_slide(folder / name, orientation=way, origin_mm=origin, form=form)
        for name, (way, origin, form) in PLACES.items()
    }
    node = web_node(folder / "node")
    node.hold(*(file for slide in slides.values() for file in (*slide.files, slide.annotations)))
    with viewers_site(node.app) as url, viewers_site(node.app, ohif) as ohif_url, browser() as chromium:
        looking = Looking(chromium, pictures)
        report = {
            "microscopy": {
                name: looking.in_microscopy_viewer(url, slide, f"node-{name}") for name, slide in slides.items()
            },
            "ohif": looking.in_ohif(ohif_url, slides["upright"], "node-ohif"),
            "warnings": looking.warnings,
        }
    sys.stdout.write("\n" + json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
