"""Whole slide images in DICOM, read with pydicom (headers) and wsidicom (pixels)."""
