"""Presentation contexts (PS3.8 section 9.3.2), listed by hand.

As acceptor pynetdicom takes the first transfer syntax of its own list that the sender offers, and its ready-made lists
begin with Implicit VR: a sender that offers both in one context would have to decompress a slide of gigabytes. So
compressed syntaxes come first here.
"""

from __future__ import annotations

from typing import Final

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    JPEG2000MC,
    UID,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    ExtensibleSRStorage,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000MCLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    KeyObjectSelectionDocumentStorage,
    MicroscopyBulkSimpleAnnotationsStorage,
    RLELossless,
    SegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)
from pynetdicom.presentation import PresentationContext, build_context

__all__ = [
    "AVAILABILITY",
    "COMMITMENT",
    "SLIDE_SYNTAXES",
    "UNCOMPRESSED",
    "VERIFICATION",
    "WORKITEM_EVENT",
    "accepted_contexts",
    "commitment_context",
    "storage_context",
    "verification_context",
]

AVAILABILITY: Final = "1.2.840.10008.5.1.4.33"
"""Instance Availability Notification SOP Class, of which the node is SCP."""

VERIFICATION: Final = "1.2.840.10008.1.1"
COMMITMENT: Final = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model SOP Class."""

WORKITEM_EVENT: Final = "1.2.840.10008.5.1.4.34.6.4"
"""Unified Procedure Step Event SOP Class."""

JPEG_XL: Final = tuple(map(UID, ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.112")))
"""Lossless, JPEG recompression, any; younger than pydicom 3.0.2's dictionary."""

DEFLATED_IMAGE_FRAME: Final = UID("1.2.840.10008.1.2.8.1")
"""For segmentations; younger than pydicom 3.0.2's dictionary."""

UNCOMPRESSED: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
"""Between these data sets are converted without loss; Implicit VR last, it is everybody's last resort."""

SLIDE_SYNTAXES: Final = (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    JPEG2000MCLossless,
    JPEG2000MC,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
    *JPEG_XL,
    RLELossless,
    *UNCOMPRESSED,
)

DOCUMENT_SYNTAXES: Final = (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian)

SEGMENTATION_SYNTAXES: Final = (JPEG2000Lossless, RLELossless, DEFLATED_IMAGE_FRAME, *DOCUMENT_SYNTAXES)

DOCUMENT_CLASSES: Final = (
    MicroscopyBulkSimpleAnnotationsStorage,
    EnhancedSRStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    ExtensibleSRStorage,
    KeyObjectSelectionDocumentStorage,
    EncapsulatedPDFStorage,
)


def accepted_contexts() -> list[PresentationContext]:
    """What the listener takes: slides and what belongs to them, notifications, Verification, commitment, events."""
    commitment, workitem_event = commitment_context(), build_context(WORKITEM_EVENT, list(UNCOMPRESSED))
    # Who reports calls as SCP and says so by role selection; by the defaults of PS3.7 D.3.3.4 whoever calls is the SCU,
    # which asks.
    commitment.scu_role, commitment.scp_role = True, True
    workitem_event.scu_role, workitem_event.scp_role = False, True
    return [
        build_context(VLWholeSlideMicroscopyImageStorage, list(SLIDE_SYNTAXES)),
        *(build_context(sop_class, list(DOCUMENT_SYNTAXES)) for sop_class in DOCUMENT_CLASSES),
        build_context(SegmentationStorage, list(SEGMENTATION_SYNTAXES)),
        build_context(AVAILABILITY, list(UNCOMPRESSED)),
        verification_context(),
        commitment,
        workitem_event,
    ]


def verification_context() -> PresentationContext:
    """C-ECHO."""
    return build_context(VERIFICATION, list(UNCOMPRESSED))


def commitment_context() -> PresentationContext:
    """Storage commitment by the push model."""
    return build_context(COMMITMENT, list(UNCOMPRESSED))


def storage_context(sop_class_uid: str, transfer_syntax_uid: str) -> PresentationContext:
    """One class in one transfer syntax, so that the peer cannot choose another than the file has."""
    return build_context(sop_class_uid, transfer_syntax_uid)
