"""Unified procedure steps: what the node sends as performer, what answers mean to it, and its own small worklist."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from tabulating import documented, name_of, named, table
from ups_sample import NODE, PERFORMED, AnsweringWeb, NotingWorklist, dimse_worklist, performed_by_dimse, worklist_over

from marrowcount.errors import PeerError, Refusal
from marrowcount.ports import StepProgress, WorkAnswer, WorkitemEventKind
from marrowcount.workitems import Lock, UpsStatus
from marrowcount.workitems.codes import Reasons, reason_of_refusal
from marrowcount_adapters.ups.dimse_service import FILTERED, GLOBAL, PASSING, WARNINGS
from marrowcount_adapters.ups.web_service import PASSING as WEB_PASSING
from marrowcount_adapters.ups_worklist.answers import (
    outcome_of_cancel_request,
    outcome_of_change,
    outcome_of_creation,
    outcome_of_update,
)
from marrowcount_adapters.ups_worklist.app import worklist_app
from marrowcount_adapters.ups_worklist.operations import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from http import HTTPStatus

    from starlette.routing import Route, WebSocketRoute

    from marrowcount_adapters.ups.worklist import UpsWorklist

INSTANCES: Final = {GLOBAL: "UPS Global Subscription", FILTERED: "UPS Filtered Global Subscription"}

CLAIMED: Final = {
    WorkAnswer.DONE: "granted",
    WorkAnswer.ALREADY: "granted before",
    WorkAnswer.TAKEN: "another's: the node lets go of it",
    WorkAnswer.ENDED: "ended: the node lets go of it",
    WorkAnswer.GONE: "unknown: the node lets go of it",
}
TOLD: Final = CLAIMED | {WorkAnswer.DONE: "done", WorkAnswer.ALREADY: "done before"}

OTHER: Final = 0x0105
"""Stands for every status that the node has no rule for."""

PLAIN: Final = {
    0x0001: "Requested optional attributes are not supported.",
    0x0107: "Attribute list error.",
    0x0116: "Attribute value out of range.",
    0xB305: "Values were coerced.",
    0x0110: "Processing failure.",
    0x0213: "Resource limitation.",
    0xA700: "Out of resources.",
}
"""Statuses of PS3.7 Annex C and PS3.4 Annex CC that the node knows by number alone."""

HEARD: Final = {
    WorkitemEventKind.STATE: "SCHEDULED: the node looks for work; an end: it goes on with its own at once",
    WorkitemEventKind.CANCEL_REQUESTED: "granted until all slides are counted, else the workitem is completed",
    WorkitemEventKind.PROGRESS: "nothing",
    WorkitemEventKind.WORKLIST_STATUS: "the node looks for work",
    WorkitemEventKind.ASSIGNED: "the node looks for work",
}


def messages() -> Iterator[str]:
    """What the node sends as SCU."""
    rows = (
        (
            doing,
            name_of(message.context).removesuffix(" SOP Class"),
            message.service + (f", type {message.type_id}" if message.type_id else ""),
            INSTANCES.get(message.instance, "the workitem" if message.instance else ""),
            ", ".join(f"{keyword}" for keyword in message.keywords),
        )
        for doing, sent in performed_by_dimse().items()
        for message in sent
    )
    return table(("the node", "negotiated SOP class", "service", "SOP Instance", "attributes at the top level"), rows)


def answers() -> Iterator[str]:
    """What the statuses of a worklist mean to the node, by DIMSE."""
    special = {*UpsStatus, *WARNINGS, *PASSING}
    usual = outcomes_of(dimse_worklist(NotingWorklist(OTHER)))
    rows = []
    for status in sorted(special):
        outcomes = outcomes_of(dimse_worklist(NotingWorklist(status)))
        if outcomes != usual or status == UpsStatus.REQUIREMENTS_UNMET:
            rows.append((f"{int(status):04X}H", _meaning(status), *outcomes))
    return table(
        ("status received", "meaning", "at a claim", "at progress", "at the end"), [*rows, ("any other", "", *usual)]
    )


def _meaning(status: int) -> str:
    with suppress(ValueError):
        return _said(UpsStatus(status))
    return PLAIN[status]


def _said(status: UpsStatus) -> str:
    return documented(UpsStatus).get(status.name) or named(status)


def web_answers() -> Iterator[str]:
    """What the answers of a UPS-RS origin server mean to the node."""
    cases = (
        ("200", AnsweringWeb("w", "http://w", NODE)),
        (
            "200, already in the requested state",
            answering_web(200, "The UPS is already in the requested state of COMPLETED."),
        ),
        (
            "400 or 409, Transaction UID is incorrect",
            answering_web(400, "The Transaction UID is incorrect.", "IN PROGRESS"),
        ),
        ("400 or 409, workitem is IN PROGRESS", answering_web(409, "", "IN PROGRESS")),
        (
            "the same to a change of state, but updates succeed",
            answering_web(409, "", "IN PROGRESS", update_status=200),
        ),
        ("400 or 409, workitem is COMPLETED", answering_web(409, "", "COMPLETED")),
        ("400 or 409, workitem is CANCELED", answering_web(409, "", "CANCELED")),
        ("400 or 409, workitem is not to be found", answering_web(409)),
        ("404 or 410", answering_web(404)),
        (", ".join(map(str, sorted(WEB_PASSING))) + ", or no answer", answering_web(503)),
        ("any other", answering_web(405)),
    )
    rows = ((said, *outcomes_of(worklist_over(service))) for said, service in cases)
    return table(("answer received", "at a claim", "at progress", "at the end"), rows)


def answering_web(status: int, warning: str = "", state: str = "", update_status: int = 0) -> AnsweringWeb:
    """A UPS-RS origin server that answers alike whatever is changed."""
    how = {"status": status, "update_status": update_status}
    return AnsweringWeb("w", "http://w", NODE, warning=warning, state=state, **how)


def outcomes_of(worklist: UpsWorklist) -> tuple[str, str, str]:
    """What comes of a claim, of telling progress and of an end."""
    return (
        _outcome(lambda: worklist.claim("1.9", "1.8"), CLAIMED),
        _outcome(lambda: worklist.report("1.9", "1.8", StepProgress(50, "words")), TOLD),
        _outcome(lambda: worklist.complete("1.9", "1.8", PERFORMED), TOLD),
    )


def _outcome(ask: Callable[[], WorkAnswer], words: Mapping[WorkAnswer, str]) -> str:
    try:
        return words[ask()]
    except PeerError as error:
        return "asked again later" if error.retryable else "refused: asked again with growing pauses, and logged"


def events() -> Iterator[str]:
    """Events of a worklist."""
    rows = ((str(int(kind)), named(kind), HEARD[kind]) for kind in WorkitemEventKind)
    return table(("Event Type ID", "event", "what the node does"), rows)


def reasons() -> Iterator[str]:
    """Why the node gives a workitem up."""
    by_code: dict[str, list[str]] = {}
    for refusal in Refusal:
        by_code.setdefault(reason_of_refusal(refusal).value, []).append(f"`{refusal.value}`")
    rows = (
        (f'({code.value}, {code.scheme}, "{code.meaning}")', _why(code.value, by_code.get(code.value, [])))
        for code in vars(Reasons).values()
        if hasattr(code, "meaning")
    )
    return table(("Procedure Step Discontinuation Reason Code", "when"), rows)


WHY: Final = {
    "110500": "where whoever asks for cancellation proposes it",
    "110501": "counting failed for a reason of the node's own",
    "110513": "cancellation was asked for without a reason; a person discarded the slide",
    "110522": "the input names no whole slide image",
    "110523": "the input did not come in time, or the slide did not become complete",
}


def _why(value: str, refusals: list[str]) -> str:
    said = [WHY[value]] if value in WHY else []
    return "; ".join([*said, *([f"the slide was refused: {', '.join(refusals)}"] if refusals else [])])


def routes() -> Iterator[str]:
    """Resources of the worklist that the node's command serves."""
    nothing = SimpleNamespace(store=None, hub=None)
    rows = (
        (" ".join(sorted(_methods(route))), f"`{route.path}`", route.endpoint.__name__.replace("_", " "))
        for route in worklist_app(nothing).routes  # type: ignore[arg-type]
    )
    return table(("method", "resource", "transaction"), rows)


