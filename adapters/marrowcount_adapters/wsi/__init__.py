"""Whole slide images in DICOM, read with pydicom (headers) and wsidicom (pixels).

Import :mod:`~marrowcount_adapters.wsi.header` for headers and :mod:`~marrowcount_adapters.wsi.slide` for pixels: the
listener, which must stay small, needs the headers alone and is spared the picture libraries.
"""
