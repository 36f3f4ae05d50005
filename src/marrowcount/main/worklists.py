"""The configured worklists, ready to be asked, and the node's part on each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from marrowcount.main.input_fetching import InputFetching
from marrowcount.main.result_references import ResultReferences
from marrowcount.main.securing import worklist_context
from marrowcount.ports.audit import Party
from marrowcount.settings import code_of
from marrowcount.workflow.performing import PerformerSettings, Performing
from marrowcount_adapters.dimse import Calling, Peer
from marrowcount_adapters.dimse.association import called  # pyright: ignore[reportUnknownVariableType] - of pynetdicom
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.ups import DimseUps, UpsWorklist, Wanted, WebUps

if TYPE_CHECKING:
    from marrowcount.main.parts import Parts
    from marrowcount.settings import Settings, WorklistSection
    from marrowcount.workflow.auditing import AuditTrail
    from marrowcount_adapters.ups.worklist import UpsService

__all__ = ["performing_of", "ups_service", "worklist_of"]

ANSWER_S: Final = 30.0
"""For a worklist to answer by DIMSE; it has no tapes to look at, and the node must be able to stop."""


def ups_service(section: WorklistSection, settings: Settings, trail: AuditTrail) -> WebUps | DimseUps:
    """How the worklist is asked; the audit trail is told of every search.

    Raises:
        SettingsError: the TLS files make no context.
    """
    tls, ae_title = worklist_context(section, settings), settings.node.ae_title
    on_query = trail.asking(Party(section.ae_title or section.url, section.host))
    if section.kind == "upsrs":
        return WebUps(
            section.name,
            section.url,
            ae_title,
            section.token_file,
            requester_in_path=section.requester_in_path,
            tls=tls,
            on_query=on_query,
        )
    peer = Peer(section.ae_title or "", section.host, section.port)
    calling = Calling(ae_title, answer_s=ANSWER_S, tls=tls)
    return DimseUps(section.name, ae_title, partial(called, peer, calling), on_query)


def worklist_of(section: WorklistSection, settings: Settings, service: UpsService) -> UpsWorklist:
    """The worklist as its performer sees it."""
    wanted = Wanted(
        code_of(section.station),
        section.unassigned,
        code_of(section.station_class) if section.station_class else None,
        tuple(map(code_of, section.workitem_codes)),
    )
    return UpsWorklist(section.name, service, wanted, ZoneInfo(settings.timezone), SystemClock())


def performing_of(section: WorklistSection, parts: Parts, worklist: UpsWorklist) -> Performing:
    """The node's part on a worklist."""
    how = PerformerSettings(
        code_of(section.station),
        most_open=section.most_open,
        input_wait_s=section.input_wait_s,
        look_s=section.look_s,
    )
    memory = parts.tasks, parts.ledger, parts.expectations, parts.clock
    return Performing(worklist, *memory, how, ResultReferences(parts.settings), InputFetching(parts))
