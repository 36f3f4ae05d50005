"""A made-up scanner: the instances of a pyramid, cut as scanners cut them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import WSM_SOP_CLASS_UID, InstanceFacts

__all__ = ["SENDERS", "Sender", "concatenated", "facts_of"]

TILE = 512


def facts_of(uid: str, width: int, height: int, **changes: object) -> InstanceFacts:
    """A whole TILED_FULL level, unless changed."""
    across, down = -(-width // TILE), -(-height // TILE)
    facts = InstanceFacts(
        sop_instance_uid=uid,
        sop_class_uid=WSM_SOP_CLASS_UID,
        series_uid="1.2.3",
        study_uid="1.2",
        modality="SM",
        transfer_syntax_uid="1.2.840.10008.1.2.4.50",
        image_type=("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
        matrix=SizePx(width, height),
        frame=SizePx(TILE, TILE),
        number_of_frames=across * down,
        focal_planes=1,
        optical_paths=1,
        tiled_full=True,
        spacing=SpacingMm(0.00025, 0.00025),
        concatenation_uid=None,
        concatenation_number=None,
        concatenation_total=None,
        concatenation_offset=None,
        concatenation_source_uid=None,
        frame_of_reference_uid="1.2.4",
        pyramid_uid=None,
        container_identifier="S1",
    )
    return replace(facts, **changes)


def concatenated(whole: InstanceFacts, parts: int, *, total_known: bool) -> list[InstanceFacts]:
    """The same image in parts."""
    bounds = [round(whole.number_of_frames * part / parts) for part in range(parts + 1)]
    return [
        replace(
            whole,
            sop_instance_uid=f"{whole.sop_instance_uid}.{part + 1}",
            number_of_frames=bounds[part + 1] - bounds[part],
            concatenation_uid=f"{whole.sop_instance_uid}.999",
            concatenation_number=part + 1,
            concatenation_total=parts if total_known else None,
            concatenation_offset=bounds[part],
            concatenation_source_uid=whole.sop_instance_uid,
        )
        for part in range(parts)
    ]


@dataclass(frozen=True)
class Sender:
    """How a scanner cuts a slide: the levels go down by ``step``, each may be a concatenation.

    Attributes:
        parts: of the concatenation of each level in turn; 1 for one instance.
        total_known: whether parts say how many they are (0020,9163).
        companions: labels and the like.
        planes: focal planes of the base level.
    """

    width: int
    height: int
    step: int
    parts: tuple[int, ...]
    total_known: bool
    companions: tuple[str, ...]
    planes: int = 1

    def instances(self) -> list[InstanceFacts]:
        """All that it sends, the base first."""
        made: list[InstanceFacts] = []
        width, height, level = self.width, self.height, 0
        while level == 0 or max(width, height) * self.step > 4096:
            made += self._level(level, width, height)
            width, height, level = max(1, width // self.step), max(1, height // self.step), level + 1
        return made + [
            facts_of(f"1.2.3.9.{n}", 600, 300, image_type=("ORIGINAL", "PRIMARY", flavour, "NONE"))
            for n, flavour in enumerate(self.companions)
        ]

    def _level(self, level: int, width: int, height: int) -> list[InstanceFacts]:
        kind = ("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED") if level else ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
        side_mm = 0.00025 * self.step**level
        whole = facts_of(f"1.2.3.{level + 1}", width, height, image_type=kind, spacing=SpacingMm(side_mm, side_mm))
        if level == 0:
            whole = replace(whole, focal_planes=self.planes, number_of_frames=whole.number_of_frames * self.planes)
        parts = min(self.parts[level % len(self.parts)], whole.number_of_frames)
        return concatenated(whole, parts, total_known=self.total_known) if parts > 1 else [whole]


SENDERS = st.builds(
    Sender,
    width=st.integers(5_000, 60_000),
    height=st.integers(5_000, 60_000),
    step=st.sampled_from([2, 4]),
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    total_known=st.booleans(),
    companions=st.lists(st.sampled_from(["THUMBNAIL", "LABEL", "OVERVIEW"]), unique=True).map(tuple),
    planes=st.integers(1, 3),
)
