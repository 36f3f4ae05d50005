"""Who may answer for reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marrowcount.settings.kinds import Section

__all__ = ["PractitionerSection"]

NamePart = Annotated[str, Field(max_length=64, pattern=r"^[^\\^=\x00-\x1f]*$")]


class PractitionerSection(Section):
    """A person who may verify, amend or withdraw reports on the command line of this machine."""

    account: Annotated[str, Field(min_length=1, max_length=64)]
    """Name by which they log in to the machine: the machine has asked for their password or key, the node does not."""
    number: Annotated[NamePart, Field(min_length=1)]
    """By which the house knows them; stands in every report that they sign."""
    system: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$")]
    """URI of who gave the number, such as ``urn:oid:2.16.840.1.113883.4.6``."""
    family_name: Annotated[NamePart, Field(min_length=1)]
    """As on the reports that they sign."""
    given_name: NamePart = ""
    """As on the reports that they sign."""
    organisation: NamePart = ""
    """For which they act; unset: the site's `organisation`."""
