"""What writing results costs (`make bench-evidence`): annotations beside highdicom alone, the documents by themselves.

All write the same boxes, certainties and codes of a million cells. marrowcount and highdicom alone begin with the
detections that a count gives, highdicom with an array for each box as its documentation shows; the floor is highdicom
when it gets arrays of corners that were made before the clock ran. Each run is a process of its own, so that the peak
of memory is its own; seconds are of the processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from statistics import median

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.ann import AnnotationGroup, Measurements, MicroscopyBulkSimpleAnnotations
from highdicom.sr import CodedConcept
from rich.console import Console
from rich.table import Table

from made_up_result import make_result, make_source_header
from marrowcount.cytology.cell_types import CODES, CellType
from marrowcount.result import CountResult
from marrowcount.review import counted
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.annotations.heat_map import encode_heat_map
from marrowcount_adapters.annotations.source import copied_header
from marrowcount_adapters.structured_report import encode_differential

CLASSES = tuple(CellType)
SIDE = 180_000
SLIDE_OF_CELLS = 5_000
PLACEMENT = Placement(12.0, 40.0, (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), SpacingMm(0.00025, 0.00025))


def main() -> None:
    """Run each contender in its own process, in turn; print medians and ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--boxes", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--alone", choices=sorted(CONTENDERS))
    chosen = options.parse_args()
    if chosen.alone:
        sys.stdout.write(json.dumps(CONTENDERS[chosen.alone](chosen.boxes)) + "\n")
        return
    names = [name for _ in range(chosen.rounds) for name in CONTENDERS]
    ran = [(name, _in_a_process(name, chosen.boxes)) for name in names]
    console = Console(width=120)
    rival = "highdicom alone"
    table = Table("annotations", "CPU seconds", "times highdicom's", "peak MB", "times highdicom's", "file MB")
    for name in (rival, "marrowcount", "floor: from arrays"):
        seconds, peak, size = (_median(ran, name, what) for what in ("seconds", "peak_mb", "file_mb"))
        table.add_row(
            name,
            f"{seconds:.2f}",
            f"{seconds / _median(ran, rival, 'seconds'):.2f}",
            f"{peak:.0f}",
            f"{peak / _median(ran, rival, 'peak_mb'):.2f}",
            f"{size:.1f}",
        )
    console.print(f"{chosen.boxes:,} boxes in {len(CLASSES)} groups, medians of {chosen.rounds} runs")
    console.print(table)
    console.print(f"{SLIDE_OF_CELLS:,} cells, seconds: {_parts(ran)}")


def _in_a_process(name: str, boxes: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--alone", name, "--boxes", str(boxes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _median(ran: Sequence[tuple[str, dict[str, float]]], name: str, what: str) -> float:
    return median(figures[what] for who, figures in ran if who == name)


def _parts(ran: Sequence[tuple[str, dict[str, float]]]) -> str:
    parts = next(figures for who, figures in ran if who == "documents")
    return ", ".join(f"{part} {_median(ran, 'documents', part):.2f}" for part in parts)


def _places(boxes: int) -> np.ndarray:
    """Left and top of each box, (boxes, 2), the same in every process."""
    return np.random.default_rng(7).uniform(0, SIDE - 60, (boxes, 2)).round(2)


def _measured(make: Callable[[], object]) -> dict[str, float]:
    """Seconds, size of the file, and the peak of memory of this process since it began."""
    began = time.process_time()
    dataset = make()
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)  # type: ignore[attr-defined] # a Dataset
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mb": peak, "file_mb": file.getbuffer().nbytes / 1e6}


def marrowcount(boxes: int) -> dict[str, float]:
    """From the result of a count."""
    result, header = _result(boxes), make_source_header()
    return _measured(lambda: encode_cells(result, header))


