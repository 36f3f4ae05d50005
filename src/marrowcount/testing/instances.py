"""Received instances of made-up slides."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from marrowcount.ports import KeptFile, ReceivedInstance
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import WSM_SOP_CLASS_UID, InstanceFacts

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["made_up_instance"]


def made_up_instance(
    series_uid: str, number: int, received_at: datetime, *, content: str = "", size_bytes: int = 1000
) -> ReceivedInstance:
    """One of the instances of a made-up slide: a whole level of a pyramid, 2048 px wide and high.

    Its UIDs are those of its series with the number behind; ``content`` stands for the file's bytes, so that the same
    instance with another content is a conflict.
    """
    uid = f"{series_uid}.{number}"
    sha256 = hashlib.sha256(f"{uid} {content}".encode()).hexdigest()
    file = KeptFile(f"{series_uid}/{uid}.dcm", sha256, size_bytes)
    return ReceivedInstance(_facts(series_uid, uid), file, "SCANNER", received_at)


def _facts(series_uid: str, uid: str) -> InstanceFacts:
    return InstanceFacts(
        sop_instance_uid=uid,
        sop_class_uid=WSM_SOP_CLASS_UID,
        series_uid=series_uid,
        study_uid=f"{series_uid}.0",
        modality="SM",
        transfer_syntax_uid="1.2.840.10008.1.2.4.50",
        image_type=("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
        matrix=SizePx(2048, 2048),
        frame=SizePx(512, 512),
        number_of_frames=16,
        focal_planes=1,
        optical_paths=1,
        tiled_full=True,
        spacing=SpacingMm(0.00025, 0.00025),
        concatenation_uid=None,
        concatenation_number=None,
        concatenation_total=None,
        concatenation_offset=None,
        concatenation_source_uid=None,
        frame_of_reference_uid=f"{series_uid}.9",
        pyramid_uid=None,
        container_identifier="GLASS-1",
    )
