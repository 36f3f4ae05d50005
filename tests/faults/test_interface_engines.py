"""Receivers of HL7 v2 that fail in every way: each message is filed once, or is a dead letter with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from hl7_messages import SITE, segments
from made_up_reports import reports
from made_up_result import CONTEXT, make_result
from marrowcount.ports import DeliveryKind, DeliveryOrder
from marrowcount.review import counted
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock
from marrowcount.workflow.deliver import deliver_once
from marrowcount_adapters.hl7v2 import Authority, encode_oru, kept_oru, ready
from marrowcount_adapters.mllp import MllpDestination
from marrowcount_adapters.sql import open_ledger
from mllp_receivers import Answer, Received, asyncio_receiver, framed_ack, number_of, scripted, strict_receiver
from owing import NOW, count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.ports import Delivery
    from marrowcount_adapters.hl7v2 import Hl7Settings
    from marrowcount_adapters.sql import SqlLedger

STEP_S = 300
HOUR_S = 3600
TURNS = ("preliminary", "final", "corrected", "entered-in-error")


@dataclass
class Site:
    """A node that owes messages, its ledger on the disk, its clock in the hand."""

    folder: Path
    ledger: SqlLedger
    clock: HeldClock = field(default_factory=lambda: HeldClock(NOW))
    random: Random = field(default_factory=lambda: Random(5))  # noqa: S311 - jitter guards no secret

    def owe(self, slide: str, name: str, message: bytes, revision: int = 1) -> None:
        """A version of a slide's report."""
        (self.folder / name).write_bytes(message)
        count(self.ledger, DeliveryOrder(DeliveryKind.HL7V2, "engine", (name,)), slide=slide, revision=revision)

    def deliver(self, port: int, seconds: int, settings: Hl7Settings = SITE, timeout_s: float = 5.0) -> None:
        """What is due is sent, for so long."""
        engine = MllpDestination("engine", "127.0.0.1", port, partial(ready, settings=settings), timeout_s)
        for _ in range(0, seconds, STEP_S):
            while deliver_once(
                self.ledger,
                self.clock,
                "sender",
                {"engine": engine},
                self.folder.joinpath,
                random=self.random,
            ):
                pass
            self.clock.advance(STEP_S)

    @property
    def deliveries(self) -> list[Delivery]:
        return list(self.ledger.deliveries())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield Site(tmp_path, ledger)
    ledger.close()


def message_of(number: int) -> bytes:
    """Of one slide of many."""
    context = replace(CONTEXT, series_uid=f"2.25.{number}", patient_id=f"MRN{number}")
    return encode_oru(counted(make_result(context=context)), replace(SITE, with_details=False))


def whimsical(seed: int) -> Answer:
    """Answers as bad luck has it: files, hangs up before or after filing, rejects, answers for others as well."""
    random = Random(seed)  # noqa: S311 - chance that can be repeated

    def answer(received: Received, message: bytes) -> bytes | None:
        number = number_of(message)
        match random.choice(["file", "file", "hang up", "hang up unread", "reject", "foreign"]):
            case "file":
                return framed_ack("AA", number)
            case "hang up":
                return None
            case "hang up unread":
                received.arrived.pop()
                return None
            case "reject":
                received.arrived.pop()
                return framed_ack("AR", number)
            case _:
                return framed_ack("AA", "ANOTHER") + framed_ack("AA", number)

    return answer


@pytest.mark.parametrize("seed", range(5))
def test_everything_is_filed_once_whatever_happens(site: Site, seed: int) -> None:
    """A receiver that knows numbers files each message once, however often it comes; nothing is lost."""
    messages = {f"slide-{number}.hl7": message_of(number) for number in range(8)}
    with scripted(whimsical(seed)) as (port, received):
        for number, (name, message) in enumerate(messages.items()):
            site.owe(f"1.2.{number}", name, message)
        site.deliver(port, 4 * HOUR_S)
    assert {each.state for each in site.deliveries} == {DeliveryState.DELIVERED}
    assert received.filed == {number_of(message): message for message in messages.values()}


