"""A slide that was counted and owes its result, for the contracts of the outbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from marrowcount.ports import CountedOutcome, Delivery, DeliveryKind, DeliveryOrder
from marrowcount.testing import made_up_instance

if TYPE_CHECKING:
    from marrowcount.ports import Ledger

__all__ = ["EHR", "LEASE_S", "NOW", "OTHER", "PACS", "SLIDE", "after", "count", "lease", "states"]

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LEASE_S = 60.0
SLIDE, OTHER = "1.2.3", "1.2.4"
PACS = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm", "sr.dcm"))
EHR = DeliveryOrder(DeliveryKind.FHIR, "ehr", ("bundle.json",))


def after(seconds: float) -> datetime:
    """So long after the beginning."""
    return NOW + timedelta(seconds=seconds)


def count(ledger: Ledger, *orders: DeliveryOrder, slide: str = SLIDE, revision: int = 1) -> None:
    """Receive one more instance of a slide and count it."""
    ledger.record_instance(made_up_instance(slide, revision, NOW))
    assert ledger.mark_ready(slide, revision, "complete", NOW)
    job = ledger.lease_job("worker", NOW, LEASE_S)
    assert job is not None
    assert ledger.finish(job, CountedOutcome(f"{slide}/{revision}", "{}", orders), NOW)


def lease(ledger: Ledger, seconds: float = 0.0) -> Delivery:
    """The next delivery."""
    delivery = ledger.lease_delivery("sender", after(seconds), LEASE_S)
    assert delivery is not None
    return delivery


def states(ledger: Ledger) -> list[str]:
    """Where all deliveries stand, the oldest first."""
    return [str(delivery.state) for delivery in ledger.deliveries()]
