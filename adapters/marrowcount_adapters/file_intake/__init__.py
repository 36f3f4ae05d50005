"""Files that somebody brings: found, told apart, and brought onto the store's disk without doubling where that goes."""

from marrowcount_adapters.file_intake.finding import found_files
from marrowcount_adapters.file_intake.staging import CopyStaging, LinkStaging

__all__ = ["CopyStaging", "LinkStaging", "found_files"]