def test_a_day_without_a_receiver_is_made_up_for(site: Site) -> None:
    """All waits, nothing is given up, and one pause after its return all is filed."""
    with scripted(lambda *_: None) as (port, _):
        pass
    site.owe("1.2.8", "a.hl7", message_of(8))
    site.deliver(port, 24 * HOUR_S)
    assert [each.state for each in site.deliveries] == [DeliveryState.WAITING]
    with asyncio_receiver() as (port, received):
        site.deliver(port, HOUR_S)
    assert [each.state for each in site.deliveries] == [DeliveryState.DELIVERED]
    assert len(received.filed) == 1


def test_versions_of_a_report_arrive_in_their_order_at_a_strict_receiver(site: Site) -> None:
    """Preliminary, final, corrected, withdrawn: what a record system has in the end is what the person said last."""
    with strict_receiver() as (port, received):
        for revision, name in enumerate(TURNS, start=1):
            site.owe("1.2.8", f"{name}.hl7", encode_oru(reports()[name], replace(SITE, with_details=False)), revision)
            site.deliver(port, STEP_S)
    assert {each.state for each in site.deliveries} == {DeliveryState.DELIVERED}
    assert [segments(message, "OBR")[0][25] for message in received.arrived] == ["P", "F", "C", "X"]
    assert len({segments(message, "OBR")[0][3] for message in received.arrived}) == 1


@pytest.mark.parametrize(("code", "attempts"), [("AE", 1), ("AR", 8), ("CE", 8), ("CR", 1)])
def test_what_is_refused_is_a_dead_letter_with_its_reason(site: Site, code: str, attempts: int) -> None:
    """After one attempt or some; the reason is a code and a place, fit to be listed."""
    site.owe("1.2.8", "a.hl7", message_of(8))
    more = "ERR||PID^1^3|204^Unknown key^HL70357|E||||Müller"
    with scripted(lambda _, message: framed_ack(code, number_of(message), more)) as (port, _):
        site.deliver(port, 6 * HOUR_S)
    (dead,) = site.deliveries
    assert (dead.state, dead.attempts) == (DeliveryState.DEAD, attempts)
    assert dead.last_error == f"hl7-{code.lower()}: engine answered {code} (204, PID-1-3)"
    history = [event.detail for event in site.ledger.events("1.2.8")]
    assert not [detail for detail in history if "Müller" in detail or "MRN" in detail]


def test_silence_is_not_delivery(site: Site) -> None:
    """A receiver that files and never acknowledges: the same message comes again until it does."""
    site.owe("1.2.8", "a.hl7", message_of(8))
    with scripted(lambda *_: b"") as (port, received):
        site.deliver(port, 2 * STEP_S, timeout_s=0.1)
    assert [each.state for each in site.deliveries] == [DeliveryState.WAITING]
    assert len(received.arrived) > 1
    assert len(received.filed) == 1


def test_an_unknown_patient_waits_until_the_site_names_the_issuer(site: Site) -> None:
    """Nothing leaves, whatever the time; once the settings know the issuer, it leaves by itself."""
    report = counted(make_result(context=replace(CONTEXT, patient_id_issuer="ELSEWHERE")))
    site.owe("1.2.8", "a.hl7", kept_oru(report, SITE))
    known = replace(SITE, authorities={"ELSEWHERE": Authority("ELSE", "1.2.77", "ISO")})
    with asyncio_receiver() as (port, received):
        site.deliver(port, HOUR_S)
        (stuck,) = site.deliveries
        assert stuck.state is DeliveryState.HELD
        assert received.arrived == []
        assert "unmapped-patient-issuer" in stuck.last_error
        site.deliver(port, HOUR_S, known)
    assert [each.state for each in site.deliveries] == [DeliveryState.DELIVERED]
    assert segments(received.arrived[0], "PID")[0][3] == "MRN00017^^^ELSE&1.2.77&ISO^MR"
