"""Tables of the model card, every figure from the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from marrowcount.slides.manifest import ModelManifest
    from marrowcount.slides.measurements import Figure, Measurement

__all__ = ["class_table", "examples_table", "figures_table", "measurement_part"]

MEASURES: Final = {
    "true_objects": "true objects",
    "found_objects": "found objects",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "average_precision": "AP",
    "log_average_miss_rate": "LAMR",
    "mean_overlap": "mean IoU",
}


def figures_table(manifest: ModelManifest) -> str:
    """The figures of the packaging that are of no single class."""
    rows = [(name.replace("_", " "), f"{value:g}") for name, value in manifest.figures.items() if "/" not in name]
    return _table(("measure", "value"), rows)


def class_table(manifest: ModelManifest) -> str:
    """Each class of the cell model."""
    rows = [(label, *(_of_class(manifest, f"{label}/{measure}") for measure in MEASURES)) for label in manifest.classes]
    return _table(("class", *MEASURES.values()), rows)


def examples_table(examples: Mapping[str, Mapping[str, int]]) -> str:
    """How many of each kind each source of the training held."""
    kinds = list(dict.fromkeys(kind for counts in examples.values() for kind in counts))
    rows = [(kind, *(str(counts.get(kind, 0)) for counts in examples.values())) for kind in kinds]
    return _table(("kind", *examples), rows)


def measurement_part(one: Measurement) -> str:
    """A measurement with its bounds."""
    rows = [(name.replace("_", " "), *_words(figure)) for name, figure in one.figures.items()]
    return f"### {one.title}\n{one.about}\n\n{_table(('measure', 'value', '95 % interval'), rows)}"


def _words(figure: Figure) -> tuple[str, str]:
    bounds = "" if figure.low is None or figure.high is None else f"{figure.low:.4g} to {figure.high:.4g}"
    return f"{figure.value:.4g}", bounds


def _of_class(manifest: ModelManifest, name: str) -> str:
    return f"{manifest.figures[name]:g}" if name in manifest.figures else "-"


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(_lines(heads, rows))


def _lines(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "| --- |" + " --- |" * (len(heads) - 1)
    yield from (f"| {' | '.join(row)} |" for row in rows)
