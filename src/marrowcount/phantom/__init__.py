"""The digital marrow phantom: slides of known truth."""

from __future__ import annotations

from marrowcount.phantom.ground import ONSET
from marrowcount.phantom.profiles import PROFILES
from marrowcount.phantom.slide import PhantomObject, PhantomSlide, PhantomTile

__all__ = ["ONSET", "PROFILES", "PhantomObject", "PhantomSlide", "PhantomTile"]
