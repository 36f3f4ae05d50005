"""Write the OpenAPI description of the DICOMweb service: ``python conformance/openapi.py``.

``conformance/dicomweb/openapi.json`` is what a node serves at ``/dicom-web/openapi.json``, but for the server's URL.
"""

import json
from pathlib import Path

from marrowcount_adapters.dicomweb import described

FILE = Path(__file__).parent / "dicomweb" / "openapi.json"
SERVER = "http://127.0.0.1:8104/dicom-web"


def written() -> str:
    """The description as text."""
    return json.dumps(described(SERVER), indent=1) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(written(), encoding="utf-8")
    print(FILE)
