"""A small worklist by UPS-RS (PS3.18 section 11) with a database of its own, for tests and sites that have none."""

from marrowcount_adapters.ups_worklist.app import worklist_app
from marrowcount_adapters.ups_worklist.events import EventHub
from marrowcount_adapters.ups_worklist.operations import WorklistOperations, WorklistRules
from marrowcount_adapters.ups_worklist.serving import WorklistServer
from marrowcount_adapters.ups_worklist.store import open_store

__all__ = ["EventHub", "WorklistOperations", "WorklistRules", "WorklistServer", "open_store", "worklist_app"]
