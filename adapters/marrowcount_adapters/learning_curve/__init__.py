"""The rounds of a study of active learning on disk, and their curve as a picture."""

from __future__ import annotations

from marrowcount_adapters.learning_curve.drawing import draw_learning_curve
from marrowcount_adapters.learning_curve.rounds import read_round, round_content, write_round

__all__ = ["draw_learning_curve", "read_round", "round_content", "write_round"]
