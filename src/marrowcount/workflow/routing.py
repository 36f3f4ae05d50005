"""Which result goes where: a rule for each destination, of what a result is and where its slide came from."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from marrowcount.ports import DeliveryOrder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.ports import DeliveryKind

__all__ = ["Origin", "ResultFile", "Route", "orders"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a slide came from.

    Attributes:
        sender: calling AE title of its first instance, or the user agent for HTTP.
        institution: Institution Name (0008,0080) of the slide; empty where it names none.
    """

    sender: str
    institution: str = ""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file of a result.

    Attributes:
        path: below the results folder.
        kinds: by which protocols it can travel.
        modality: Modality (0008,0060), such as ANN or SR; empty where it is no DICOM instance.
        destination: the one that it was written for; empty where any may have it.
    """

    path: str
    kinds: frozenset[DeliveryKind]
    modality: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A destination, and what it gets. Each condition that is empty is met by all; of a list one must be met.

    Attributes:
        destination: its name in the settings.
        modalities: of the objects that it takes.
        senders: patterns (``*`` and ``?``) of AE titles whose slides' results it gets.
        institutions: patterns of institution names, whatever their case.
        own_ae_title: where it gets only the results of slides that it sent itself, its AE title; empty otherwise.
    """

    kind: DeliveryKind
    destination: str
    modalities: frozenset[str] = frozenset()
    senders: tuple[str, ...] = ()
    institutions: tuple[str, ...] = ()
    own_ae_title: str = ""

    def wants(self, origin: Origin) -> bool:
        """Whether results of slides of this origin go there."""
        return (
            _matches(origin.sender, self.senders)
            and _matches(origin.institution.casefold(), [pattern.casefold() for pattern in self.institutions])
            and self.own_ae_title in {"", origin.sender}
        )

    def takes(self, file: ResultFile) -> bool:
        """Whether it takes this file."""
        meant = file.destination in {"", self.destination}
        return meant and self.kind in file.kinds and (not self.modalities or file.modality in self.modalities)


def orders(files: Sequence[ResultFile], origin: Origin, routes: Iterable[Route]) -> tuple[DeliveryOrder, ...]:
    """What a result owes to whom: one order for each destination that gets any of it, its files in the order given."""
    wanted = (
        (route, tuple(file.path for file in files if route.takes(file))) for route in routes if route.wants(origin)
    )
    return tuple(DeliveryOrder(route.kind, route.destination, paths) for route, paths in wanted if paths)


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
