"""Microscopy Bulk Simple Annotations (PS3.3 A.87): where the cells and the tiles of a count lie."""

from marrowcount_adapters.annotations.drawing import AnnotationForm
from marrowcount_adapters.annotations.encode import encode_cells, encode_roi

__all__ = ["AnnotationForm", "encode_cells", "encode_roi"]
