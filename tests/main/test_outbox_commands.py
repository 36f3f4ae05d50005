"""What people see of what is owed, and what they decide about it, at the command line."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import CommitmentRequest, DeliveryKind, DeliveryOrder, EventKind, Reference, TakenFile
from marrowcount_adapters.sql import SqlCommitments, open_ledger
from owing import NOW, PACS, SLIDE, count, lease, states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from marrowcount_adapters.sql import SqlLedger

SIGNED = ("--by", "A. Person", "--reason", "the archive is back")
CLOUD = DeliveryOrder(DeliveryKind.STOW, "cloud", ("ann.dcm",))


@pytest.fixture
def command(run_command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[node]\ndata_folder = "{tmp_path}/node"\n', encoding="utf-8")
    return lambda *words: run_command(*words, "--settings", settings)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    """One dead letter, of which the annotations were taken, and one delivery that waits."""
    with closing(open_ledger(f"sqlite:///{tmp_path}/node/ledger.sqlite")) as ledger:
        count(ledger, PACS, CLOUD)
        dead = lease(ledger)
        ledger.file_taken(dead, TakenFile("ann.dcm", "1.2.840.1", "1.2.8.1", code=0xB000))
        ledger.bury_delivery(dead, "instance-refused: A900H", NOW)
        yield ledger


def test_deliveries_are_listed_and_filtered(command: Callable[..., tuple[int, str, str]], ledger: SqlLedger) -> None:
    """By state and by destination, for people and for programs."""
    _, table, _ = command("outbox", "list")
    assert "instance-refused" in table
    assert "stow cloud" in table
    for options in (("--state", "dead"), ("--destination", "pacs")):
        status, out, _ = command("outbox", "list", "--json", *options)
        (only,) = json.loads(out)
        assert (status, only["delivery_id"], only["unsent"]) == (0, 1, ["sr.dcm"])
    assert json.loads(command("outbox", "list", "--json", "--state", "held")[1]) == []
    assert states(ledger) == ["dead", "waiting"]


def test_one_delivery_is_shown_file_by_file(command: Callable[..., tuple[int, str, str]], ledger: SqlLedger) -> None:
    """What was taken with which status, what is still to be sent, and what happened."""
    _, view, _ = command("outbox", "show", 1)
    for said in ("ann.dcm", "1.2.8.1", "B000H", "to be sent", "delivery-buried", "instance-refused: A900H"):
        assert said in view
    document = json.loads(command("outbox", "show", 1, "--json")[1])
    assert document["taken"][0]["sop_instance_uid"] == "1.2.8.1"
    assert document["events"][-1]["kind"] == "delivery-buried"
    assert ledger.delivery(1) is not None


def test_a_dead_letter_is_sent_again(command: Callable[..., tuple[int, str, str]], ledger: SqlLedger) -> None:
    """Who said so, and why, stays in the slide's history."""
    assert command("outbox", "retry", 1, *SIGNED) == (0, "1: sent again\n", "")
    assert states(ledger) == ["waiting", "waiting"]
    told = ledger.events(SLIDE)[-1]
    assert told.kind is EventKind.DELIVERY_REVIVED
    assert "A. Person: the archive is back" in told.detail


def test_all_dead_letters_of_a_destination_are_sent_again(
    command: Callable[..., tuple[int, str, str]], ledger: SqlLedger
) -> None:
    """After a long outage nobody types numbers."""
    assert command("outbox", "retry", "--state", "dead", "--destination", "cloud", *SIGNED)[:2] == (0, "")
    assert command("outbox", "retry", "--state", "dead", *SIGNED)[:2] == (0, "1: sent again\n")
    assert states(ledger) == ["waiting", "waiting"]
    assert command("outbox", "retry", *SIGNED)[0] == 2


def test_a_delivery_is_held_and_dropped(command: Callable[..., tuple[int, str, str]], ledger: SqlLedger) -> None:
    """And both are taken back by sending it again."""
    assert command("outbox", "hold", 2, *SIGNED)[0] == 0
    assert states(ledger) == ["dead", "held"]
    assert command("outbox", "drop", 1, 2, *SIGNED)[0] == 0
    assert states(ledger) == ["dropped", "dropped"]
    assert command("outbox", "retry", 1, 2, *SIGNED)[0] == 0
    assert states(ledger) == ["waiting", "waiting"]


@pytest.mark.parametrize("deed", ["retry", "hold", "drop"])
def test_what_cannot_be_done_is_said_with_status_1(
    command: Callable[..., tuple[int, str, str]], ledger: SqlLedger, deed: str
) -> None:
    """What could be done is done all the same."""
    status, out, err = command("outbox", deed, 2, 99, *SIGNED)
    assert (status, out.startswith("2: ")) == (1, True)
    assert err.startswith("marrowcount: 99 ")
    assert command("outbox", "show", 99)[0] == 1
    assert len(ledger.deliveries()) == 2


@pytest.mark.parametrize("deed", ["retry", "hold", "drop"])
def test_a_decision_without_name_and_reason_is_refused(
    command: Callable[..., tuple[int, str, str]], ledger: SqlLedger, deed: str
) -> None:
    """Nothing is done that nobody answers for."""
    before = ledger.events(SLIDE)
    assert command("outbox", deed, 1)[0] == 2
    assert command("outbox", deed, 1, "--by", "A. Person")[0] == 2
    assert ledger.events(SLIDE) == before


def test_requests_for_commitment_are_listed_and_revived(
    command: Callable[..., tuple[int, str, str]], ledger: SqlLedger
) -> None:
    """A requester whom nobody named is answered once the settings name it."""
    requests = SqlCommitments(ledger)
    requests.record_request(CommitmentRequest("2.25.1", "SCANNER", (Reference("1.2", "1.2.3"),)), NOW)
    task = requests.lease_request("node", NOW, 60)
    assert task is not None
    requests.bury_request(task, task.instances, "requester-unknown: name it")
    assert "requester-unknown" in command("commitments", "list")[1]
    (listed,) = json.loads(command("commitments", "list", "--json", "--state", "dead")[1])
    assert (listed["transaction_uid"], listed["state"]) == ("2.25.1", "dead")
    assert command("commitments", "retry", 1) == (0, "1: answered again\n", "")
    assert command("commitments", "retry", 1)[0] == 1
