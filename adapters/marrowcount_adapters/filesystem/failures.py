"""What the file system says, in the node's own words."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from marrowcount.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["translated"]

FAILURES: Final = {
    errno.ENOSPC: ("disk-full", "The disk is full; make room or enlarge it."),
    errno.EDQUOT: ("disk-full", "The disk quota is used up; make room or raise it."),
    errno.EROFS: ("disk-read-only", "The file system is mounted read-only; mount it for writing."),
    errno.EACCES: ("disk-not-permitted", "The service may not write here; give its user the right to."),
    errno.EPERM: ("disk-not-permitted", "The service may not write here; give its user the right to."),
    errno.ENOENT: ("file-missing", "A file that should lie in the instance store is not there."),
    errno.EOPNOTSUPP: ("disk-without-links", "The file system has no hard links; use one that has, as ext4 or XFS."),
    errno.EXDEV: ("disk-two-file-systems", "The store's folders lie on different file systems; put them on one."),
}
DISK_FAILED: Final = ("disk-failed", "The disk failed; see the system's log.")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the file system's errors into ours.

    Raises:
        StorageError: with a code and what to do.
    """
    try:
        yield
    except OSError as error:
        code, message = FAILURES.get(error.errno or 0, DISK_FAILED)
        raise StorageError(code, message) from error
