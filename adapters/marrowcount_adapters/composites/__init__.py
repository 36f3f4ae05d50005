"""Tiles of real cells: single-cell pictures and smear photographs brought to 0.25 um/px and put together.

Cells are cut out of their pictures and pasted on smear ground made of real red cells, or on phantom tiles; their boxes
are exact by construction. What is held out is never on a tile to train on: originals are parted, and copies of one
another, however they are named, stay together.
"""

from __future__ import annotations

from marrowcount_adapters.composites.building import (
    Ingredients,
    composed,
    held_out_cells,
    photograph_tiles,
    prepared,
)
from marrowcount_adapters.composites.collections import CellCollection, read_collection
from marrowcount_adapters.composites.descriptions import shipped_descriptions
from marrowcount_adapters.composites.material import SPLITS, Material, gather
from marrowcount_adapters.composites.parts import Part
from marrowcount_adapters.composites.phantom_ground import phantom_tiles
from marrowcount_adapters.composites.photographs import PhotographCollection, read_photographs

__all__ = [
    "SPLITS",
    "CellCollection",
    "Ingredients",
    "Material",
    "Part",
    "PhotographCollection",
    "composed",
    "gather",
    "held_out_cells",
    "phantom_tiles",
    "photograph_tiles",
    "prepared",
    "read_collection",
    "read_photographs",
    "shipped_descriptions",
]
