"""Let coverage guide the fuzzing of the parsers (atheris, libFuzzer); ends at the first fault, and leaves its input.

    python fuzz_guided.py FOLDER -runs=5000 -seed=1

FOLDER is empty; the corpus is written into it, and found inputs are. Options are libFuzzer's.
"""

from __future__ import annotations

import logging
import resource
import sys
import warnings
from pathlib import Path

import atheris
import structlog

INSTRUMENTED = [
    "marrowcount_adapters.annotations.rectangles",
    "marrowcount_adapters.dicomweb.dicom_json",
    "marrowcount_adapters.dicomweb.frames",
    "marrowcount_adapters.dicomweb.multipart",
    "marrowcount_adapters.dicomweb.part10",
    "marrowcount_adapters.dicomweb_client.related",
    "marrowcount_adapters.dimse.commitment",
    "marrowcount_adapters.dimse.inflow",
    "marrowcount_adapters.mllp",
    "marrowcount_adapters.ups.encoding",
    "marrowcount_adapters.ups_worklist.json_model",
    "marrowcount_adapters.wsi",
    "pydicom.filereader",
    "pydicom.jsonrep",
]
"""The parsers, and what of pydicom they stand on; more costs more time than it finds."""

with atheris.instrument_imports(include=INSTRUMENTED):
    from fuzz_parsers import Parsers, write_seeds


SWELLS_MB = 300
"""By which one input may raise the peak of resident memory."""


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    folder = Path(sys.argv[1])
    corpus, files = folder / "corpus", folder / "files"
    for place in (corpus, files):
        place.mkdir()
    write_seeds(corpus)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    options = ["-print_final_stats=1", "-timeout=10", "-max_len=65536", f"-artifact_prefix={folder}/", *sys.argv[2:]]
    parsers = Parsers(files)

    def feed(content: bytes) -> None:
        before = _peak_mb()
        parsers.feed(content)
        # libFuzzer looks at the peak once a second: by then another input is being fed, and would be blamed.
        if (more := _peak_mb() - before) > SWELLS_MB:
            raise MemoryError(f"{more:.0f} MB for {len(content)} bytes")

    atheris.Setup([sys.argv[0], *options, str(corpus)], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
