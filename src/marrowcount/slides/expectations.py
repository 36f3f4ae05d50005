"""What somebody said belongs to a slide: lists of instances, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Expectation", "ExpectationSource", "ExpectedInstance", "SeriesCount"]


class ExpectationSource(StrEnum):
    """What kind of message a list came in; the settings say which kinds name a slide whole."""

    WORKITEM = "workitem"
    """Input Information Sequence of a UPS workitem (PS3.3 C.30.2)."""
    RETRIEVAL = "retrieval"
    """Instances that an archive named when the node asked it for a slide (C-FIND, QIDO-RS)."""
    AVAILABILITY = "availability"
    """Instance Availability Notification (PS3.4 Annex R)."""
    COMMITMENT = "commitment"
    """A storage commitment request to the node (PS3.4 Annex J)."""


@dataclass(frozen=True, slots=True)
class ExpectedInstance:
    """One instance of a list.

    Attributes:
        sop_class_uid: empty where the list does not say.
        series_uid: empty where the list does not say, as in storage commitment.
    """

    sop_instance_uid: str
    sop_class_uid: str = ""
    series_uid: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A list of instances that somebody said are there, or will be.

    Attributes:
        key: what it is known by at its source: the workitem's UID, the transaction's, the notification's. The
            same source and key again replace the list.
        said_by: AE title or host; never patient data.
        instances: all that it names, also those that the node holds: a list that names all of a slide ends the wait.
    """

    source: ExpectationSource
    key: str
    said_by: str
    instances: tuple[ExpectedInstance, ...]
    said_at: datetime


@dataclass(frozen=True, slots=True)
class SeriesCount:
    """How many instances of a series an archive holds (0020,1209); it grows while a scanner still sends to it.

    Attributes:
        said_by: the archive's name in the settings.
        since: when it first said this number in a row.
        confirmed_at: when it last did; the same as ``since`` where it was asked once.
    """

    series_uid: str
    said_by: str
    instances: int
    since: datetime
    confirmed_at: datetime

    @property
    def stands(self) -> bool:
        """Whether it said the same number twice or more in a row."""
        return self.confirmed_at > self.since
