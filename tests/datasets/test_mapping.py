"""Mapping: every name has a meaning or is refused by name; what is ignored has a reason."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import ClassMapping, Meaning, NamedBox, NamedExample, Split, load_mapping, shipped_mappings
from marrowcount.datasets.mapping import IDENTITY, class_name, normal_name
from marrowcount.datasets.mapping_files import mapping_of, mapping_text
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from pathlib import Path

BOX = PixelBox(1, 2, 9, 8)
IDC = "idc-bonemarrowwsi-pediatricleukemia"


def named(*names: str, complete: bool | None = None) -> NamedExample:
    objects = tuple(NamedBox(BOX, name, "reader") for name in names)
    return NamedExample("a/1.png", SizePx(20, 10), objects, complete, patient="p", group="g", split=Split.TEST)


def test_names_become_classes_and_the_ignored_go() -> None:
    """A class, a nucleated cell of unstated class, and red cells, which are never an object."""
    mapping = load_mapping("wbc-rbc-platelet")
    mapped = mapping.mapped(named("WBC", "RBC", "Platelets", "RBC"), "d")
    assert [(one.cell_type, one.box, one.author) for one in mapped.objects or ()] == [
        (None, BOX, "reader"),
        (CellType.PLATELET, BOX, "reader"),
    ]
    assert (mapped.digest, mapped.patient, mapped.group, mapped.split) == ("d", "p", "g", Split.TEST)
    assert mapping.ignored([named("WBC", "RBC", "RBC")]) == {"RBC": (2, "red cells are never an object")}


def test_unmapped_names_are_refused_all_at_once() -> None:
    """One message names every unknown name and how many objects bear it."""
    with pytest.raises(DatasetError, match="class-unmapped") as refused:
        load_mapping("aml-lmu").require([named("BAS", "XYZ"), named("XYZ", "abc")])
    assert "'XYZ' (2)" in refused.value.message
    assert "'abc' (1)" in refused.value.message
    assert "BAS" not in refused.value.message


def test_nothing_unknown_is_mapped() -> None:
    """Even without asking first, no unknown name slips through."""
    with pytest.raises(DatasetError, match="class-unmapped"):
        load_mapping("aml-lmu").mapped(named("XYZ"))


def test_unboxed_stays_unboxed() -> None:
    """None, nobody looked, is not made an empty list, nothing there."""
    unboxed = NamedExample("a", SizePx(20, 10))
    assert IDENTITY.mapped(unboxed).objects is None
    assert IDENTITY.mapped(named()).objects == ()


def test_the_file_wins_over_the_mapping_about_completeness() -> None:
    """Where the source says of a picture whether all is drawn, that holds; else the mapping's word."""
    mapping = ClassMapping("m", {}, complete=True)
    assert [mapping.mapped(named(complete=said)).complete for said in (None, True, False)] == [True, True, False]


@settings(deadline=None)
@given(
    st.sampled_from(["plasma cell", "nucleated cell", "megakaryocyte nucleus"]), st.sampled_from([" ", "_", "-", " - "])
)
def test_spelling_does_not_matter(name: str, separator: str) -> None:
    """Case, spaces, hyphens and underscores are one."""
    spelt = f" {separator.join(name.split()).upper()} "
    assert normal_name(spelt) == normal_name(name)
    assert IDENTITY.meaning_of(spelt) == IDENTITY.meaning_of(name)


def test_the_19_names_mean_themselves() -> None:
    """What we export we can import."""
    assert all(IDENTITY.meaning_of(class_name(kind)) == Meaning(kind) for kind in (*CellType, None))


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_load_and_print(name: str) -> None:
    """Each is sound, has something in it, and can be printed to start one's own from."""
    mapping = load_mapping(name)
    assert mapping.name == name
    assert mapping.meanings
    assert mapping_of(mapping_text(name), name).meanings == mapping.meanings


