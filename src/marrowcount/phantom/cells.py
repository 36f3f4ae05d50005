"""Drawing of one specimen: a cell after its recipe, or debris, platelets and red cells by strokes of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

from marrowcount.cytology.cell_types import CellType
from marrowcount.phantom.nuclei import Plan, nucleus_depth
from marrowcount.phantom.primitives import Colour, Floats, Paper, TextureBank, cover, outline, specks, union
from marrowcount.phantom.recipes import RECIPES, Granules, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PX_PER_UM", "Drawing", "draw", "draw_red_cell"]

PX_PER_UM: Final = 4.0
"""The phantom is drawn at 0.25 um per pixel."""

HOURS_BEGIN: Final = 0.45
"""Share of the nuclear radius inside which a plasma cell's chromatin is even."""

INCLUSIONS: Final[tuple[Colour, ...]] = ((92, 56, 136), (204, 150, 140), (122, 96, 150))
"""What a macrophage has eaten: nuclear dust, red cells, pigment."""


@dataclass(slots=True)
class Drawing:
    """A specimen in the making: colours (side, side, 3), 0 to 255, and cover (side, side), 0 to 1."""

    rgb: Floats
    alpha: Floats

    @classmethod
    def blank(cls, side: int, colour: Colour) -> Drawing:
        """One flat colour that covers nothing yet."""
        return cls(np.full((side, side, 3), colour, np.float32), np.zeros((side, side), np.float32))

    def paint(self, mask: Floats, colour: Colour | Floats) -> None:
        """Lay a colour over, as far as the mask (0 to 1) says."""
        self.rgb += mask[..., None] * (np.asarray(colour, np.float32) - self.rgb)

    def dab(self, spot: tuple[int, int], radius: float, colour: Colour, strength: float) -> None:
        """Paint a disc round a pixel (row, column)."""
        reach = int(np.ceil(radius)) + 1
        top, left = max(0, spot[0] - reach), max(0, spot[1] - reach)
        part = self.rgb[top : spot[0] + reach + 1, left : spot[1] + reach + 1]
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        mask = cover((radius - np.hypot(rows - spot[0], columns - spot[1])).astype(np.float32))
        part += (strength * mask)[..., None] * (np.asarray(colour, np.float32) - part)

    def mottle(self, noise: Floats, amplitude: float) -> None:
        """Lighten and darken by noise of unit variance; amplitude in grey levels."""
        self.rgb += (noise * amplitude)[..., None]


