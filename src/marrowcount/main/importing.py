"""Import: somebody else's data set into marrowcount's own layout, every name mapped and every fault told."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.dataset_files.rescaling import rescaled
from marrowcount_adapters.dataset_store import DatasetWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from marrowcount.datasets import ClassMapping, Dataset, Example, Faults, NamedExample
    from marrowcount.ports import Picture
    from marrowcount.ports.labelled_files import LabelledSource

__all__ = ["ImportPlan", "import_dataset"]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What the imported data set is to be.

    Attributes:
        name: short.
        kind: the format imported from, for the history.
        mapping: of class names.
        source: where it comes from; what the mapping says where empty.
        licence: as ``source``.
        um_per_px: resolution to bring all pictures to; None: each stays as it is.
        complete: whether every object is drawn, against what source and mapping say; None: as they say.
        without_faulty: import what is sound where something is not; else a fault leaves nothing imported.
    """

    name: str
    kind: str
    mapping: ClassMapping
    source: str = ""
    licence: str = ""
    um_per_px: float | None = None
    complete: bool | None = None
    without_faulty: bool = False


def import_dataset(
    source: LabelledSource, folder: Path, plan: ImportPlan, faults: Faults, progress: Callable[[float], None]
) -> Dataset:
    """Read everything, map it and keep it in a new folder.

    Args:
        source: what to import; closed afterwards.
        folder: of the new data set; it is there afterwards whole, or not at all.
        plan: what it is to be.
        faults: collects the faults where it keeps going.
        progress: hears the share done, 0 to 1.

    Raises:
        DatasetError: ``class-unmapped`` before any picture is read; the first fault, or ``import-faulty`` when all are
            collected; ``dataset-exists``, ``dataset-unwritable``.
    """
    about = (plan.source or plan.mapping.source, plan.licence or plan.mapping.licence)
    with DatasetWriter(folder, plan.name, *about) as writer, closing(source):
        examples = source.examples(faults)
        plan.mapping.require(examples)
        sound = _sound(source, examples, plan, faults, progress)
        kept = [writer.add(picture, _mapped(named, plan)) for picture, named in sound]
        _require_sound(faults, kept, plan)
        return writer.finish([*_history(plan, examples, kept, faults), *source.remarks])


def _sound(
    source: LabelledSource,
    examples: Sequence[NamedExample],
    plan: ImportPlan,
    faults: Faults,
    progress: Callable[[float], None],
) -> Iterator[tuple[Picture, NamedExample]]:
    for number, example in enumerate(examples, 1):
        with faults.noted():
            yield _prepared(source.read(example), example, plan)
        progress(number / len(examples))


def _prepared(picture: Picture, example: NamedExample, plan: ImportPlan) -> tuple[Picture, NamedExample]:
    there = SizePx(picture.shape[1], picture.shape[0])
    if there != example.size:
        raise DatasetError(
            "picture-size-differs",
            f"{example.name} has {there.width} x {there.height} px, its header says "
            f"{example.size.width} x {example.size.height}",
        )
    return (picture, example) if plan.um_per_px is None else rescaled(picture, example, plan.um_per_px)


def _mapped(named: NamedExample, plan: ImportPlan) -> Example:
    return plan.mapping.mapped(named if plan.complete is None else replace(named, complete=plan.complete))


def _require_sound(faults: Faults, kept: Sequence[Example], plan: ImportPlan) -> None:
    if faults.found and not plan.without_faulty:
        raise DatasetError(
            "import-faulty",
            f"{len(faults.found)} faults were found ({_by_code(faults)}); nothing was imported: mend the files, or "
            "leave the faulty ones out",
        )
    if not kept:
        raise DatasetError("import-empty", f"no sound picture was found ({_by_code(faults) or 'no fault either'})")


def _history(
    plan: ImportPlan, examples: Sequence[NamedExample], kept: Sequence[Example], faults: Faults
) -> Iterator[str]:
    objects = sum(len(example.objects or ()) for example in kept)
    scale = "" if plan.um_per_px is None else f", brought to {plan.um_per_px:g} um/px"
    what = f"{len(kept)} pictures, {objects} objects{scale}"
    yield f"imported from {plan.kind} by the mapping {plan.mapping.name}: {what}"
    for name, (count, reason) in plan.mapping.ignored(examples).items():
        yield f"left out {count} objects called {name!r}: {reason}"
    if faults.found:
        yield f"left out what was faulty: {_by_code(faults)}"


def _by_code(faults: Faults) -> str:
    counts = Counter(error.code for error in faults.found)
    return ", ".join(f"{code} {count}" for code, count in counts.most_common())
