"""Received instances as files below one folder."""

from marrowcount_adapters.filesystem.store import FolderStore

__all__ = ["FolderStore"]
