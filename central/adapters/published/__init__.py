"""The published folder: as its keepers read it, and as an agent verifies it."""

from central.adapters.published.mirror import FolderMirror, check_root, is_signed_by
from central.adapters.published.shelf import FolderShelf

__all__ = ["FolderMirror", "FolderShelf", "check_root", "is_signed_by"]
