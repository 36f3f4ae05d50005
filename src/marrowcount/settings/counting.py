"""How slides are counted and when reading stops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import ICSH_MINIMUM_CELLS, ConvergenceRule, IntervalRule, StoppingRule
from marrowcount.settings.kinds import CellClass, Section

__all__ = ["CountSection", "StoppingSection"]


class StoppingSection(Section):
    """When to stop reading tiles; ``docs/stopping.md`` explains both rules."""

    rule: Literal["convergence", "interval"] = "convergence"
    """``convergence``: the histogram stands still (the paper's). ``interval``: a class is known well enough."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = ConvergenceRule().threshold
    """Convergence: chi-square distance under which a tile counts as still."""
    run: Annotated[int, Field(ge=1, le=1000)] = ConvergenceRule().run
    """Convergence: consecutive still tiles."""
    first_tile: Annotated[int, Field(ge=1)] = ConvergenceRule().first_tile
    """Convergence: tiles read before the rule is asked."""
    cell_class: CellClass = CellType.BLAST.label
    """Interval: the class to know."""
    width_percent: Annotated[float, Field(gt=0, le=100)] | None = None
    """Interval: stop when the 95 % interval is narrower than this, in percentage points; unset to ignore."""
    cut_offs_percent: tuple[Annotated[float, Field(gt=0, lt=100)], ...] = (5.0, 10.0, 20.0)
    """Interval: stop when the interval holds none of these decision points; empty to ignore."""
    minimum_cells: Annotated[int, Field(ge=ICSH_MINIMUM_CELLS)] = ICSH_MINIMUM_CELLS
    """Interval: cells counted before the rule is asked (ICSH 2008: 500)."""
    cap: Annotated[int, Field(ge=1)] = ConvergenceRule().cap
    """Both: tiles after which reading ends in any case."""

    @model_validator(mode="after")
    def _can_stop(self) -> StoppingSection:
        if self.rule == "interval" and self.width_percent is None and not self.cut_offs_percent:
            msg = "the interval rule needs width_percent or cut_offs_percent"
            raise ValueError(msg)
        return self

    def stopping_rule(self) -> StoppingRule:
        """The rule in the core's words."""
        if self.rule == "convergence":
            return ConvergenceRule(self.threshold, self.run, self.first_tile, self.cap)
        return IntervalRule(
            CellType.from_label(self.cell_class),
            self.width_percent,
            self.cut_offs_percent,
            self.minimum_cells,
            self.cap,
        )


class CountSection(Section):
    """How slides are counted."""

    models_folder: Path | None = None
    """Folder that holds the model folders; unset: the models that come with marrowcount."""
    roi_model: str = "marrow-roi-0.3.0"
    """Model folder that picks the tiles fit for cytology."""
    cell_model: str = "marrow-cells-0.3.0"
    """Model folder that finds and classifies cells."""
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    """What runs the models: ``onnx`` on the processor, ``torch`` on a GPU; ``auto``: torch where there is a GPU."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Tiles judged at the same time, one processor core each."""
    finest_um_per_px: Annotated[float, Field(gt=0)] = 0.20
    """Finest resolution counted, in micrometres per pixel."""
    coarsest_um_per_px: Annotated[float, Field(gt=0)] = 0.30
    """Coarsest resolution counted, in micrometres per pixel: a 20x slide (0.5) is refused."""
    refused_distance: Annotated[float, Field(ge=1)] = 4.0
    """A slide whose stain, light, focus or number of cells lies outside of what training saw is counted with a warning,
    and refused beyond this distance: 1 is the edge of what training saw, 2 is half its width beyond."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 5
    """Times that a slide is tried before it is called failed."""
    lease_s: Annotated[float, Field(ge=5)] = 120.0
    """Time without a sign of life after which another worker takes a slide over, in seconds."""
    stopping: StoppingSection = StoppingSection()
    """When to stop."""
