"""What an instance says of itself, to JSON and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from marrowcount.errors import StorageError
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import InstanceFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decode", "encode"]


def encode(facts: InstanceFacts) -> Mapping[str, object]:
    """The facts as a JSON object."""
    return asdict(facts)


def decode(stored: Mapping[str, object]) -> InstanceFacts:
    """The facts from their JSON object.

    Raises:
        StorageError: the object is not what :func:`encode` writes.
    """
    said: Any = stored
    try:
        return InstanceFacts(
            **{
                **said,
                "image_type": tuple(said["image_type"]),
                "matrix": said["matrix"] and SizePx(**said["matrix"]),
                "frame": said["frame"] and SizePx(**said["frame"]),
                "spacing": said["spacing"] and SpacingMm(**said["spacing"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise StorageError(
            "ledger-damaged", "the facts of an instance cannot be read; restore the database from its backup"
        ) from error
