"""Who answers for a report, and what they did with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from marrowcount.errors import DecisionError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Act", "Practitioner", "Signature"]

LONGEST_NAME = 64
"""Characters of a part of a name or of a number: Value Representations PN and LO hold no more (PS3.5 6.2)."""


class Act(StrEnum):
    """What a person did with a report."""

    VERIFIED = "verified"
    """Found it right, or put their own figures in the place of the machine's, and answers for it."""
    CORRECTED = "corrected"
    """Put right figures that they, or somebody else, had answered for."""
    AMENDED = "amended"
    """Added words; the figures stand."""
    WITHDRAWN = "withdrawn"
    """It should never have been: another patient's slide, another specimen."""
    KEPT = "kept"
    """Left the report that is out as it is, though a machine counted the slide again."""


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A person who answers for reports.

    Attributes:
        number: by which the house knows them.
        system: URI of who gave the number.
        family_name: as in a list of staff.
        given_name: as in a list of staff; empty where they have none.
        organisation: for which they act; empty where the site's own.

    Raises:
        DecisionError: ``no-practitioner``: it cannot be told who it is.
    """

    number: str
    system: str
    family_name: str
    given_name: str = ""
    organisation: str = ""

    def __post_init__(self) -> None:
        named = {"number": self.number, "system": self.system, "family name": self.family_name}
        if missing := [what for what, value in named.items() if not value.strip()]:
            raise DecisionError("no-practitioner", f"who decides must be known: give the {', '.join(missing)}")
        for value in (self.number, self.family_name, self.given_name, self.organisation):
            if len(value) > LONGEST_NAME or not value.isprintable() or set(value) & set("\\^="):
                raise DecisionError(
                    "no-practitioner",
                    f"a name or number has at most {LONGEST_NAME} characters, and none of \\ ^ = or of control",
                )

    @property
    def name(self) -> str:
        """For people: given name, then family name."""
        return f"{self.given_name} {self.family_name}".strip()


@dataclass(frozen=True, slots=True)
class Signature:
    """An act of a person.

    Attributes:
        at: when, with zone.
        comment: in their words; part of the report. Empty where they added none.
    """

    act: Act
    by: Practitioner
    at: datetime
    comment: str = ""
