"""Several data sets as one, with the licences and the history of all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from marrowcount.datasets.examples import Dataset
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.datasets.examples import Example

__all__ = ["merged"]


def merged(name: str, datasets: Sequence[Dataset]) -> Dataset:
    """One data set of all examples; each example's name begins with that of its data set.

    Patients and groups of the same pseudonym are taken for the same, so that a person who is in two sources stays
    together.

    Raises:
        DatasetError: ``name-repeated``: two of them have one name.
    """
    names = [dataset.name for dataset in datasets]
    if len(set(names)) < len(names):
        raise DatasetError("name-repeated", f"data sets to merge need different names, not {', '.join(names)}")
    return Dataset(
        name,
        tuple(_renamed(example, dataset) for dataset in datasets for example in dataset.examples),
        "; ".join(_distinct(dataset.source for dataset in datasets)),
        "; ".join(_distinct(_licence(dataset) for dataset in datasets)),
        (
            *(f"{dataset.name}: {line}" for dataset in datasets for line in dataset.history),
            f"merged from {', '.join(names)}",
        ),
    )


def _renamed(example: Example, dataset: Dataset) -> Example:
    return replace(example, name=f"{dataset.name}/{example.name}")


def _licence(dataset: Dataset) -> str:
    return f"{dataset.name}: {dataset.licence or 'licence not stated'}"


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
