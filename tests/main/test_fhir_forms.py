"""Each health record gets the form that its settings ask for, and no file is written that nobody wants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import pytest

from made_up_reports import reports
from marrowcount.cytology.loinc import CodePolicy
from marrowcount.main.destinations import orders_of_folder
from marrowcount.main.fhir_files import fhir_files
from marrowcount.main.fhir_forms import FHIR_FORMS, PROJECTIONS, USUAL, Form, form_of
from marrowcount.settings import EhrSection, NodeSection, Settings
from marrowcount.workflow.routing import Origin
from marrowcount_adapters.fhir import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPORTS = reports()
URL = "https://ehr.example.org/fhir"


def site(**ehrs: Mapping[str, str]) -> Settings:
    sections = tuple(EhrSection(name=name, base_url=URL, **wishes) for name, wishes in ehrs.items())
    return Settings(ehr=sections)


def test_settings_and_encoder_know_the_same_forms() -> None:
    """Whatever may be set can be written, and the other way round."""
    fields = EhrSection.model_fields
    assert get_args(fields["projection"].annotation) == PROJECTIONS == tuple(Projection)
    assert get_args(fields["code_policy"].annotation) == tuple(CodePolicy)
    assert form_of(EhrSection(name="usual", base_url=URL)) == USUAL


def test_every_form_has_a_file_of_its_own() -> None:
    """The usual one is fhir.json; others say what is unusual of them."""
    assert list(FHIR_FORMS) == [
        "fhir.json",
        "fhir.nearest.json",
        "fhir.r4-flat.json",
        "fhir.r4-flat.nearest.json",
        "fhir.eu-lab-document.json",
        "fhir.eu-lab-document.nearest.json",
        "fhir.r5-graph.json",
        "fhir.r5-graph.nearest.json",
    ]
    assert all(form.file == name for name, form in FHIR_FORMS.items())


def test_only_what_a_record_wants_is_written() -> None:
    """And the usual form in any case, for people; once where two want the same."""
    assert set(fhir_files(REPORTS["final"], site(), None)) == {"fhir.json"}
    wishes = {"projection": "r4-flat"}
    files = fhir_files(REPORTS["final"], site(one=wishes, two=wishes, three={"code_policy": "nearest"}), None)
    assert list(files) == ["fhir.json", "fhir.r4-flat.json", "fhir.nearest.json"]


@pytest.mark.parametrize("form", FHIR_FORMS.values(), ids=lambda form: form.file)
def test_a_file_holds_what_its_name_says(form: Form) -> None:
    """Projection and policy reach the encoder."""
    wishes = {"projection": form.projection, "code_policy": str(form.policy)}
    text = fhir_files(REPORTS["final"], site(ehr=wishes), None)[form.file].decode()
    kinds = {entry["resource"]["resourceType"] for entry in json.loads(text)["entry"]}
    assert ("Composition" in kinds) == (form.projection == "eu-lab-document")
    assert ("ImagingSelection" in kinds) == (form.projection == "r5-graph")
    assert ("Specimen" in kinds) == (form.projection != "r4-flat")
    assert ("by Manual count" in text) == (form.policy is CodePolicy.NEAREST)


def write(settings: Settings, *names: str) -> str:
    """Made-up files of a version; its place."""
    folder = settings.results_folder / "1.2" / "1.1"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("{}")
    return "1.2/1.1"


def test_each_record_gets_its_own_form(tmp_path: Path) -> None:
    """And no other one: a record that takes documents would take a transaction amiss."""
    settings = site(graph={}, flat={"projection": "r4-flat"}, europe={"projection": "eu-lab-document"})
    settings = settings.model_copy(update={"node": NodeSection(data_folder=tmp_path)})
    place = write(settings, "fhir.json", "fhir.r4-flat.json", "fhir.eu-lab-document.json")
    orders = orders_of_folder(settings, place, Origin("SCANNER"))
    assert {order.destination: order.files for order in orders} == {
        "graph": ("1.2/1.1/fhir.json",),
        "flat": ("1.2/1.1/fhir.r4-flat.json",),
        "europe": ("1.2/1.1/fhir.eu-lab-document.json",),
    }


def test_a_record_gets_no_result_of_slides_that_it_does_not_want(tmp_path: Path) -> None:
    """What is written for a record is still subject to its rule."""
    settings = site(graph={"senders": ("OTHER",)}).model_copy(update={"node": NodeSection(data_folder=tmp_path)})
    place = write(settings, "fhir.json")
    assert orders_of_folder(settings, place, Origin("SCANNER")) == ()
    assert len(orders_of_folder(settings, place, Origin("OTHER"))) == 1
    assert orders_of_folder(settings, place, Origin("OTHER"), messages=False) == ()
    assert orders_of_folder(settings, "1.2/2.1", Origin("OTHER")) == ()
