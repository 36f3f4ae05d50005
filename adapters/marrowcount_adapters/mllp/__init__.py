"""MLLP: messages of HL7 v2 over TCP, each acknowledged before the next."""

from marrowcount_adapters.mllp.destination import MllpDestination

__all__ = ["MllpDestination"]
