"""The time of day, and work that is done again and again, by APScheduler 3."""

from marrowcount_adapters.schedule.clock import SystemClock
from marrowcount_adapters.schedule.ticks import Tick, ticking

__all__ = ["SystemClock", "Tick", "ticking"]
