"""Storage commitment in both roles, as a part of the DICOM service: what is asked of the node, what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.main.giving import HOUR_S, asking_policy
from marrowcount.main.securing import pacs_context
from marrowcount.settings import PacsSection
from marrowcount.workflow.answering import Answering, AnsweringPolicy, Scrutiny, take_request
from marrowcount.workflow.commitment import chase_commitments
from marrowcount_adapters.dimse import Calling, CommitmentRequests, DicomReporter, Peer
from marrowcount_adapters.schedule import Tick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.main.parts import Parts
    from marrowcount.settings import RequesterSection, Settings

__all__ = ["CommitmentRoles", "answering_policy", "commitment_roles", "requesters"]

ANSWER_EVERY_S: Final = 1.0
CHASE_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class CommitmentRoles:
    """What the listener takes over, and what is done every now and then."""

    requests: CommitmentRequests
    ticks: tuple[Tick, ...]


def commitment_roles(parts: Parts) -> CommitmentRoles:
    """Both roles of a node."""
    settings = parts.settings
    requests = CommitmentRequests(
        lambda request: take_request(request, parts.commitments, parts.expectations, parts.clock),
        settings.commitment.most_instances,
    )
    answering = Answering(
        parts.commitments,
        parts.ledger,
        parts.store,
        parts.clock,
        DicomReporter(requesters(settings), requests),
        policy=answering_policy(settings),
    )
    asking = asking_policy(settings)
    answer = Tick("answer commitment", ANSWER_EVERY_S, answering.step)
    chase = Tick("chase commitment", CHASE_EVERY_S, lambda: bool(chase_commitments(parts.ledger, parts.clock, asking)))
    return CommitmentRoles(requests, (answer, chase))


def answering_policy(settings: Settings) -> AnsweringPolicy:
    """How requests are answered."""
    section = settings.commitment
    return AnsweringPolicy(
        scrutiny=Scrutiny(section.verify), wait_s=section.wait_s, give_up_after_s=section.give_up_after_h * HOUR_S
    )


def requesters(settings: Settings) -> Mapping[str, tuple[Peer, Calling]]:
    """Where requesters listen, by AE title; one that is named as such wins over a PACS of the same title."""
    known = [*settings.pacs, *map(_as_pacs, settings.requester)]
    return {
        pacs.ae_title: (
            Peer(pacs.ae_title, pacs.host, pacs.port),
            Calling(settings.node.ae_title, tls=pacs_context(pacs, settings)),
        )
        for pacs in known
    }


def _as_pacs(requester: RequesterSection) -> PacsSection:
    return PacsSection(
        name=requester.ae_title,
        ae_title=requester.ae_title,
        host=requester.host,
        port=requester.port,
        commitment=False,
        tls=requester.tls,
        tls_authorities=requester.tls_authorities,
        tls_check_host=requester.tls_check_host,
    )
