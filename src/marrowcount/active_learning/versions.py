"""The next version of a data set: what it held, and the pictures that an expert went over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from marrowcount.datasets import Dataset, Split
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from marrowcount.active_learning.corrections import Correction
    from marrowcount.datasets import Example

__all__ = ["CorrectedPicture", "Mark", "held_out", "marks_of", "mistakes", "next_version"]

Mark: TypeAlias = "tuple[str, str]"
"""Whether it is a patient, a group or a picture, and which."""


@dataclass(frozen=True, slots=True)
class CorrectedPicture:
    """A picture that came back from the expert.

    Attributes:
        example: what is known of it, its objects not yet set.
        corrections: all its objects, before and after.
        saved: whether somebody saved its label file; False where that is, byte for byte, as it was exported.
    """

    example: Example
    corrections: tuple[Correction, ...]
    saved: bool

    @property
    def labelled(self) -> Example:
        """For training, every object of the 19 kinds being labelled."""
        objects = tuple(one.after for one in self.corrections if one.after is not None)
        return replace(self.example, objects=objects, complete=True, split=Split.TRAIN)


def next_version(
    name: str, parent: Dataset | None, about: Dataset, pictures: Sequence[CorrectedPicture], history: str
) -> Dataset:
    """The parent's examples and the new ones, which are for training.

    A picture that the parent has already is replaced: the last word stands.

    Args:
        name: of the new version.
        parent: None for the first one.
        about: source, licence and history of where the pictures were chosen from.
        pictures: from the expert.
        history: the line on this step.

    Raises:
        DatasetError: ``leak``: the patient, slide or picture serves validation or test in the parent;
            ``name-repeated``: another picture of the parent has the same name.
    """
    before = parent or Dataset(name, ())
    new = {picture.example.digest: picture.labelled for picture in pictures}
    _require_no_leak(before, new.values())
    kept = [example for example in before.examples if example.digest not in new]
    _require_other_names(kept, new.values())
    return Dataset(
        name,
        (*kept, *new.values()),
        "; ".join(dict.fromkeys(filter(None, (before.source, about.source)))),
        "; ".join(dict.fromkeys(filter(None, (before.licence, about.licence)))),
        (*before.history, *(line for line in about.history if line not in before.history), history),
    )


def mistakes(name: str, version: Dataset, wrong: Mapping[str, Sequence[int]]) -> Dataset:
    """The objects that models missed or took for another class, as a data set to be drawn from with a weight.

    Its pictures are those of the version, but with the wrong objects alone, and marked as not complete: training draws
    these objects, and does not take the others for empty ground.

    Args:
        name: of the data set.
        version: the data set with all objects.
        wrong: by digest of the picture, the places of such objects among its own.
    """
    examples = [example for example in version.of(Split.TRAIN) if wrong.get(example.digest)]
    return replace(
        version,
        name=name,
        examples=tuple(_only(example, wrong[example.digest]) for example in examples),
        history=(*version.history, f"only objects that a model missed or misclassified, of {version.name}"),
    )


def held_out(dataset: Dataset) -> frozenset[Mark]:
    """The marks of all that a data set keeps for validation and test."""
    kept = [example for example in dataset.examples if example.split in {Split.VALIDATION, Split.TEST}]
    return frozenset(mark for example in kept for mark in marks_of(example.patient, example.group, example.digest))


def marks_of(patient: str, group: str, digest: str) -> frozenset[Mark]:
    """What binds a picture to others; pictures that share a mark must not lie in two splits."""
    return frozenset(mark for mark in (("patient", patient), ("group", group), ("picture", digest)) if mark[1])


def _only(example: Example, places: Sequence[int]) -> Example:
    objects = example.objects or ()
    return replace(example, objects=tuple(objects[place] for place in places), complete=False)


def _require_no_leak(parent: Dataset, new: Iterable[Example]) -> None:
    kept = held_out(parent)
    leaking = [one.name for one in new if kept & marks_of(one.patient, one.group, one.digest)]
    if leaking:
        raise DatasetError(
            "leak",
            f"{', '.join(leaking[:4])} ({len(leaking)} in all): their patient, slide or picture serves validation or "
            f"test in {parent.name}; take other pictures, or split anew",
        )


def _require_other_names(kept: Iterable[Example], new: Iterable[Example]) -> None:
    repeated = sorted({example.name for example in kept} & {example.name for example in new})
    if repeated:
        raise DatasetError(
            "name-repeated",
            f"the data set has other pictures named {', '.join(repeated[:4])}; export under other names",
        )
