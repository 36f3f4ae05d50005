"""Data sets on disk in marrowcount's own layout.

::

    <folder>/dataset.json             name, source, licence, history, number of examples and the SHA-256 of their file
    <folder>/examples-<SHA-256>.jsonl one example a line
    <folder>/pictures/ab/ab….png      each picture once, named by the SHA-256 of its pixels
"""

from __future__ import annotations

from marrowcount_adapters.dataset_store.reading import StoredDataset, open_dataset
from marrowcount_adapters.dataset_store.writing import DatasetWriter, write_dataset

__all__ = ["DatasetWriter", "StoredDataset", "open_dataset", "write_dataset"]
