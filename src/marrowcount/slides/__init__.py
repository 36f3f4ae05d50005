"""Slides: geometry, tiles, detections, completeness."""
