"""Entries of a transaction, each with its request.

Context is created where it is missing (conditional create); what a report says is put in the place of an earlier
version (conditional update). So a transaction may be sent any number of times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fhir.resources.R4B.bundle import Bundle, BundleEntry, BundleEntryRequest

from marrowcount_adapters.fhir.elements import DICOM_UID_SYSTEM, URI_SYSTEM, urn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from fhir.resources.R4B.resource import Resource

__all__ = ["created", "created_by_uid", "posted", "transaction", "updated"]

BAR: Final = "%7C"
"""Between system and value of a token, percent-encoded: the text becomes part of a URL."""


def created(uuid: UUID, resource: Resource) -> BundleEntry:
    """Create unless one with our identifier is there (conditional create, FHIR R4 3.1.0.8.1)."""
    return _entry(uuid, resource, "POST", only_if=_by_uuid(uuid))


def created_by_uid(uuid: UUID, resource: Resource, uid: str) -> BundleEntry:
    """The same for what is known by a DICOM UID."""
    return _entry(uuid, resource, "POST", only_if=f"identifier={DICOM_UID_SYSTEM}{BAR}urn:oid:{uid}")


def updated(uuid: UUID, resource: Resource) -> BundleEntry:
    """Create, or put in the place of the one with our identifier (conditional update, FHIR R4 3.1.0.4.3)."""
    return _entry(uuid, resource, "PUT", query=f"?{_by_uuid(uuid)}")


def posted(uuid: UUID, resource: Resource) -> BundleEntry:
    """Create: a provenance has no identifier to search by."""
    return _entry(uuid, resource, "POST")


def transaction(entries: Iterable[BundleEntry]) -> Bundle:
    """All or nothing."""
    return Bundle(type="transaction", entry=list(entries))


def _by_uuid(uuid: UUID) -> str:
    return f"identifier={URI_SYSTEM}{BAR}{urn(uuid)}"


def _entry(uuid: UUID, resource: Resource, method: str, *, query: str = "", only_if: str | None = None) -> BundleEntry:
    request = BundleEntryRequest(method=method, url=f"{resource.get_resource_type()}{query}", ifNoneExist=only_if)
    return BundleEntry(fullUrl=urn(uuid), resource=resource, request=request)
