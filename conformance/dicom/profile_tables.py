"""The IHE integration statement: the product, and transactions that are held against what the node sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from created import created_objects
from tabulating import name_of, table
from ups_sample import performed_by_dimse

from marrowcount import __version__
from marrowcount.workflow.identity import MANUFACTURER, PRODUCT
from marrowcount_adapters.ups.dimse_service import UPS_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ups_sample import Message

STATED_ON: Final = "2026-11-30"
"""Set anew with each release, and when what is stated changes."""

PERFORMER: Final = (
    ("RAD-81 Query UPS Workitems", "looks for work", "C-FIND", "GET /workitems"),
    ("RAD-82 Claim UPS Workitem", "claims it", "N-ACTION", "PUT /workitems/{uid}/state"),
    ("RAD-83 Get UPS Workitem", "asks for the input that a search left out", "N-GET", "GET /workitems/{uid}"),
    ("RAD-84 Update UPS Workitem", "tells progress", "N-SET", "POST /workitems/{uid}"),
    ("RAD-85 Complete UPS Workitem", "completes it", "N-ACTION", "PUT /workitems/{uid}/state"),
    ("RAD-85 Complete UPS Workitem, as CANCELED", "cancels it", "N-ACTION", "PUT /workitems/{uid}/state"),
    ("RAD-86 Manage UPS Subscription", "subscribes", "N-ACTION", "POST /workitems/{uid}/subscribers/{AE title}"),
)
"""Transaction, what the node does, service, resource."""


def product() -> Iterator[str]:
    """Who made what."""
    rows = (("vendor", MANUFACTURER), ("product", PRODUCT), ("version", __version__), ("date", STATED_ON))
    return table(("", ""), ((f"**{name}**", value) for name, value in rows))


def performer() -> Iterator[str]:
    """Transactions of the AIW-I Task Performer, each with the message that plays it."""
    sent = performed_by_dimse()
    rows = [
        (transaction, "yes", f"{service} ({_class_of(sent[doing], service, transaction)})", f"{resource}")
        for transaction, doing, service, resource in PERFORMER
    ]
    rows += [
        (
            "RAD-87 Send UPS Notification",
            "yes, as receiver",
            f"N-EVENT-REPORT ({_short(UPS_EVENT)})",
            "WebSocket event report",
        ),
        ("RAD-109 Open Event Channel", "yes", "not applicable", "GET /subscribers/{AE title}, WebSocket"),
        ("RAD-80 Create UPS Workitem", "no: the requestor's", "", ""),
        ("RAD-88 Request UPS Cancelation", "no: the requestor's", "", ""),
    ]
    return table(("transaction", "played", "by DIMSE", "by UPS-RS"), rows)


def _class_of(messages: Sequence[Message], service: str, transaction: str) -> str:
    """The SOP class of the message that plays a transaction.

    Raises:
        LookupError: the node sends no such message, so it must not be claimed.
    """
    for message in messages:
        if message.service == service:
            return _short(message.context)
    raise LookupError(f"nothing that the node sends plays {transaction}")


def _short(uid: str) -> str:
    return name_of(uid).removesuffix(" SOP Class").replace("Unified Procedure Step - ", "UPS ")


def evidence() -> Iterator[str]:
    """What the AIR Evidence Creator makes."""
    rows = (
        (name_of(str(made.SOPClassUID)), str(made.SeriesDescription), made.Modality)
        for made in created_objects().values()
    )
    return table(("SOP class", "series", "modality"), rows)


PROFILE_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "product": product,
    "task-performer": performer,
    "evidence": evidence,
}
