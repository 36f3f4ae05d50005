"""Typed resources as JSON text, with every decimal as it was given.

The library writes decimals through binary floats: 12.50 becomes 12.5, and the sum of 0.1 and 0.2 is rounded. In FHIR
the places of a decimal are part of what it says (R4 2.24.0.1), and a figure must not change on its way.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, get_args

from fhir_core.fhirabstractmodel import FHIRAbstractModel
from fhir_core.types import Integer64

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Json", "plain", "text_of"]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | Decimal | int | bool"
"""What JSON can say, with decimals of any precision; FHIR has no null but beside extensions, which are not used."""


def plain(resource: FHIRAbstractModel) -> dict[str, Json]:
    """A resource or a part of one, as JSON objects, lists and values; elements in the order of the definition.

    Raises:
        TypeError: it holds a part of another version of FHIR, which the library would let pass.
    """
    return _object(resource, type(resource).__module__.rpartition(".")[0])


def _object(part: FHIRAbstractModel, package: str) -> dict[str, Json]:
    kind = type(part)
    if kind.__module__.rpartition(".")[0] != package:
        msg = f"{kind.__module__} within a resource of {package}"
        raise TypeError(msg)
    made: dict[str, Json] = {}
    if kind.has_resource_base():
        made["resourceType"] = kind.get_resource_type()
    made.update(_elements(part, package))
    return made


def _elements(part: FHIRAbstractModel, package: str) -> Iterator[tuple[str, Json]]:
    fields = type(part).get_alias_mapping()
    values = vars(part)
    for name in type(part).elements_sequence():
        value = values.get(fields[name])
        if isinstance(value, int) and _is_wide(type(part), fields[name]):
            yield name, str(value)
        elif value is not None and value != []:
            yield name, _json(value, package)


def _is_wide(kind: type[FHIRAbstractModel], field: str) -> bool:
    """Whether an element is an integer64, which JSON has as text: its numbers are doubles to many (R5, data types)."""
    annotated = next(iter(get_args(kind.model_fields[field].annotation)), None)
    return any(isinstance(each, Integer64) for each in getattr(annotated, "__metadata__", ()))


def _json(value: object, package: str) -> Json:
    match value:
        case bool() | str() | int() | Decimal():
            return value
        case list():
            return [_json(item, package) for item in value]
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode("ascii")
        case FHIRAbstractModel():
            return _object(value, package)
    msg = f"no JSON for {type(value).__name__}"
    raise TypeError(msg)


def text_of(value: Json) -> str:
    """JSON text without superfluous blanks; decimals in plain digits, never with an exponent."""
    return "".join(_written(value))


def _written(value: Json) -> Iterator[str]:
    match value:
        case dict():
            yield "{"
            for number, (name, item) in enumerate(value.items()):
                yield f'{"," if number else ""}"{name}":'
                yield from _written(item)
            yield "}"
        case list():
            yield "["
            for number, item in enumerate(value):
                if number:
                    yield ","
                yield from _written(item)
            yield "]"
        case Decimal():
            yield format(value, "f")
        case _:
            yield json.dumps(value, ensure_ascii=False)
