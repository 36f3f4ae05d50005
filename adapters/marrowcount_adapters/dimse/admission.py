"""Who may open an association (PS3.8 section 9.3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, cast

import structlog

if TYPE_CHECKING:
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import A_ASSOCIATE

    from marrowcount_adapters.dimse.peers import Caller

__all__ = ["Admission", "Rejection"]

LOG: Final = structlog.get_logger()


class Rejection(Enum):
    """Result, source and reason of A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    CALLING_AE_TITLE_NOT_RECOGNISED = (1, 1, 3)
    CALLED_AE_TITLE_NOT_RECOGNISED = (1, 1, 7)


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules.

    Attributes:
        ae_title: that callers must call.
        callers: who may; empty for anybody.
    """

    ae_title: str
    callers: tuple[Caller, ...]

    def judge(self, calling: str, called: str, address: str) -> Rejection | None:
        """None where the caller may come in."""
        if called != self.ae_title:
            return Rejection.CALLED_AE_TITLE_NOT_RECOGNISED
        if self.callers and not any(c.ae_title == calling and c.address in {"", address} for c in self.callers):
            return Rejection.CALLING_AE_TITLE_NOT_RECOGNISED
        return None

    def screen(self, event: Event) -> None:
        """Handle EVT_REQUESTED: reject a caller that may not come in."""
        association, request = event.assoc, cast("A_ASSOCIATE", event.assoc.requestor.primitive)
        calling, called = request.calling_ae_title.strip(), request.called_ae_title.strip()
        address = _plain(association.requestor.address)
        rejection = self.judge(calling, called, address)
        if rejection is None:
            return
        association.acse.send_reject(*rejection.value)
        LOG.warning("association.rejected", reason=rejection.name, calling=calling, called=called, address=address)
        association.kill()


def _plain(address: str) -> str:
    """The address as people write it: a socket for both families shows IPv4 as ``::ffff:10.0.0.5``."""
    mapped = getattr(ip_address(address.partition("%")[0]), "ipv4_mapped", None)
    return str(mapped or address)
