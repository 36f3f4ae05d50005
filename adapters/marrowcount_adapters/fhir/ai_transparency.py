"""What the guide "AI Transparency on FHIR" asks for; ballot content (STU 1, 2026), hence nowhere but here.

Its label is of HL7's own terminology and stays whatever becomes of the ballot; its code systems, its extension and its
kinds of documents may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.meta import Meta

from marrowcount_adapters.fhir.elements import TERMINOLOGY, reference, term

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["AI_DEVICE", "MARKDOWN_CARD", "MODEL_CARD", "MODEL_CARD_EXTENSION", "ai_asserted", "asserted", "model_card"]

GUIDE: Final = "http://hl7.org/fhir/uv/aitransparency"
MODEL_CARD_EXTENSION: Final = f"{GUIDE}/StructureDefinition/aitransparency.modelCardDescription"

AI_DEVICE: Final = CodeableConcept(
    coding=[
        Coding(
            system=f"{GUIDE}/CodeSystem/AIdeviceTypeCS",
            code="Artificial-Intelligence",
            display="All kinds of Artificial Intelligence",
        )
    ]
)
"""Kind of the device, and its role in a provenance."""


def _input(code: str, display: str) -> CodeableConcept:
    return CodeableConcept(coding=[Coding(system=f"{GUIDE}/CodeSystem/AIinputsCS", code=code, display=display)])


MODEL_CARD: Final = _input("AIModelCard", "AI Model-Card")
MARKDOWN_CARD: Final = _input("AIModelCardMarkdownFormat", "Markdown Format")


def ai_asserted() -> Meta:
    """Security label of what artificial intelligence asserted; it stays when a person has verified it.

    The guide has no code for "verified by a person": that is said by status and provenance.
    """
    label = Coding(system=f"{TERMINOLOGY}v3-ObservationValue", code="AIAST", display="Artificial Intelligence asserted")
    return Meta(security=[label])


def asserted() -> CodeableConcept:
    """Reason of a provenance: artificial intelligence asserted it."""
    return term("v3-ObservationValue", "AIAST", "Artificial Intelligence asserted")


def model_card(card: UUID) -> Extension:
    """Of a device: the document that describes its model."""
    return Extension(url=MODEL_CARD_EXTENSION, valueReference=reference(card))
