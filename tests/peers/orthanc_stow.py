"""Give results to Orthanc by STOW-RS, and once more, and something that it cannot take.

To be run in a network of its own: ``python orthanc_stow.py ORTHANC DICOMWEB_PLUGIN FOLDER``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from orthanc_pull import orthanc
from orthanc_round_trip import HTTP_PORT, asked, classes_held
from pulls import attempt

from giving import given
from marrowcount_adapters.dicomweb_client import StowDestination
from result_files import document, result_files


def main() -> None:
    folder = Path(sys.argv[3])
    results = result_files(folder)
    cloud = StowDestination("cloud", f"http://127.0.0.1:{HTTP_PORT}/dicom-web")
    with orthanc(folder, 11113):
        said = cloud.check()
        first, second = given(cloud, results), given(cloud, results)
        broken = document(folder / "broken.dcm", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.8.3")
        content = broken.read_bytes()
        broken.write_bytes(content[: content.index(b"LO") + 5])
        report = {
            "check": said,
            "taken": [[one.sop_instance_uid for one in told.taken] for told in (first, second)],
            "held": len(json.loads(asked("/instances"))),
            "classes": sorted(classes_held()),
            "broken": attempt(lambda: given(cloud, [broken])),
        }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
