"""The keys by which the node proves to EHRs who it is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from marrowcount.settings.kinds import Section
from marrowcount.settings.web import WebSection

__all__ = ["KeysSection"]


class KeysSection(Section):
    """Keys for SMART Backend Services, which ``marrowcount keys`` makes in the folder ``keys`` of the data folder."""

    published: Literal["file", "web"] = "file"
    """How EHRs learn of the public keys: ``file``, a person hands out what ``marrowcount keys publish`` writes;
    ``web``, they fetch them from the node's web server at ``/.well-known/jwks.json``."""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    """URL from which EHRs fetch the public keys, wherever that is; told to them as ``jku`` with each assertion. Empty:
    not told."""
    overlap_h: Annotated[float, Field(gt=0, le=24 * 365)] = 24.0
    """Between publishing a new key and signing with it, and for how long the key before it stays published after that,
    in hours: longer than any EHR holds on to the keys that it fetched."""

    def complaint(self, web: WebSection) -> str:
        """What is wrong with it beside section web; empty where nothing is."""
        if self.published == "web" and not web.enabled:
            return "keys.published web needs web.enabled"
        return ""
