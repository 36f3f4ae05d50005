"""What is negotiated: SOP classes with their roles, transfer syntaxes with their order."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from created import created_objects
from tabulating import name_of, table

from marrowcount_adapters.dimse.contexts import (
    COMMITMENT,
    SLIDE_SYNTAXES,
    UNCOMPRESSED,
    VERIFICATION,
    accepted_contexts,
)
from marrowcount_adapters.dimse.getting import slide_contexts
from marrowcount_adapters.dimse.retrieving import MODEL_FIND, MODEL_GET, MODEL_MOVE
from marrowcount_adapters.ups.dimse_service import UPS_PULL, UPS_WATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pynetdicom.presentation import PresentationContext

SLIDES: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
YES: Final = "yes"


@cache
def syntax_sets() -> Mapping[tuple[str, ...], str]:
    """A letter for each list of transfer syntaxes that the listener takes, the longest first."""
    lists = {tuple(map(str, context.transfer_syntax)) for context in accepted_contexts()}
    ordered = sorted(lists, key=lambda syntaxes: (-len(syntaxes), syntaxes))
    return dict(zip(ordered, "ABCDEFGH", strict=False))


def _set_of(context: PresentationContext) -> str:
    return syntax_sets()[tuple(map(str, context.transfer_syntax))]


def _row(uid: str) -> tuple[str, str]:
    return name_of(uid), f"`{uid}`"


def created_classes() -> list[str]:
    """SOP classes of what the node creates."""
    return sorted({str(made.SOPClassUID) for made in created_objects().values()})


def content() -> Iterator[str]:
    """What is kept, and what is made."""
    made = created_classes()
    rows = (
        (*_row(uid), YES, _set_of(context), YES if uid in made else "", _sent_syntax(uid))
        for context in accepted_contexts()
        if (uid := str(context.abstract_syntax)).startswith(STORAGE)
    )
    heading = ("SOP class", "UID", "received, kept", "in transfer syntaxes", "created, sent", "in transfer syntax")
    return table(heading, rows)


def _sent_syntax(uid: str) -> str:
    made = [one for one in created_objects().values() if one.SOPClassUID == uid]
    return ", ".join(sorted({name_of(str(one.file_meta.TransferSyntaxUID)) for one in made}))


def services() -> Iterator[str]:
    """Every SOP class with the node's roles in it."""
    roles: dict[str, set[str]] = {}
    for context in accepted_contexts():
        roles.setdefault(str(context.abstract_syntax), set()).update(_roles(context))
    for uid, role, _ in proposals():
        roles.setdefault(uid, set()).add(role[:3])
    rows = ((*_row(uid), *(YES if role in held else "" for role in ("SCU", "SCP"))) for uid, held in roles.items())
    return table(("SOP class", "UID", "SCU", "SCP"), rows)


def _roles(context: PresentationContext) -> set[str]:
    # Seen from the requestor, as the standard negotiates them: who accepts with scp_role lets the caller be SCP.
    if not context.scp_role:
        return {"SCP"}
    return {"SCP", "SCU"} if context.scu_role else {"SCU"}


def accepted() -> Iterator[str]:
    """Presentation contexts that the listener takes."""
    rows = (
        (*_row(str(context.abstract_syntax)), _set_of(context), _role(context), _extended(context))
        for context in accepted_contexts()
    )
    return table(("abstract syntax", "UID", "transfer syntaxes", "role of the node", "extended negotiation"), rows)


def _role(context: PresentationContext) -> str:
    return " and ".join(sorted(_roles(context)))


def _extended(context: PresentationContext) -> str:
    return "role selection, for the caller as SCP" if context.scp_role else "none"


def proposals() -> list[tuple[str, str, str]]:
    """What the node asks of others: SOP class, role, purpose."""
    fetched = sorted({str(context.abstract_syntax) for context in slide_contexts()})
    return [
        (VERIFICATION, "SCU", "`marrowcount check`"),
        *((uid, "SCU", "results to each `[[pacs]]`") for uid in created_classes()),
        (COMMITMENT, "SCU", "asking a `[[pacs]]` to answer for results"),
        (COMMITMENT, "SCP, by role selection", "reporting to a `[[requester]]` or `[[pacs]]` that asked the node"),
        (MODEL_FIND, "SCU", "`marrowcount pull`, the input of workitems, and counts at `completeness.counted_at`"),
        (MODEL_MOVE, "SCU", 'fetching slides to the node\'s own listener (`how = "move"`)'),
        (MODEL_GET, "SCU", 'fetching slides on the same association (`how = "get"`)'),
        *((uid, "SCP, by role selection", "the instances of a C-GET") for uid in fetched),
        (UPS_PULL, "SCU", "`[[worklist]]` of kind dimse"),
        (UPS_WATCH, "SCU", "subscribing to a `[[worklist]]` of kind dimse"),
    ]


def proposed() -> Iterator[str]:
    """Presentation contexts that the node offers."""
    rows = ((*_row(uid), _proposed_syntaxes(uid), role, why) for uid, role, why in proposals())
    return table(("abstract syntax", "UID", "transfer syntaxes", "role of the node", "for"), rows)


def _proposed_syntaxes(uid: str) -> str:
    listed = SLIDE_SYNTAXES if uid == SLIDES else UNCOMPRESSED
    letter = syntax_sets()[tuple(map(str, listed))]
    return f"{letter}, a context each" if uid.startswith(STORAGE) else letter


def syntaxes() -> Iterator[str]:
    """Every transfer syntax, and its rank in each list."""
    sets = syntax_sets()
    uids = dict.fromkeys(uid for listed in sets for uid in listed)
    rows = ((*_row(uid), *(_rank(uid, listed) for listed in sets)) for uid in uids)
    return table(("transfer syntax", "UID", *sets.values()), rows)


def _rank(uid: str, listed: tuple[str, ...]) -> str:
    return str(listed.index(uid) + 1) if uid in listed else ""


CONTEXT_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "content": content,
    "services": services,
    "accepted-contexts": accepted,
    "proposed-contexts": proposed,
    "transfer-syntaxes": syntaxes,
}
