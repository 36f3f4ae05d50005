"""Which earlier result of a slide a new one takes the place of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError
from marrowcount.main.result_files import DIFFERENTIAL_SR, REGIONS_SR
from marrowcount.review import DECIDED
from marrowcount.workflow.identity import INSTANCES, result_uid
from marrowcount_adapters.wsi.header import read_identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.result import CountResult
    from marrowcount.review import ReportStatus

__all__ = ["Earlier", "documents_in", "reissued"]

DOCUMENTS: Final = (DIFFERENTIAL_SR, REGIONS_SR)
"""Those that name their predecessors."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was given out for a slide before.

    Attributes:
        latest: headers of the documents given out last by the names of their files.
        taken_back: SOP Instance UIDs that archives were told, or may yet be told, never to show again.
        statuses: of all versions of the slide's report, the first one first.
    """

    latest: Mapping[str, Dataset] = field(default_factory=lambda: MappingProxyType({}))
    taken_back: frozenset[str] = frozenset()
    statuses: tuple[ReportStatus, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether a person decided about the slide's report: a machine's new one then waits for a person."""
        return not DECIDED.isdisjoint(self.statuses)


def documents_in(folder: Path | None) -> Mapping[str, Dataset]:
    """The documents that those of a new version take the place of: headers by the names of their files.

    One that cannot be read is no reason not to go on: it is logged, and not named as a predecessor.

    Args:
        folder: of the version that was given out last; None where there is none.
    """
    if folder is None:
        return {}
    found = {name: _header(folder / name) for name in DOCUMENTS if (folder / name).is_file()}
    return {name: header for name, header in found.items() if header is not None}


def _header(document: Path) -> Dataset | None:
    try:
        return read_identity(document)
    except (InstanceError, OSError) as error:
        log.warning("result.predecessor_not_named", file="/".join(document.parts[-3:]), why=type(error).__name__)
        return None


def reissued(result: CountResult, earlier: Earlier) -> CountResult:
    """The result under UIDs that no note takes back: a count that finds again what an older one found is a new one."""
    while any(result_uid(result, part) in earlier.taken_back for part in INSTANCES):
        result = replace(result, issue=result.issue + 1)
    return result
