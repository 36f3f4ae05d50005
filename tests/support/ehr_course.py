"""A node's deliveries to an EHR through a faulty proxy, on a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from faulty_proxy import Fault, FaultyProxy, answering
from fhir_servers import write_bundle
from made_up_result import CONTEXT, make_result
from marrowcount.ports import CountedOutcome, Delivery, DeliveryKind, DeliveryOrder
from marrowcount.review import counted
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock, InMemoryLedger, made_up_instance
from marrowcount.workflow.deliver import RetryPolicy, deliver_once
from marrowcount_adapters.fhir_client import FhirDestination, Way, subject_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from marrowcount.result import CountResult

__all__ = ["LASTING", "PASSING", "Course"]

PASSING = (
    answering(401),
    answering(408),
    answering(409, "lock-error"),
    answering(425),
    answering(429, Retry_After="90"),
    answering(500),
    answering(502),
    answering(503, Retry_After="Mon, 05 Jan 2026 08:02:00 GMT"),
    answering(504, "timeout"),
    Fault("reset before", end="reset"),
    Fault("reset after", passes=True, end="reset"),
    Fault("silent before", end="silent"),
    Fault("silent after", passes=True, end="silent"),
    Fault("half an answer", passes=True, end="half"),
    Fault("500 after", passes=True, status=500),
    Fault("503 after", passes=True, status=503),
    answering(404),
    answering(410),
    answering(409, "conflict"),
    answering(412, "conflict"),
)
"""Faults after which a result is delivered; 404 to 412 are looked into at once, the rest is tried again later."""

LASTING: Mapping[int, Fault] = {status: answering(status, "invalid") for status in (400, 403, 406, 415, 422)}
"""Faults after which it is a dead letter."""


@dataclass
class Course:
    """What is owed to one EHR.

    Attributes:
        base_url: of the proxy before it.
    """

    folder: Path
    base_url: str
    proxy: FaultyProxy
    seed: int = 0
    clock: HeldClock = field(default_factory=HeldClock)
    ledger: InMemoryLedger = field(default_factory=InMemoryLedger)
    order: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ehr = FhirDestination("ehr", self.base_url, timeout_s=10)
        self.random = Random(self.seed)  # noqa: S311 - nobody is to be kept from guessing it

    def simpler(self, way: Way) -> None:
        """Write in this way alone."""
        self.ehr = FhirDestination("ehr", self.base_url, timeout_s=10, ways=frozenset({way}))

    def owe(self, slide: str, container: str, revision: int = 1) -> None:
        """A scan is counted; scans of one container are one specimen."""
        self.ledger.record_instance(made_up_instance(slide, revision, self.clock.now()))
        assert self.ledger.mark_ready(slide, revision, "complete", self.clock.now())
        job = self.ledger.lease_job("worker", self.clock.now(), 60)
        assert job is not None
        file = self.folder / f"{slide}-{revision}.json"
        write_bundle(file, counted(self._result(slide, container)))
        order = DeliveryOrder(DeliveryKind.FHIR, "ehr", (file.name,), subject_of(file))
        assert self.ledger.finish(job, CountedOutcome(slide, "{}", (order,)), self.clock.now())

    def _result(self, slide: str, container: str) -> CountResult:
        specimen = replace(CONTEXT.specimen, container_identifier=container)
        return make_result(context=replace(CONTEXT, series_uid=slide, specimen=specimen), counted_at=self.clock.now())

    def once(self) -> bool:
        """Send what is due, if anything is."""
        before = {each.delivery_id for each in self.ledger.deliveries() if each.state is DeliveryState.DELIVERED}
        sent = deliver_once(
            self.ledger,
            self.clock,
            "sender",
            {"ehr": self.ehr},
            self.folder.joinpath,
            only="ehr",
            policy=RetryPolicy(),
            random=self.random,
        )
        done = [each for each in self.ledger.deliveries() if each.state is DeliveryState.DELIVERED]
        self.order += [each.series_uid for each in done if each.delivery_id not in before]
        return sent

    def run(self, hours: float, step_s: float = 60.0) -> None:
        """Let time pass, sending what is due; until nothing waits."""
        for _ in range(int(hours * 3600 / step_s)):
            while self.once():
                pass
            if not self.waiting:
                return
            self.clock.advance(step_s)

    @property
    def waiting(self) -> list[Delivery]:
        """What is still to be sent."""
        states = {DeliveryState.WAITING, DeliveryState.SENDING}
        return [each for each in self.ledger.deliveries() if each.state in states]

    @property
    def states(self) -> list[DeliveryState]:
        """Of all deliveries, the oldest first."""
        return [each.state for each in self.ledger.deliveries()]