def test_the_idc_mapping_knows_the_published_labels() -> None:
    """All 50 labels of the collection's annotation groups, with their codes; only red cells and non-objects go."""
    mapping = load_mapping(IDC)
    labels = [
        "artifact",
        "basophilic_band",
        "basophilic_erythroblast",
        "basophilic_metamyelocyte",
        "basophilic_myelocyte",
        "damaged_cell",
        "degranulated_neutrophilic_metamyelocyte",
        "degranulated_neutrophilic_myelocyte",
        "eosinophilic_band",
        "eosinophilic_metamyelocyte",
        "eosinophilic_myelocyte",
        "erythrocyte",
        "giant_platelet",
        "haematological_structure",
        "lymphocyte",
        "lymphocytic_blast",
        "lymphoid_precursor_cell",
        "lymphoidocyte",
        "macrophage",
        "megakaryocyte",
        "micromegakaryocyte",
        "mitosis",
        "monocyte",
        "monocytic_blast",
        "myelocytic_blast",
        "myeloid_precursor_cell",
        "neutrophil_extracellular_trap",
        "neutrophilic_band",
        "neutrophilic_metamyelocyte",
        "neutrophilic_myelocyte",
        "no_consensus_found",
        "orthochromatic_erythroblast",
        "phagocytosis",
        "plasma_cell",
        "polychromatic_erythroblast",
        "proerythroblast",
        "prolymphocyte",
        "promegakaryocyte",
        "promonocyte",
        "promyelocyte",
        "pseudo_gaucher_cell",
        "segmented_basophil",
        "segmented_eosinophil",
        "segmented_neutrophil",
        "smudge_cell",
        "spicule",
        "technically_unfit",
        "thrombocyte",
        "thrombocyte_aggregate",
        "unknown_blast",
    ]
    assert len(labels) == 50
    ignored = {label for label in labels if mapping.meaning_of(label).ignored}
    assert ignored == {"erythrocyte", "spicule", "technically_unfit"}
    assert mapping.meaning_of("haematological_structure") == Meaning(None)
    assert mapping.meaning_of("SCT:15622002").cell_type is CellType.BLAST
    assert (mapping.licence, mapping.complete) == ("CC BY 4.0", False)


def test_the_idc_mapping_is_of_the_collection_at_hand(shared_data: Path) -> None:
    """Licence and source are those of the collection's own index."""
    with (shared_data / "idc_bonemarrow_index" / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    mapping = load_mapping(IDC)
    assert {row["license_short_name"] for row in rows} == {mapping.licence}
    assert all(row["source_DOI"] in mapping.source for row in rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("about =", "no TOML"),
        ("[classes]\nblast = ['B']", "about"),
        ("about = 'x'\ncomplet = true", "complet"),
        ("about = 'x'\n[classes]\nblsat = ['B']", "blsat"),
        ("about = 'x'\n[classes]\nblast = ['B']\nmonocyte = ['b']", "two meanings"),
        ("about = 'x'\n[ignore]\n' ' = ['B']", "without a reason"),
        ("about = 'x'\n[classes]\nblast = 'B'", "classes.blast"),
    ],
)
def test_a_malformed_mapping_says_what_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    """The message names the file and the place."""
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match="mapping-malformed") as refused:
        load_mapping(str(path))
    assert said in refused.value.message
    assert str(path) in refused.value.message


def test_a_users_own_mapping_is_read(tmp_path: Path) -> None:
    """By the path of its file, with one name a class or several."""
    path = tmp_path / "own.toml"
    path.write_text("about = 'x'\n[classes]\nblast = ['B', 'LB']\n'nucleated cell' = ['?']\n", encoding="utf-8")
    mapping = load_mapping(str(path))
    assert [mapping.meaning_of(name).cell_type for name in ("b", "LB", "?")] == [CellType.BLAST, CellType.BLAST, None]


def test_a_missing_mapping_names_the_shipped(tmp_path: Path) -> None:
    """Whoever mistypes a name learns which there are."""
    for call in (load_mapping, mapping_text):
        with pytest.raises(DatasetError, match="mapping-missing") as refused:
            call(str(tmp_path / "nothing.toml"))
        assert IDC in refused.value.message
