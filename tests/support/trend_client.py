"""Reads a figure over time, as an EHR draws it: knows LOINC, UCUM and FHIR's search, and nothing of marrowcount."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

import httpx

__all__ = ["Point", "Reader"]

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
NO_FIGURE = {"entered-in-error", "cancelled"}


@dataclass(frozen=True)
class Point:
    """A figure of a trend: when it was true of the patient, how much, and how far it may be relied upon."""

    at: str
    value: Decimal
    status: str


@dataclass(frozen=True)
class Reader:
    """Of a FHIR server."""

    base_url: str
    token: str = ""

    def trend(self, system: str, number: str, loinc: str, unit: str) -> list[Point]:
        """All figures of a patient, known by a number, by a LOINC code and a UCUM unit, the oldest first.

        Raises:
            ValueError: not one patient has the number, or a figure cannot be drawn: another unit, no value, no time.
        """
        patients = self._search("Patient", {"identifier": f"{system}|{number}"})
        if len(patients) != 1:
            raise ValueError(f"{len(patients)} patients have this number")
        wanted = {"subject": f"Patient/{patients[0]['id']}", "code": f"{LOINC}|{loinc}", "_count": "100"}
        found = self._search("Observation", wanted)
        points = [_point(each, unit) for each in found if each["status"] not in NO_FIGURE]
        return sorted(points, key=lambda point: point.at)

    def _search(self, kind: str, query: dict[str, str]) -> list[dict[str, object]]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = httpx.get(f"{self.base_url}/{kind}", params=query, headers=headers, trust_env=False)
        bundle = json.loads(answer.raise_for_status().text, parse_float=Decimal)
        return [entry["resource"] for entry in bundle.get("entry", [])]


def _point(observation: dict[str, object], unit: str) -> Point:
    quantity, at = observation.get("valueQuantity"), observation.get("effectiveDateTime")
    if not isinstance(quantity, dict) or (quantity.get("system"), quantity.get("code")) != (UCUM, unit) or not at:
        raise ValueError(f"cannot be drawn: {quantity}, {at}")
    return Point(str(at), Decimal(quantity["value"]), str(observation["status"]))
