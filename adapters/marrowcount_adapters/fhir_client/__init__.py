"""Delivers transaction bundles to a FHIR R4 server over HTTP."""

from marrowcount_adapters.fhir_client.destination import FhirDestination

__all__ = ["FhirDestination"]
