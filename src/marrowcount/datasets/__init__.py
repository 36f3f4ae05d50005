"""Data sets to train and to measure on: their model, mapping of names to the 19 classes, splits, checks."""

from __future__ import annotations

from marrowcount.datasets.checking import Finding, Severity, check_dataset
from marrowcount.datasets.examples import Dataset, Example, LabelledBox, Split
from marrowcount.datasets.mapping import ClassMapping, Meaning, class_name
from marrowcount.datasets.mapping_files import load_mapping, shipped_mappings
from marrowcount.datasets.merging import merged
from marrowcount.datasets.sources import Faults, NamedBox, NamedExample
from marrowcount.datasets.splitting import Shares, folds, split_dataset
from marrowcount.datasets.statistics import DatasetStatistics, statistics_of

__all__ = [
    "ClassMapping",
    "Dataset",
    "DatasetStatistics",
    "Example",
    "Faults",
    "Finding",
    "LabelledBox",
    "Meaning",
    "NamedBox",
    "NamedExample",
    "Severity",
    "Shares",
    "Split",
    "check_dataset",
    "class_name",
    "folds",
    "load_mapping",
    "merged",
    "shipped_mappings",
    "split_dataset",
    "statistics_of",
]
