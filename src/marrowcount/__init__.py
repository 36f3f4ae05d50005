"""marrowcount: the AI node for bone marrow cytology."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("marrowcount")
