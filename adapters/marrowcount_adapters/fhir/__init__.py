"""FHIR: a version of a report as a bundle of typed resources, in the projection that a record takes."""

from marrowcount_adapters.fhir.projections import Projection, encode, encode_bundle
from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["FhirSettings", "Projection", "encode", "encode_bundle"]
