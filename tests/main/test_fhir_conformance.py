"""The FHIR conformance resources say what the program does: they are made from its code, and none of it is left out."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.loinc import LoincMethod, loinc_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parents[2] / "conformance" / "fhir"
LOINC = "http://loinc.org"


@pytest.fixture(scope="module")
def generate() -> Any:  # noqa: ANN401 - a module that lies on no package's path, of a name that another has too
    """The program that writes the resources."""
    specification = spec_from_file_location("fhir_generate", HERE / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    program = module_from_spec(specification)
    sys.modules[specification.name] = program
    specification.loader.exec_module(program)
    return program


@pytest.fixture(scope="module")
def terminology(generate: Any) -> Any:  # noqa: ANN401, ARG001 - it makes the module findable
    """The part of it that has the codes."""
    import fhir_terminology

    return fhir_terminology


def read(name: str) -> dict[str, Any]:
    """A conformance resource as it is shipped."""
    resource: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return resource


def entries() -> Iterator[Mapping[str, Any]]:
    """Of all examples of R4 that are transactions."""
    for file in sorted((HERE / "examples").glob("r4-*.json")):
        bundle = json.loads(file.read_text(encoding="utf-8"))
        assert bundle["type"] == "transaction"
        yield from bundle["entry"]


def test_the_resources_are_current(generate: Any) -> None:  # noqa: ANN401
    """After a change of the code, `python conformance/fhir/generate.py` must be run."""
    assert list(generate.stale()) == []


def test_every_file_is_told_of() -> None:
    """The guide for readers names each resource and each example."""
    guide = (HERE / "README.md").read_text(encoding="utf-8")
    names = [file.name for file in (*HERE.glob("*.json"), *(HERE / "examples").glob("*.json"))]
    assert [name for name in names if name not in guide] == []


def test_every_local_code_has_a_definition(terminology: Any) -> None:  # noqa: ANN401
    """A code without one means nothing to others; a definition without a code is of one that was given up."""
    codes = {code.value for code in terminology.local_codes()}
    defined = {*terminology.DEFINITIONS, *(CODES[each].local.value for each in terminology.CLASS_DEFINITIONS)}
    assert codes == defined
    assert {CODES[cell_type].local.value for cell_type in CellType} <= codes


def test_a_machines_count_is_equivalent_to_no_manual_one() -> None:
    """No local code is mapped as equivalent to a LOINC term; those by Manual count are inexact and say why."""
    to_loinc = next(g for g in read("ConceptMap-marrowcount-local-to-standard.json")["group"] if g["target"] == LOINC)
    by_code = {each["code"]: each["target"][0] for each in to_loinc["element"]}
    assert "equivalent" not in {target["equivalence"] for target in by_code.values()}
    for cell_type, term in loinc_terms().items():
        target = by_code[CODES[cell_type].local.value]
        assert target["code"] == term.value
        if term.method is LoincMethod.MANUAL or cell_type not in NDC_CLASSES:
            assert target["equivalence"] == "inexact"
            assert target["comment"]


def test_what_is_written_is_declared() -> None:
    """The capability statement has every type that the examples write, and how: created on condition or replaced."""
    declared = {
        each["type"]: each for each in read("CapabilityStatement-marrowcount-client.json")["rest"][0]["resource"]
    }
    for entry in entries():
        used = declared[entry["resource"]["resourceType"]]
        interactions = {each["code"] for each in used["interaction"]}
        assert "create" in interactions
        if entry["request"]["method"] == "PUT":
            assert "update" in interactions
        assert used.get("conditionalCreate", False) >= ("ifNoneExist" in entry["request"])


def test_what_is_declared_is_written() -> None:
    """No type is declared for writing that no example writes."""
    written = {entry["resource"]["resourceType"] for entry in entries()}
    declared = read("CapabilityStatement-marrowcount-client.json")["rest"][0]["resource"]
    writes = [each["type"] for each in declared if "create" in {i["code"] for i in each["interaction"]}]
    assert sorted(writes) == sorted(written)
