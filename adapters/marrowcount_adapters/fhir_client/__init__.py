"""Delivers results to a FHIR R4 server over HTTP."""

from marrowcount_adapters.fhir_client.capabilities import Way
from marrowcount_adapters.fhir_client.destination import FhirDestination
from marrowcount_adapters.fhir_client.parcel import subject_of

__all__ = ["FhirDestination", "Way", "subject_of"]
