"""Data sets to train and to measure on: their model, mapping of names to the 19 classes, splits, checks."""

from __future__ import annotations

from marrowcount.datasets.examples import Dataset, Example, LabelledBox, Split

__all__ = ["Dataset", "Example", "LabelledBox", "Split"]
