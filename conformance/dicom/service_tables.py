"""Storage, commitment, notification, query and retrieve: the statuses of each, and the keys that are asked by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tabulating import attribute, documented, named, statuses, table, vr_of

from marrowcount.errors import DeliveryRefusedError
from marrowcount.ports import FailureReason, ListedSeries, WantedStudy
from marrowcount.workflow.commitment import ASKED_AGAIN, SENT_AGAIN
from marrowcount_adapters.dicomweb_client.qido import series_keys, study_keys
from marrowcount_adapters.dimse import Peer
from marrowcount_adapters.dimse.availability import REQUIRED, UNAVAILABLE
from marrowcount_adapters.dimse.query import instance_query, retrieve_identifier, series_query, study_query
from marrowcount_adapters.dimse.retrieve_statuses import CANNOT_PROCESS, RetrieveStatus, is_pending, refusal_of
from marrowcount_adapters.dimse.statuses import (
    ActionStatus,
    NotificationStatus,
    ReportStatus,
    Status,
    Verdict,
    verdict_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydicom.dataset import Dataset

    from marrowcount.errors import PeerError

STORE_ANSWERS: Final = (
    (range(0x0001), "success"),
    (
        range(0xB000, 0xC000),
        "warning: coerced (B000H), elements discarded (B006H), not of the class (B007H), any other",
    ),
    (range(0xA700, 0xA800), "out of resources"),
    (range(0x0213, 0x0214), "resource limitation"),
    (range(0xA900, 0xAA00), "data set does not match SOP class"),
    (range(0xC000, 0xD000), "cannot understand"),
    (range(0x0110, 0x0111), "processing failure"),
    (range(0x0122, 0x0123), "SOP class not supported"),
    (range(0x0124, 0x0125), "not authorised"),
)
"""PS3.4 Table B.2-1 and PS3.7 Annex C; one verdict each, and of every status beside them that it is refused."""

DOING: Final = {
    Verdict.TAKEN: "delivered; the status is kept with the file",
    Verdict.TRY_LATER: "sent again, with growing pauses, for `outbox.give_up_after_h`",
    Verdict.REFUSED: "dead letter with the reason; a person must look",
}

ONLY_RECEIVED: Final = frozenset({FailureReason.CLASS_NOT_SUPPORTED, FailureReason.RESOURCE_LIMITATION})
"""Failure Reasons that the node understands, and has no occasion to give."""

SAMPLE: Final = WantedStudy(patient_id="ID", issuer="ISSUER", accession_number="NUMBER", study_uid="1.2")
NOTHING: Final = WantedStudy(study_uid="")
PEER: Final = Peer("ARCHIVE", "host", 104)


def store_answers() -> Iterator[str]:
    """What answers to C-STORE mean to the node."""
    rows = [(_span(span), meaning, DOING[verdict_of(span[0])]) for span, meaning in STORE_ANSWERS]
    rows += [("any other", "", DOING[Verdict.REFUSED]), ("none", "aborted, timed out", DOING[verdict_of(None)])]
    return table(("status received", "meaning", "what the node does"), rows)


def _span(span: range) -> str:
    return f"{span[0]:04X}H" if len(span) == 1 else f"{span[0]:04X}H to {span[-1]:04X}H"


def failure_reasons() -> Iterator[str]:
    """Failure Reason of storage commitment in both directions."""
    said = documented(FailureReason)
    rows = [
        (f"{each:04X}H", named(each), said[each.name] if each not in ONLY_RECEIVED else "not sent", _after(each))
        for each in FailureReason
    ]
    rows.append(("any other", "", "not sent", "dead letter `commitment-refused` with the reason"))
    return table(("Failure Reason", "name", "sent by the node as SCP", "received by the node as SCU"), rows)


def _after(reason: FailureReason) -> str:
    if reason in SENT_AGAIN:
        return "the instance is sent again, and commitment asked for it"
    if reason in ASKED_AGAIN:
        return "asked again by another transaction; nothing is sent"
    return "dead letter `commitment-refused` with the reason"


def retrieve_answers() -> Iterator[str]:
    """What answers to C-FIND, C-MOVE and C-GET mean to the node."""
    said = documented(RetrieveStatus)
    rows = [(f"{each:04X}H", named(each), said.get(each.name, ""), *_fault(each)) for each in RetrieveStatus]
    rows.append((_span(CANNOT_PROCESS), "Cannot process", "Any service.", *_fault(CANNOT_PROCESS[0])))
    rows.append(("any other", "", "Any service.", *_fault(0x0FFF)))
    rows.append(("none", "Aborted, or silence", "Any service.", *_fault(None)))
    return table(
        ("status received", "name", "service, meaning", "failure reported", "may the same succeed later?"), rows
    )


def _fault(status: int | None) -> tuple[str, str]:
    if is_pending(status):
        return "none: a match, or progress", ""
    fault = refusal_of(PEER, "C-MOVE", status)
    if status == RetrieveStatus.SUB_OPERATIONS_FAILED:
        return "each failed instance, `pull-incomplete`", "yes"
    return ("none", "") if fault is None else (f"`{fault.code}`", _may_succeed(fault))


def _may_succeed(fault: PeerError) -> str:
    return "no, until a person has mended it" if isinstance(fault, DeliveryRefusedError) else "yes"


def find_keys() -> Iterator[str]:
    """Keys of C-FIND, with what is asked by them."""
    levels = (
        (study_query(SAMPLE), study_query(NOTHING)),
        (series_query("1.2", "1.3"), series_query("1.2")),
        (instance_query("1.2", "1.3"), instance_query("1.2", "1.3")),
    )
    rows = (
        (
            filled.QueryRetrieveLevel,
            attribute(element.keyword),
            element.VR,
            _matching(element.value, bare, element.keyword),
        )
        for filled, bare in levels
        for element in filled
        if element.keyword != "QueryRetrieveLevel"
    )
    return table(("level", "key", "VR", "matching"), rows)


def _matching(value: object, bare: Dataset, keyword: str) -> str:
    if value is None or not str(value):
        return "universal (return key)"
    if bare.get(keyword) == value:
        return f"single value, always: {value}" if keyword == "Modality" else "single value, always"
    return "single value where it is asked for, else universal"


def retrieve_keys() -> Iterator[str]:
    """Identifiers of C-MOVE and C-GET."""
    slide = ListedSeries("1.2", "1.3", ())
    rows = (
        (
            identifier.QueryRetrieveLevel,
            ", ".join(attribute(each.keyword) for each in identifier if each.VR == "UI"),
            when,
        )
        for identifier, when in (
            (retrieve_identifier(slide), "nothing of the series is held"),
            (retrieve_identifier(slide, "1.4"), "some of it is held: a request for each instance that lacks"),
        )
    )
    return table(("level", "unique keys", "when"), rows)


def qido_keys() -> Iterator[str]:
    """Parameters of QIDO-RS as user agent."""
    levels = (("/studies", study_keys(SAMPLE)), ("/studies/{study}/series", series_keys("1.3")))
    rows = [(path, name, "included" if name == "includefield" else "matched") for path, keys in levels for name in keys]
    return table(
        ("resource", "parameter", "use"),
        ((f"`{path}`", f"`{name}`", use) for path, name, use in rows),
    )


def notification_attributes() -> Iterator[str]:
    """What is read of an Instance Availability Notification."""
    rows = [(attribute(keyword), vr_of(keyword), "required, else 0120H") for keyword in REQUIRED]
    series, item = "> ", ">> "
    nested = (
        (series, "SeriesInstanceUID", "required for each instance, else 0120H"),
        (series, "ReferencedSOPSequence", "may be empty"),
        (item, "ReferencedSOPClassUID", "required, else 0120H"),
        (item, "ReferencedSOPInstanceUID", "required, else 0120H"),
        (item, "InstanceAvailability", f"{UNAVAILABLE} instances are not awaited"),
    )
    rows += [(depth + attribute(keyword), vr_of(keyword), use) for depth, keyword, use in nested]
    return table(("attribute", "VR", "use"), rows)


SERVICE_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "store-statuses": statuses(Status),
    "store-answers": store_answers,
    "action-statuses": statuses(ActionStatus),
    "report-statuses": statuses(ReportStatus),
    "failure-reasons": failure_reasons,
    "notification-statuses": statuses(NotificationStatus),
    "notification-attributes": notification_attributes,
    "find-keys": find_keys,
    "retrieve-keys": retrieve_keys,
    "retrieve-answers": retrieve_answers,
    "qido-keys": qido_keys,
}
