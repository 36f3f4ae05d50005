"""Worklists of others: workitems claimed, reported on and ended by UPS-RS (PS3.18 section 11) or DIMSE (PS3.4 CC)."""

from marrowcount_adapters.ups.channel import EventChannel, WebSocketEvents
from marrowcount_adapters.ups.dimse_service import DimseUps, event_of_report
from marrowcount_adapters.ups.web_service import WebUps
from marrowcount_adapters.ups.worklist import UpsWorklist, Wanted

__all__ = ["DimseUps", "EventChannel", "UpsWorklist", "Wanted", "WebSocketEvents", "WebUps", "event_of_report"]
