"""What a machine found on a slide, whole and exact, in a file of the node's own: from it later reports are made."""

from marrowcount_adapters.count_file.decode import read_count
from marrowcount_adapters.count_file.encode import encode_count

__all__ = ["encode_count", "read_count"]
