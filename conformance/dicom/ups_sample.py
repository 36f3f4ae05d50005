"""A worklist that only notes what it is sent, and answers everything with one status: the node's own code calls it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import httpx
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from marrowcount.ports import PerformedStep, StepProgress
from marrowcount.testing import HeldClock
from marrowcount.workitems import Code, Discontinuation, InstanceReference, ReferencedSeries
from marrowcount.workitems.codes import Reasons
from marrowcount_adapters.ups import DimseUps, UpsWorklist, Wanted, WebUps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pynetdicom.presentation import PresentationContext

    from marrowcount_adapters.ups.worklist import UpsService

NODE: Final = "MARROWCOUNT"
STATION: Final = Code("NODE", "99LAB", "node")
WORK: Final = Code("DIFF", "99LAB", "differential")
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
OUTPUT: Final = ReferencedSeries("1.2", "1.3", (InstanceReference("1.2.840.10008.5.1.4.1.1.88.33", "1.4"),), (NODE,))
PERFORMED: Final = PerformedStep(STATION, (WORK,), NOW, NOW, (OUTPUT,))
WHY: Final = Discontinuation(Reasons.OBJECTS_MISSING, "words")


@dataclass(frozen=True, slots=True)
class Message:
    """A request of the node.

    Attributes:
        context: SOP Class of the presentation context.
        type_id: Action Type ID; 0 for other services.
        instance: UID of the SOP Instance; empty for C-FIND.
        keywords: of the attributes in it.
    """

    context: str
    service: str
    type_id: int
    instance: str
    keywords: tuple[str, ...]


@dataclass(slots=True)
class NotingWorklist:
    """Takes the place of an association."""

    status: int = 0
    messages: list[Message] = field(default_factory=list)
    accepted_contexts: Sequence[PresentationContext] = ()
    _context: str = ""

    @contextmanager
    def called(self, contexts: Sequence[PresentationContext]) -> Iterator[NotingWorklist]:
        """As :func:`marrowcount_adapters.dimse.association.called`, without a peer."""
        self._context, self.accepted_contexts = str(contexts[0].abstract_syntax), contexts
        for context in contexts:
            context.transfer_syntax = context.transfer_syntax[:1]  # a peer chooses one
        yield self

    def send_c_find(self, identifier: Dataset, _model: str) -> Iterator[tuple[Dataset, None]]:
        """Search."""
        self._note("C-FIND", identifier)
        yield self._answer(), None

    def send_n_get(self, tags: Sequence[int], _uid: str, instance: str, **_: str) -> tuple[Dataset, None]:
        """Retrieve."""
        keywords = tuple(map(keyword_for_tag, tags))
        self.messages.append(Message(self._context, "N-GET", 0, instance, keywords))
        return self._answer(), None

    def send_n_set(self, update: Dataset, _uid: str, instance: str, **_: str) -> tuple[Dataset, None]:
        """Update."""
        self._note("N-SET", update, instance)
        return self._answer(), None

    def send_n_action(self, said: Dataset, kind: int, _uid: str, instance: str, **_: str) -> tuple[Dataset, None]:
        """Change the state, or subscribe."""
        self._note("N-ACTION", said, instance, kind)
        return self._answer(), None

    def _note(self, service: str, said: Dataset, instance: str = "", type_id: int = 0) -> None:
        keywords = tuple(element.keyword for element in said)
        self.messages.append(Message(self._context, service, type_id, instance, keywords))

    def _answer(self) -> Dataset:
        answer = Dataset()
        answer.Status = self.status
        return answer


@dataclass(frozen=True, slots=True)
class AnsweringWeb(WebUps):
    """UPS-RS where each change is answered alike, and a workitem looked at afterwards has this state.

    Attributes:
        status: of HTTP, to what changes something.
        update_status: of HTTP, to an update, where that is answered otherwise than a change of state; 0 where not.
        warning: the text of the Warning header.
        state: Procedure Step State; empty for a workitem that is not known.
    """

    status: int = 200
    update_status: int = 0
    warning: str = ""
    state: str = ""

    def _request(
        self, method: str, path: str, *, body: Dataset | None = None, params: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, httpx.Headers, bytes]:
        del path, body, params
        if method != "GET":
            status = (method == "POST" and self.update_status) or self.status
            return status, httpx.Headers({"Warning": f"299 worklist: {self.warning}"}), b""
        if not self.state:
            return 404, httpx.Headers(), b""
        return 200, httpx.Headers(), json.dumps([_stated(self.state)]).encode()


def _stated(state: str) -> Mapping[str, object]:
    return {"00741000": {"vr": "CS", "Value": [state]}}


def worklist_over(service: UpsService) -> UpsWorklist:
    """The node's part, over some service."""
    return UpsWorklist("worklist", service, Wanted(STATION, workitem_codes=(WORK,)), UTC, HeldClock(NOW))


def dimse_worklist(noting: NotingWorklist) -> UpsWorklist:
    """The node's part by DIMSE."""
    return worklist_over(DimseUps("worklist", NODE, noting.called))


def performed_by_dimse() -> Mapping[str, Sequence[Message]]:
    """What the node sends, by what it does."""
    noting = NotingWorklist()
    worklist, service = dimse_worklist(noting), DimseUps("worklist", NODE, noting.called)
    doings = {
        "looks for work": worklist.scheduled,
        "asks for the input that a search left out": lambda: service.get("1.9"),
        "claims it": lambda: worklist.claim("1.9", "1.8"),
        "tells progress": lambda: worklist.report("1.9", "1.8", StepProgress(50, "words")),
        "completes it": lambda: worklist.complete("1.9", "1.8", PERFORMED),
        "cancels it": lambda: worklist.cancel("1.9", "1.8", WHY),
        "subscribes": worklist.subscribe,
    }
    said: dict[str, Sequence[Message]] = {}
    for doing, do in doings.items():
        noting.messages = []
        do()
        said[doing] = noting.messages
    return said
