"""Writes slides as scanners do: series of VL Whole Slide Microscopy instances (PS3.3 A.32.8).

A phantom slide goes out with :func:`write_phantom`, any other source of tiles with :func:`write_series`.
"""

from __future__ import annotations

from marrowcount_adapters.wsm_writer.header import Patient, SlideHeader
from marrowcount_adapters.wsm_writer.phantom import phantom_header, write_phantom, write_truth
from marrowcount_adapters.wsm_writer.series import TileSource, write_series

__all__ = ["Patient", "SlideHeader", "TileSource", "phantom_header", "write_phantom", "write_series", "write_truth"]