def _result(boxes: int) -> CountResult:
    places = _places(boxes).tolist()
    detections = tuple(
        Detection(CLASSES[number % len(CLASSES)], PixelBox(x, y, x + 40, y + 44), 0.9)
        for number, (x, y) in enumerate(places)
    )
    few = make_result({CellType.BLAST: 5, CellType.ERYTHROBLAST: 3}, size=SizePx(SIDE, SIDE))
    return replace(few, detections=detections)


def highdicom_alone(boxes: int) -> dict[str, float]:
    """From detections, as its documentation shows."""
    result = _result(boxes)
    header = copied_header(make_source_header(), result.context.base_instance_uid)
    return _measured(lambda: _written_by_highdicom(_corners_of(result), header))


def _corners_of(result: CountResult) -> Sequence[Sequence[np.ndarray]]:
    return [
        [
            np.array(
                [
                    [found.box.left, found.box.top],
                    [found.box.right, found.box.top],
                    [found.box.right, found.box.bottom],
                    [found.box.left, found.box.bottom],
                ],
                np.float32,
            )
            for found in result.detections
            if found.cell_type is cell_type
        ]
        for cell_type in CLASSES
    ]


def floor(boxes: int) -> dict[str, float]:
    """From arrays of corners."""
    places = _places(boxes)
    offsets = np.array([[0, 0], [40, 0], [40, 44], [0, 44]])
    corners = (places[:, None, :] + offsets).astype(np.float32)
    result = make_result({CellType.BLAST: 5})
    header = copied_header(make_source_header(), result.context.base_instance_uid)
    of_class = [list(corners[number :: len(CLASSES)]) for number in range(len(CLASSES))]
    return _measured(lambda: _written_by_highdicom(of_class, header))


def _written_by_highdicom(corners: Sequence[Sequence[np.ndarray]], header: object) -> MicroscopyBulkSimpleAnnotations:
    family = CodedConcept("123110", "DCM", "Artificial Intelligence")
    model = AlgorithmIdentificationSequence(name="a model", family=family, version="1")
    groups = []
    for number, cell_type in enumerate(CLASSES):
        own, codes = corners[number], CODES[cell_type]
        certainty = Measurements(
            CodedConcept("111012", "DCM", "Certainty of Finding"),
            np.full(len(own), 0.9, np.float32),
            CodedConcept("1", "UCUM", "no units"),
        )
        groups.append(
            AnnotationGroup(
                number=number + 1,
                uid=f"2.25.{number + 1}",
                label=cell_type.label,
                annotated_property_category=CodedConcept(
                    codes.category.value, codes.category.scheme, codes.category.meaning
                ),
                annotated_property_type=CodedConcept(codes.primary.value, codes.primary.scheme, codes.primary.meaning),
                graphic_type="RECTANGLE",
                graphic_data=own,
                algorithm_type="AUTOMATIC",
                algorithm_identification=model,
                measurements=[certainty],
            )
        )
    return MicroscopyBulkSimpleAnnotations(
        source_images=[header],  # type: ignore[list-item] # a Dataset
        annotation_coordinate_type="2D",
        pixel_origin_interpretation="VOLUME",
        annotation_groups=groups,
        series_instance_uid="2.25.1001",
        series_number=1,
        sop_instance_uid="2.25.1002",
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
        content_label="CELLS",
    )


def documents(_boxes: int) -> dict[str, float]:
    """Report and map of a slide of 5,000 cells, in seconds each, with what they refer to made beforehand."""
    counts = {cell_type: SLIDE_OF_CELLS // len(CLASSES) for cell_type in CLASSES}
    result, header = make_result(counts, placement=PLACEMENT), make_source_header()
    evidence = [encode_cells(result, header), encode_roi(result, header)]
    return {
        "structured report": _measured(lambda: encode_differential(counted(result), header, evidence))["seconds"],
        "segmentation": _measured(lambda: encode_heat_map(result, header))["seconds"],
    }


CONTENDERS = {
    "highdicom alone": highdicom_alone,
    "marrowcount": marrowcount,
    "floor: from arrays": floor,
    "documents": documents,
}

if __name__ == "__main__":
    main()
