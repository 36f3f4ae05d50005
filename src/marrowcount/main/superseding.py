"""Which earlier result of a slide a new one takes the place of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError
from marrowcount.main.result_files import DIFFERENTIAL_SR, REGIONS_SR
from marrowcount.main.result_folders import is_whole
from marrowcount.workflow.identity import INSTANCES, result_uid
from marrowcount_adapters.wsi.header import read_identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.result import CountResult

__all__ = ["Earlier", "latest_documents", "reissued"]

DOCUMENTS: Final = (DIFFERENTIAL_SR, REGIONS_SR)
"""Those that name their predecessors."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was given out for a slide before.

    Attributes:
        latest: headers of the latest result's documents by the names of their files.
        taken_back: SOP Instance UIDs that archives were told, or may yet be told, never to show again.
    """

    latest: Mapping[str, Dataset] = field(default_factory=lambda: MappingProxyType({}))
    taken_back: frozenset[str] = frozenset()


def latest_documents(folder: Path, revision: int) -> Mapping[str, Dataset]:
    """The documents that those of a new result take the place of: headers by the names of their files.

    One that cannot be read is no reason not to count: it is logged, and not named as a predecessor.

    Args:
        folder: of the slide's results; those in it are called ``revision.attempt``, and one that is not whole was
            never given out.
        revision: of the new result.
    """
    older = [each for each in folder.glob("*.*") if _age(each) < (revision,) and is_whole(each)]
    if not older:
        return {}
    latest = max(older, key=_age)
    found = {name: _header(latest / name) for name in DOCUMENTS if (latest / name).is_file()}
    return {name: header for name, header in found.items() if header is not None}


def _age(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in folder.name.split("."))


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
