"""pynetdicom's state machine for calls, guarded against answers that it does not foresee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import structlog
from pynetdicom.pdu_primitives import A_P_ABORT

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.transport import AssociationSocket

__all__ = ["guard_call"]

LOG: Final = structlog.get_logger()


def guard_call(association: Association) -> None:
    """End a call whose peer answers with values or in an order that the standard lacks, as if it had aborted.

    pynetdicom's thread would die of it, leave the connection open, and let the caller wait for its timeout.
    """
    provider, act = association.dul, association.dul.state_machine.do_action

    def guarded(event: str) -> None:
        try:
            act(event)
        except Exception as error:  # noqa: BLE001 - whatever a peer answers, at the process boundary
            LOG.warning("association.broken", error=type(error).__name__)
            provider.kill_dul()
            cast("AssociationSocket", provider.socket).close()
            provider.to_user_queue.put(A_P_ABORT())

    provider.state_machine.do_action = guarded  # type: ignore[method-assign] # the one place all events pass
