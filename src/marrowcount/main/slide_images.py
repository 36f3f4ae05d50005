"""The images of a slide that the node holds, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.errors import InstanceError
from marrowcount.slides.instances import Flavour
from marrowcount.slides.levels import without_gaps
from marrowcount.workflow.routing import Origin
from marrowcount_adapters.wsi.header import read_context, read_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import InstanceStore, Ledger
    from marrowcount.result import SlideContext

__all__ = ["SlideImages"]


@dataclass(frozen=True, slots=True)
class SlideImages:
    """Of a slide by its Series Instance UID."""

    ledger: Ledger
    store: InstanceStore
    series_uid: str

    @property
    def files(self) -> Sequence[Path]:
        """Without levels that have gaps, which only a person can have accepted."""
        instances = self.ledger.instances(self.series_uid)
        sound = without_gaps([instance.facts for instance in instances])
        images = [i for i in instances if i.facts.flavour is not Flavour.OTHER and i.facts.sop_instance_uid in sound]
        return [self.store.path(instance.file.path) for instance in images]

    @property
    def origin(self) -> Origin:
        """Where the slide came from, by which its results are routed; without institution where none can be read."""
        first = self.ledger.instances(self.series_uid)[0]
        return Origin(first.sender, self._institution())

    @property
    def context(self) -> SlideContext | None:
        """Whose slide it is; None where no image's header tells."""
        for file in self.files:
            try:
                return read_context(file)
            except (InstanceError, OSError):
                continue
        return None

    def _institution(self) -> str:
        try:
            return str(read_header(self.files[0]).get("InstitutionName") or "")
        except (InstanceError, OSError, IndexError):
            return ""
