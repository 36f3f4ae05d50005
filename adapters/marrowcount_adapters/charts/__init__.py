"""Pictures of a result for people: the IHCT as a bar chart, a tile with its detections."""

from marrowcount_adapters.charts.histogram import draw_ihct
from marrowcount_adapters.charts.tile import draw_tile

__all__ = ["draw_ihct", "draw_tile"]
