"""Active learning (Tayebi 2022): which tiles an expert should label next, and what comes of the corrections.

::

    look, gathered                 what a model sees on a tile from several sides
    choose                         the tiles that are worth most, by named strategies
    corrections_of                 the model's pre-labels beside what the expert made of them
    next_version, mistakes         the data sets to train on next
    StudyRound                     the paper's table 4, replayed
"""

from __future__ import annotations

from marrowcount.active_learning.candidates import Candidate, PoolTile, SeenTiles, TilePool
from marrowcount.active_learning.choosing import DEFAULT_STRATEGIES, Asked, Chosen, choose
from marrowcount.active_learning.corrections import (
    Action,
    Correction,
    Prelabel,
    corrections_of,
    counts_of,
    said_of,
)
from marrowcount.active_learning.likeness import likeness_of
from marrowcount.active_learning.sightings import SeenObject, gathered, look
from marrowcount.active_learning.strategies import Strategy
from marrowcount.active_learning.study import PAPER_ROUNDS, StudyRound, study_lines
from marrowcount.active_learning.turns import MOST_VIEWS
from marrowcount.active_learning.unlabelled import UnlabelledPictures
from marrowcount.active_learning.versions import CorrectedPicture, held_out, marks_of, mistakes, next_version

__all__ = [
    "DEFAULT_STRATEGIES",
    "MOST_VIEWS",
    "PAPER_ROUNDS",
    "Action",
    "Asked",
    "Candidate",
    "Chosen",
    "CorrectedPicture",
    "Correction",
    "PoolTile",
    "Prelabel",
    "SeenObject",
    "SeenTiles",
    "Strategy",
    "StudyRound",
    "TilePool",
    "UnlabelledPictures",
    "choose",
    "corrections_of",
    "counts_of",
    "gathered",
    "held_out",
    "likeness_of",
    "look",
    "marks_of",
    "mistakes",
    "next_version",
    "said_of",
    "study_lines",
]
