"""What an import asks of somebody else's data set, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.datasets import Faults, NamedExample
    from marrowcount.ports.counting import Picture

__all__ = ["LabelledSource"]


class LabelledSource(Protocol):
    """Pictures and labels as they lie in the source; the classes bear the source's own names."""

    def examples(self, faults: Faults) -> Sequence[NamedExample]:
        """All that is labelled; no pixels are read yet. Faults of single files go to ``faults``.

        Raises:
            DatasetError: a fault, where ``faults`` does not keep going, or one that leaves nothing to read.
        """
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What was passed over without being a fault, a line each; known once the examples are."""
        ...

    def read(self, example: NamedExample) -> Picture:
        """The pixels of one of these examples, (rows, columns, 3) RGB uint8; cheapest in their order.

        Raises:
            DatasetError: the picture is missing, damaged or of a kind that is not read.
        """
        ...

    def close(self) -> None:
        """Let go of open files."""
        ...
