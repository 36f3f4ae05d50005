"""A service ends when it is told to, whichever of its threads the system gives the signal to."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, threading, time
from marrowcount.main.node import rest_until, until_terminated

def end():
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

def work(stop):
    # From here on the signal goes to the other thread, so that it wakes nobody in the main one.
    threading.Thread(target=end, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    rest_until(stop)
    print("ended")

until_terminated(work)
"""


def test_a_signal_that_wakes_nobody_ends_the_service() -> None:
    """A wait without end slept on: a node under load was seen not to hear of SIGTERM for minutes."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "ended"
