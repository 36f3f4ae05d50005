"""The Store Instances Response (PS3.18 section 10.5.3 and Annex I), as JSON and as XML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from pydicom.datadict import keyword_for_tag

from marrowcount_adapters.dicomweb.store import Failed, Reason, Stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.errors import InstanceError
    from marrowcount_adapters.dicomweb.store import Identity

__all__ = ["native_xml", "response", "status_of"]

RETRIEVE_URL: Final = "00081190"
SOP_CLASS: Final = "00081150"
SOP_INSTANCE: Final = "00081155"
FAILURE_REASON: Final = "00081197"
FAILED: Final = "00081198"
REFERENCED: Final = "00081199"
OTHER_FAILURES: Final = "0008119A"

OK: Final = 200
ACCEPTED: Final = 202
BAD_REQUEST: Final = 400
CONFLICT: Final = 409
TOO_LARGE: Final = 413
UNAVAILABLE: Final = 503


def status_of(results: Sequence[Stored | Failed], error: InstanceError | None) -> int:
    """The status of the whole request (PS3.18 Table 10.5.3-1).

    Args:
        results: of all parts.
        error: why the rest of the message could not be read; None where all of it could.
    """
    failures = [one for one in results if isinstance(one, Failed)]
    if len(failures) < len(results):
        return ACCEPTED if failures or error is not None else OK
    if error is not None:
        return TOO_LARGE if error.code == "too-many-parts" else BAD_REQUEST
    return _of_failures(failures)


def _of_failures(failures: Sequence[Failed]) -> int:
    if not failures:
        return BAD_REQUEST  # not one part
    if all(one.code == "too-large" for one in failures):
        return TOO_LARGE
    if all(one.reason is Reason.OUT_OF_RESOURCES for one in failures):
        return UNAVAILABLE
    return CONFLICT


def response(results: Sequence[Stored | Failed], base_url: str) -> Mapping[str, object]:
    """The response's data set in the DICOM JSON Model.

    Args:
        results: of all parts.
        base_url: of the service, for Retrieve URLs.
    """
    stored = [one.identity for one in results if isinstance(one, Stored)]
    failed = [one for one in results if isinstance(one, Failed)]
    studies = {identity.study_uid for identity in stored}
    whole = [f"{base_url}/studies/{studies.pop()}"] if len(studies) == 1 else []
    named = [_items(one.identity) | _reason(one) for one in failed if one.identity.sop_instance_uid]
    nameless = [_reason(one) for one in failed if not one.identity.sop_instance_uid]
    sequences = {
        FAILED: named,
        REFERENCED: [_items(one) | {RETRIEVE_URL: _element("UR", _url(one, base_url))} for one in stored],
        OTHER_FAILURES: nameless,
    }
    return {
        RETRIEVE_URL: _element("UR", *whole),
        **{tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items},
    }


def native_xml(data_set: Mapping[str, object]) -> bytes:
    """The Native DICOM Model (PS3.19 Annex A.1) of UIDs, URIs, numbers and sequences of them."""
    root = ET.Element("NativeDicomModel", {"xml:space": "preserve"})
    _add_attributes(root, data_set)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add_attributes(parent: ET.Element, data_set: Mapping[str, object]) -> None:
    for tag, element in sorted(data_set.items()):
        described = json.loads(json.dumps(element))
        names = {"tag": tag, "vr": described["vr"], "keyword": keyword_for_tag(int(tag, 16))}
        attribute = ET.SubElement(parent, "DicomAttribute", names)
        for number, value in enumerate(described.get("Value", ()), 1):
            child = ET.SubElement(attribute, "Item" if isinstance(value, dict) else "Value", {"number": str(number)})
            if isinstance(value, dict):
                _add_attributes(child, value)
            else:
                child.text = str(value)


def _items(identity: Identity) -> dict[str, object]:
    return {SOP_CLASS: _element("UI", identity.sop_class_uid), SOP_INSTANCE: _element("UI", identity.sop_instance_uid)}


def _reason(failed: Failed) -> dict[str, object]:
    return {FAILURE_REASON: _element("US", int(failed.reason))}


def _url(identity: Identity, base_url: str) -> str:
    place = f"{base_url}/studies/{identity.study_uid}/series/{identity.series_uid}"
    return f"{place}/instances/{identity.sop_instance_uid}"


def _element(vr: str, *values: object) -> dict[str, object]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}
