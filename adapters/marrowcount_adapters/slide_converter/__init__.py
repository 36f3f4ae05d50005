"""Slides of scanners' own formats to DICOM, by wsidicomizer in an environment and a process of its own."""

from marrowcount_adapters.slide_converter.environment import ConverterEnvironment
from marrowcount_adapters.slide_converter.metadata import SlideMetadata, read_metadata, unidentified
from marrowcount_adapters.slide_converter.running import ConversionLimits, Converted, SlideConverter

__all__ = [
    "ConversionLimits",
    "Converted",
    "ConverterEnvironment",
    "SlideConverter",
    "SlideMetadata",
    "read_metadata",
    "unidentified",
]
