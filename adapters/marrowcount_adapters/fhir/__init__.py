"""FHIR R4 (4.0.1): the differential as a transaction bundle of typed resources."""

from marrowcount_adapters.fhir.bundle import encode_bundle
from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["FhirSettings", "encode_bundle"]
