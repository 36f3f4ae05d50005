"""SMART Backend Services (SMART App Launch 2.2): the node proves by its keys who it is, and gets tokens for EHRs."""

from marrowcount_adapters.smart_backend.asking import Asking
from marrowcount_adapters.smart_backend.auth import GrantCheck, SmartAuth, SmartClient
from marrowcount_adapters.smart_backend.key_folder import KeyFolder
from marrowcount_adapters.smart_backend.keys import Algorithm, SigningKey
from marrowcount_adapters.smart_backend.rotation import KeyRecord, KeyState
from marrowcount_adapters.smart_backend.tokens import TokenCache

__all__ = [
    "Algorithm",
    "Asking",
    "GrantCheck",
    "KeyFolder",
    "KeyRecord",
    "KeyState",
    "SigningKey",
    "SmartAuth",
    "SmartClient",
    "TokenCache",
]
