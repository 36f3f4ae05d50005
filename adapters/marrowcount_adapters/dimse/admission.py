"""Who may open an association, and for what (PS3.8 sections 9.3.3 and 9.3.4)."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

import structlog
from pydicom.uid import UID

from marrowcount.workflow.access import AccessRules, Claim, Service, certificate_names, plain_address
from marrowcount_adapters.dimse.contexts import COMMITMENT, VERIFICATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import A_ASSOCIATE
    from pynetdicom.transport import AssociationSocket

__all__ = ["Admission", "Rejection", "claim_of", "service_of"]

LOG: Final = structlog.get_logger()

SERVICE_ROOTS: Final = (
    (COMMITMENT, Service.COMMITMENT),
    ("1.2.840.10008.5.1.4.34.6", Service.WORKLIST),
    ("1.2.840.10008.5.1.4.33", Service.NOTIFY),
    ("1.2.840.10008.5.1.4.1.2", Service.QUERY),
    ("1.2.840.10008.5.1.4.1.1", Service.STORE),
)
"""SOP classes by the beginning of their UID (PS3.6 Table A-1)."""


class Rejection(Enum):
    """Result, source and reason of A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)
    CALLED_AE_TITLE_NOT_RECOGNISED = (1, 1, 7)


def _unheard(claim: Claim, reason: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules.

    Attributes:
        ae_title: that callers must call.
        access: who may come in, and for what.
        on_refusal: told of each that may not.
    """

    ae_title: str
    access: AccessRules
    on_refusal: Callable[[Claim, str], None] = field(default=_unheard)

    def judge(self, claim: Claim, called: str) -> Rejection | frozenset[Service]:
        """Why the caller may not come in, or what it may ask for."""
        if called != self.ae_title:
            return Rejection.CALLED_AE_TITLE_NOT_RECOGNISED
        services = self.access.services_for(claim)
        return Rejection.CALLING_AE_TITLE_NOT_RECOGNISED if services is None else services

    def screen(self, event: Event) -> None:
        """Handle EVT_REQUESTED: reject a caller that may not come in, and offer the others what they may ask for."""
        association, request = event.assoc, cast("A_ASSOCIATE", event.assoc.requestor.primitive)
        claim, called = claim_of(association), request.called_ae_title.strip()
        judged = self.judge(claim, called)
        if isinstance(judged, Rejection):
            self._reject(association, claim, judged, called)
        else:
            _offer(association, judged)

    def _reject(self, association: Association, claim: Claim, rejection: Rejection, called: str) -> None:
        association.acse.send_reject(*rejection.value)
        LOG.warning(
            "association.rejected",
            reason=rejection.name,
            calling=claim.ae_title,
            called=called,
            address=claim.address,
            certificate=bool(claim.certificate),
        )
        self.on_refusal(claim, rejection.name)
        association.kill()


def service_of(sop_class_uid: str) -> Service | None:
    """What a caller that proposes a class wants; None for what anybody admitted may (Verification)."""
    if sop_class_uid == VERIFICATION:
        return None
    found = (service for root, service in SERVICE_ROOTS if f"{sop_class_uid}.".startswith(f"{root}."))
    return next(found, Service.STORE)


def claim_of(association: Association) -> Claim:
    """Who calls, as far as that can be known when it has asked for an association."""
    request = cast("A_ASSOCIATE", association.requestor.primitive)
    address = plain_address(association.requestor.address)
    return Claim(request.calling_ae_title.strip(), address, _certificate_of(association))


def _certificate_of(association: Association) -> frozenset[str]:
    connection = cast("AssociationSocket", association.dul.socket).socket
    if not isinstance(connection, ssl.SSLSocket):
        return frozenset()
    encoded = connection.getpeercert(binary_form=True)
    return certificate_names(connection.getpeercert(), hashlib.sha256(encoded or b"").hexdigest())


def _offer(association: Association, services: frozenset[Service]) -> None:
    """Refuse the presentation contexts of other services one by one, as PS3.8 Table 9-18 has it."""
    supported = association.acceptor.supported_contexts
    allowed = [context for context in supported if service_of(UID(str(context.abstract_syntax))) in {None, *services}]
    if len(allowed) < len(supported):
        association.acceptor.supported_contexts = allowed