def _methods(route: Route | WebSocketRoute) -> set[str]:
    return set(getattr(route, "methods", ())) - {"HEAD"} or {"WebSocket"}


def origin_statuses() -> Iterator[str]:
    """How that worklist answers."""
    transactions = (
        ("create", outcome_of_creation, (Lock.RIGHT,)),
        ("update", outcome_of_update, (Lock.RIGHT,)),
        ("change state", outcome_of_change, (Lock.RIGHT, Lock.MISSING)),
        ("request cancellation", outcome_of_cancel_request, (Lock.RIGHT,)),
    )
    rows = (
        (name, f"{int(found[0])}", _said(status) + (" None was given." if lock is Lock.MISSING else ""), found[1])
        for name, outcome, locks in transactions
        for status in UpsStatus
        for lock in locks
        if (found := _found(outcome, Answer(status, lock=lock))) and (lock is Lock.RIGHT or status in LOCKED)
    )
    return table(("transaction", "HTTP status", "when", "Warning 299"), rows)


LOCKED: Final = {UpsStatus.WRONG_TRANSACTION}


def _found(outcome: Callable[[Answer], tuple[HTTPStatus, str]], answer: Answer) -> tuple[HTTPStatus, str] | None:
    try:
        return outcome(answer)
    except KeyError:
        return None


UPS_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "ups-messages": messages,
    "ups-answers": answers,
    "ups-events": events,
    "ups-reasons": reasons,
    "upsrs-answers": web_answers,
    "worklist-resources": routes,
    "worklist-statuses": origin_statuses,
}