def draw(cell_type: CellType, number: int, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    """The specimen of that number of a class; kinds within the class take turns."""
    if stroke := _STROKES.get(cell_type):
        return stroke(number, bank, rng)
    kinds = RECIPES[cell_type]
    return _draw_cell(kinds[number % len(kinds)], bank, rng)


def _shade(colour: Colour, rng: np.random.Generator, spread: float = 5.0, hue: float = 0.6) -> Colour:
    """The colour as this one specimen took it; ``hue`` is how much the channels differ, share of the spread."""
    common = rng.normal(0, spread)
    red, green, blue = (float(np.clip(c + common + rng.normal(0, spread * hue), 0, 255)) for c in colour)
    return red, green, blue


def _draw_cell(recipe: Recipe, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    radius = rng.uniform(*recipe.diameter_um) / 2 * PX_PER_UM
    aspect = rng.uniform(*recipe.aspect)
    paper = Paper.of(radius * np.sqrt(aspect) * (1 + 4 * recipe.wobble) + 4)
    plan = _plan(recipe, radius, rng)
    body = outline(paper, radius, rng, aspect=aspect, wobble=recipe.wobble)
    nucleus = nucleus_depth(recipe.shape, paper, plan, rng)
    nucleus += bank.cut(paper.side, 4.0, rng) * min(1.2, radius * recipe.wobble * 0.7)
    if recipe.bare:
        body = _wisps(nucleus, bank, rng)
    nucleus = np.minimum(nucleus, body - 0.6)
    drawing = _cytoplasm(recipe, paper, body, bank, rng)
    _hof(drawing, recipe, paper, plan, rng)
    _bubbles(drawing, recipe, body, rng)
    _granules(drawing, recipe, body, rng, over_nucleus=False)
    pattern = bank.cut(paper.side, recipe.grain, rng)
    if recipe.clock_face:
        pattern = 0.5 * pattern + _hours(paper, plan, rng)
    _chromatin(drawing, recipe, nucleus, pattern, rng)
    _granules(drawing, recipe, body, rng, over_nucleus=True)
    drawing.alpha = cover(body)
    if recipe.bare:
        drawing.alpha = np.maximum(drawing.alpha * 0.45, cover(nucleus))
    if recipe.broken:
        _tear(drawing, paper, radius, bank, rng)
    return drawing


def _plan(recipe: Recipe, radius: float, rng: np.random.Generator) -> Plan:
    own = radius * rng.uniform(*recipe.share)
    away = (radius - own) * rng.uniform(*recipe.offset)
    angle = rng.uniform(0, 2 * np.pi)
    return Plan(radius, own, (away * np.cos(angle), away * np.sin(angle)))


def _wisps(nucleus: Floats, bank: TextureBank, rng: np.random.Generator) -> Floats:
    """The little cytoplasm that clings to a bare nucleus."""
    side = nucleus.shape[0]
    return nucleus + 1.5 + np.maximum(0, bank.cut(side, 8.0, rng)) * 2.5


def _cytoplasm(recipe: Recipe, paper: Paper, body: Floats, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    drawing = Drawing.blank(paper.side, _shade(recipe.cytoplasm, rng))
    rim = np.exp(-np.maximum(body, 0) / 3.0)
    drawing.paint(0.8 * rim, _shade(recipe.rim, rng))
    drawing.mottle(bank.cut(paper.side, 2.4, rng), recipe.mottle)
    drawing.mottle(bank.cut(paper.side, 1.0, rng), recipe.mottle * 0.5)
    return drawing


def _hof(drawing: Drawing, recipe: Recipe, paper: Paper, plan: Plan, rng: np.random.Generator) -> None:
    """The pale Golgi zone, beside the nucleus towards the middle of the cell."""
    if not recipe.hof:
        return
    angle = np.arctan2(-plan.centre[1], -plan.centre[0]) + rng.normal(0, 0.2)
    reach = plan.radius * 1.02
    x, y = plan.centre[0] + reach * np.cos(angle), plan.centre[1] + reach * np.sin(angle)
    size = plan.cell_radius * 0.26
    pale = np.exp(-(((paper.x - x) ** 2 + (paper.y - y) ** 2) / (2 * size * size)))
    drawing.paint(recipe.hof * pale, _shade((222, 208, 230), rng))


def _bubbles(drawing: Drawing, recipe: Recipe, body: Floats, rng: np.random.Generator) -> None:
    """Vacuoles (pale, ringed) and inclusions (dark), inside the body."""
    for spot in _spots(body - recipe.vacuole_px[1] * 0.7, recipe.vacuoles, rng):
        radius = rng.uniform(*recipe.vacuole_px)
        drawing.dab(spot, radius + 0.8, recipe.rim, 0.4)
        drawing.dab(spot, radius, (240, 236, 242), 0.85)
    for spot in _spots(body - 4.0, recipe.inclusions, rng):
        colour = INCLUSIONS[int(rng.integers(len(INCLUSIONS)))]
        drawing.dab(spot, rng.uniform(1.5, 6.0), _shade(colour, rng), 0.9)


def _spots(room: Floats, many: tuple[int, int], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Row and column of some pixels where there is room (depth above zero)."""
    count = int(rng.integers(many[0], many[1] + 1))
    rows, columns = np.nonzero(room > 0)
    if not count or not len(rows):
        return []
    chosen = rng.integers(0, len(rows), count)
    return [(int(rows[place]), int(columns[place])) for place in chosen]


def _granules(drawing: Drawing, recipe: Recipe, body: Floats, rng: np.random.Generator, *, over_nucleus: bool) -> None:
    for kind in recipe.granules:
        if kind.over_nucleus is over_nucleus:
            _strew(drawing, kind, body, rng)


def _strew(drawing: Drawing, kind: Granules, body: Floats, rng: np.random.Generator) -> None:
    density = kind.density * rng.uniform(0.75, 1.25)
    mask = specks(len(body), density, kind.radius, rng) * cover(body - kind.radius * 0.7)
    drawing.paint(kind.strength * mask, _shade(kind.colour, rng))


def _chromatin(drawing: Drawing, recipe: Recipe, nucleus: Floats, pattern: Floats, rng: np.random.Generator) -> None:
    """The nucleus: pale ground, dark clumps where the pattern is high, darker membrane, nucleoli."""
    clumps = 1 / (1 + np.exp(-recipe.sharpness * (pattern - recipe.bias)))
    membrane = 0.6 * np.exp(-((nucleus / 1.6) ** 2))
    pale, dark = _shade(recipe.chromatin, rng), _shade(recipe.clump, rng)
    inside = cover(nucleus)
    drawing.paint(inside, pale)
    drawing.paint(inside * np.maximum(clumps, membrane), dark)
    for spot in _spots(nucleus - 3.5, recipe.nucleoli, rng):
        radius = rng.uniform(1.8, 3.8)
        drawing.dab(spot, radius + 1.0, dark, 0.5)
        drawing.dab(spot, radius, _shade((178, 152, 222), rng), rng.uniform(0.5, 0.85))


def _hours(paper: Paper, plan: Plan, rng: np.random.Generator) -> Floats:
    """Blocks of chromatin along the nuclear membrane, as on the face of a clock."""
    dx, dy = paper.x - plan.centre[0], paper.y - plan.centre[1]
    angle, reach = np.arctan2(dy, dx), np.hypot(dx, dy) / plan.radius
    blocks = np.cos(int(rng.integers(5, 8)) * angle + rng.uniform(0, 2 * np.pi)) * 1.4
    return np.where(reach > HOURS_BEGIN, blocks, 0.4).astype(np.float32)


def _tear(drawing: Drawing, paper: Paper, radius: float, bank: TextureBank, rng: np.random.Generator) -> None:
    """Tear one side off and let the rest fade there."""
    angle = rng.uniform(0, 2 * np.pi)
    ramp = paper.x * np.cos(angle) + paper.y * np.sin(angle) + bank.cut(paper.side, 4.0, rng) * 2.5
    drawing.alpha *= cover(radius * rng.uniform(0.15, 0.5) - ramp.astype(np.float32), 2.5)


def _debris(number: int, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    return (_smudge, _streak, _precipitate, _smudge)[number % 4](bank, rng)


def _smudge(bank: TextureBank, rng: np.random.Generator) -> Drawing:
    """A smudge cell: a naked, flattened nucleus without outline of a cell."""
    radius = rng.uniform(6.5, 11.0) * PX_PER_UM / 2 * 1.2
    return _smear(radius, rng.uniform(1.0, 1.7), (1.5, 0.09), bank, rng)


def _streak(bank: TextureBank, rng: np.random.Generator) -> Drawing:
    """Nuclear material drawn out by the spreader."""
    return _smear(rng.uniform(14, 22), rng.uniform(2.6, 4.5), (3.0, 0.07), bank, rng)


def _smear(
    radius: float, aspect: float, edge: tuple[float, float], bank: TextureBank, rng: np.random.Generator
) -> Drawing:
    soft, wobble = edge
    paper = Paper.of(radius * np.sqrt(aspect) * 1.4 + 6)
    body = outline(paper, radius, rng, aspect=aspect, wobble=wobble) + bank.cut(paper.side, 4.0, rng) * 2.0
    drawing = Drawing.blank(paper.side, _shade((170, 104, 178), rng, 10.0))
    strands = np.clip(bank.cut(paper.side, 2.4, rng) + 0.6 * bank.cut(paper.side, 8.0, rng), -1, 1) * 0.5 + 0.5
    drawing.paint(0.55 * strands, _shade((120, 56, 140), rng))
    drawing.alpha = cover(body, soft) * (0.62 + 0.38 * strands)
    return drawing


def _precipitate(bank: TextureBank, rng: np.random.Generator) -> Drawing:
    """A heap of stain precipitate: crowded dark grains with nothing round them."""
    del bank
    radius = rng.uniform(14, 28)
    paper = Paper.of(radius + 4)
    near = np.exp(-((np.hypot(paper.x, paper.y) / (radius * 0.6)) ** 2))
    hits = rng.random((paper.side, paper.side)) < 0.10 * near
    grains = ndimage.gaussian_filter(hits.astype(np.float32), 1.1)
    drawing = Drawing.blank(paper.side, _shade((58, 30, 78), rng))
    drawing.alpha = np.clip(grains * 9 - 0.25, 0, 1).astype(np.float32) * cover(
        (radius - np.hypot(paper.x, paper.y)).astype(np.float32)
    )
    return drawing


def _platelet(number: int, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    del number
    radius = rng.uniform(2.2, 3.8) / 2 * PX_PER_UM
    paper = Paper.of(radius * 1.6 + 3)
    body = outline(paper, radius, rng, aspect=rng.uniform(1.0, 1.35), wobble=0.07)
    return _platelet_matter(paper, body, bank, rng)


def _platelet_clump(number: int, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    del number
    count = int(rng.integers(7, 22))
    spread = 3.6 * np.sqrt(count)
    points = rng.normal(0, spread * 0.55, (count, 2)).clip(-spread * 1.2, spread * 1.2)
    paper = Paper.of(spread * 1.2 + 12)
    body = union(paper, points, rng.uniform(4.0, 7.0, count))
    return _platelet_matter(paper, body, bank, rng)


def _platelet_matter(paper: Paper, body: Floats, bank: TextureBank, rng: np.random.Generator) -> Drawing:
    drawing = Drawing.blank(paper.side, _shade((206, 178, 216), rng))
    drawing.mottle(bank.cut(paper.side, 1.6, rng), 8.0)
    grains = specks(paper.side, 14.0, 0.9, rng) * cover(body - 2.0, 1.5)
    drawing.paint(0.85 * grains, _shade((136, 76, 164), rng))
    drawing.alpha = cover(body) * 0.95
    return drawing


def draw_red_cell(bank: TextureBank, rng: np.random.Generator) -> Drawing:
    """A red cell: thick rim, pale middle."""
    radius = rng.normal(7.4, 0.5) / 2 * PX_PER_UM
    aspect = 1 + abs(rng.normal(0, 0.12))
    paper = Paper.of(radius * np.sqrt(aspect) * 1.15 + 3)
    body = outline(paper, radius, rng, aspect=aspect, wobble=0.025)
    inwards = np.clip(body / radius, 0, 1)
    drawing = Drawing.blank(paper.side, _shade((212, 172, 166), rng, 5.0, 0.15))
    pallor = rng.uniform(0.35, 1.0)
    drawing.paint(pallor * cover((inwards - rng.uniform(0.45, 0.66)) * radius, 3.0), (242, 230, 226))
    drawing.paint(0.3 * np.exp(-((np.maximum(body, 0) / 1.5) ** 2)), (182, 138, 138))
    drawing.mottle(bank.cut(paper.side, 1.0, rng), 1.5)
    drawing.alpha = cover(body) * 0.9
    return drawing


_STROKES: Final[Mapping[CellType, Callable[[int, TextureBank, np.random.Generator], Drawing]]] = {
    CellType.DEBRIS: _debris,
    CellType.PLATELET: _platelet,
    CellType.PLATELET_CLUMP: _platelet_clump,
}
