"""Instance Availability Notification, as another program sends it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from marrowcount.errors import StorageError
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.testing import HeldClock
from marrowcount_adapters.dimse.contexts import AVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Node
    from pynetdicom.association import Association

UID = "2.25.77"


@contextmanager
def manager(node: Node) -> Iterator[Association]:
    entity = AE(ae_title="MANAGER")
    entity.add_requested_context(AVAILABILITY)
    association = entity.associate("127.0.0.1", node.listener.port, ae_title="MARROWCOUNT")
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def notification(*named: tuple[str, str], series: str = "1.2.3") -> Dataset:
    """Of instances and their availability (PS3.4 Table R.3.2-1)."""
    said, of_series = Dataset(), Dataset()
    said.ReferencedPerformedProcedureStepSequence = []
    said.StudyInstanceUID = "1.2"
    of_series.SeriesInstanceUID = series
    of_series.ReferencedSOPSequence = [item_of(*one) for one in named]
    said.ReferencedSeriesSequence = [of_series]
    return said


def item_of(uid: str, availability: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = WSM_SOP_CLASS_UID, uid
    item.InstanceAvailability, item.RetrieveAETitle = availability, "MANAGER"
    return item


def create(node: Node, said: Dataset, uid: str | None = UID) -> int:
    with manager(node) as association:
        status, _ = association.send_n_create(said, AVAILABILITY, uid)
        return int(status.Status)


def test_what_a_notification_names_is_awaited(node: Node) -> None:
    """With its series, class and sender; what can no longer be had is not."""
    said = notification(("1.2.3.1", "ONLINE"), ("1.2.3.2", "NEARLINE"), ("1.2.3.3", "UNAVAILABLE"))
    assert create(node, said) == 0x0000
    named = tuple(ExpectedInstance(f"1.2.3.{number}", WSM_SOP_CLASS_UID, "1.2.3") for number in (1, 2))
    heard = Expectation(ExpectationSource.AVAILABILITY, UID, "MANAGER", named, HeldClock().now())
    assert list(node.expectations.naming("1.2.3", [])) == [heard]


def test_the_same_notification_again_does_no_harm(node: Node) -> None:
    """A manager that lost the answer asks again."""
    said = notification(("1.2.3.1", "ONLINE"))
    assert (create(node, said), create(node, said)) == (0x0000, 0x0000)
    assert len(node.expectations.naming("1.2.3", [])) == 1


def test_another_notification_with_the_same_uid_is_a_duplicate(node: Node) -> None:
    """0111H, and the first one stands."""
    create(node, notification(("1.2.3.1", "ONLINE")))
    assert create(node, notification(("1.2.3.2", "ONLINE"))) == 0x0111
    (stands,) = node.expectations.naming("1.2.3", [])
    assert [item.sop_instance_uid for item in stands.instances] == ["1.2.3.1"]


def test_a_notification_without_uid_gets_one(node: Node) -> None:
    """The caller may leave it to the node (PS3.7 section 10.1.5.1.4)."""
    assert create(node, notification(("1.2.3.1", "ONLINE")), None) == 0x0000
    (heard,) = node.expectations.naming("1.2.3", [])
    assert heard.key.startswith("2.25.") or heard.key.startswith("1.2.826.")


@pytest.mark.parametrize("lacking", ["StudyInstanceUID", "ReferencedSeriesSequence", "SeriesInstanceUID", "item"])
def test_a_notification_that_is_not_whole_is_refused(node: Node, lacking: str) -> None:
    """0120H, and nothing is awaited for it."""
    said = notification(("1.2.3.1", "ONLINE"))
    if lacking == "SeriesInstanceUID":
        del said.ReferencedSeriesSequence[0].SeriesInstanceUID
    elif lacking == "item":
        del said.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    else:
        delattr(said, lacking)
    assert create(node, said) == 0x0120
    assert node.expectations.find(ExpectationSource.AVAILABILITY, UID) is None


def test_a_notification_that_cannot_be_kept_is_not_acknowledged(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """0110H, so that the manager tries again."""

    def fail(*_: object) -> None:
        raise StorageError("database-failed", "away")

    monkeypatch.setattr(node.expectations, "expect", fail)
    assert create(node, notification(("1.2.3.1", "ONLINE"))) == 0x0110
