"""How results are given back, and answered for, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from marrowcount.workflow.circuit import CircuitPolicy
from marrowcount.workflow.commitment import AskingPolicy
from marrowcount.workflow.deliver import RetryPolicy, deliver_once
from marrowcount_adapters.schedule import Tick

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from marrowcount.ports import Clock, Destination, Outbox
    from marrowcount.settings import Settings

__all__ = ["Sending", "asking_policy", "retry_policy"]

HOUR_S: Final = 3600.0
MINUTE_S: Final = 60.0

SEND_EVERY_S: Final = 0.5
"""Between two looks for something to send, in seconds."""

STRAYS_EVERY_S: Final = 60.0
"""Between two looks for what is owed to destinations that no longer stand in the settings, in seconds."""


@dataclass(frozen=True, slots=True)
class Sending:
    """The senders: one for each destination, so that one that is dead or slow keeps no other waiting."""

    outbox: Outbox
    clock: Clock
    name: str
    destinations: Mapping[str, Destination]
    results: Path
    policy: RetryPolicy
    lease_s: float = 120.0

    def ticks(self) -> list[Tick]:
        """What is to be done again and again."""
        own = [Tick(f"send to {name}", SEND_EVERY_S, partial(self.send, name)) for name in self.destinations]
        return [*own, Tick("strays", STRAYS_EVERY_S, self.bury_strays)]

    def send(self, destination: str) -> bool:
        """Send what is due to one destination; False where nothing is."""
        return deliver_once(
            self.outbox,
            self.clock,
            self.name,
            self.destinations,
            self.results.joinpath,
            only=destination,
            policy=self.policy,
            lease_s=self.lease_s,
        )

    def bury_strays(self) -> bool:
        """Make dead letters of what is owed to destinations that are gone from the settings; False, as all is done."""
        for name in set(self.outbox.destinations_waiting()) - set(self.destinations):
            while self.send(name):
                pass
        return False


def retry_policy(settings: Settings) -> RetryPolicy:
    """When what failed is sent again, and when not any more."""
    section = settings.outbox
    return RetryPolicy(
        give_up_after_s=section.give_up_after_h * HOUR_S,
        look_again_s=section.recheck_identity_min * MINUTE_S,
        circuits=CircuitPolicy(most_failures=section.pause_after_failures, pause_s=section.pause_s),
    )


def asking_policy(settings: Settings) -> AskingPolicy:
    """What to do where a destination does not answer for what it took."""
    section = settings.commitment
    return AskingPolicy(section.ask_again_after_h * HOUR_S, section.most_asks, retry_policy(settings))
