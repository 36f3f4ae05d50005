"""What all conformance resources have in common: names that identify them, who publishes them, a narrative."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid5

from marrowcount import __version__
from marrowcount.cytology.concepts import LOCAL_SCHEME_UID
from marrowcount.workflow.identity import MANUFACTURER, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

DATE: Final = "2026-11-30"
"""When what the resources say was last changed; the version is marrowcount's."""

LOCAL_SYSTEM: Final = f"urn:oid:{LOCAL_SCHEME_UID}"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
BASE: Final = "http://hl7.org/fhir/StructureDefinition/"
FHIR_VERSION: Final = "4.0.1"


def canonical(kind: str, name: str) -> str:
    """URL of a resource: a name-based uuid, since the project has no domain of its own to name things in."""
    return f"urn:uuid:{uuid5(NAMESPACE, f'{kind}/{name}')}"


def resource(kind: str, name: str, title: str, description: str, /, **content: Any) -> Json:  # noqa: ANN401 - any element
    """A conformance resource.

    Args:
        kind: type of the resource.
        name: with hyphens; its id, and without them its name for programs.
        title: for people.
        description: what it is for.
        content: the elements of its own.
    """
    return {
        "resourceType": kind,
        "id": f"marrowcount-{name}",
        "text": narrative(title, [description]),
        "url": canonical(kind, name),
        "version": __version__,
        "name": "Marrowcount" + "".join(word.capitalize() for word in name.split("-")),
        "title": title,
        "status": "active",
        "experimental": True,
        "date": DATE,
        "publisher": MANUFACTURER,
        "description": description,
        **content,
    }


def narrative(title: str, paragraphs: Iterable[str]) -> Json:
    """What a reader sees who has no tool for the rest."""
    words = "".join(f"<p>{escape(each)}</p>" for each in paragraphs)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><h1>{escape(title)}</h1>{words}</div>',
    }
