"""The page to look at: slides with their state, results beside the slide, files for download. It only reads."""

from marrowcount_adapters.web_page.app import page_app
from marrowcount_adapters.web_page.shell import shell_paths
from marrowcount_adapters.web_page.views import (
    CellClass,
    InstancePlace,
    PageFacts,
    PageSource,
    ResultFile,
    SlideLine,
    SlideView,
)

__all__ = [
    "CellClass",
    "InstancePlace",
    "PageFacts",
    "PageSource",
    "ResultFile",
    "SlideLine",
    "SlideView",
    "page_app",
    "shell_paths",
]
