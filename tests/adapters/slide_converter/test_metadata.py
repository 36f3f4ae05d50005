"""What a person says of a slide whose file does not say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowcount.errors import SettingsError
from marrowcount_adapters.slide_converter import read_metadata, unidentified

WHOLE = """\
[patient]
id = "MRN-1"
issuer = "HOSP"
name = "Müller^Zoë"
sex = "F"
[study]
uid = "1.2.3"
accession_number = "A1"
[slide]
container = "B26-1-A1"
acquired = "20260930090000+0200"
um_per_px = 0.25
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "slide.svs.toml"
    path.write_text(WHOLE, encoding="utf-8")
    return path


def test_what_is_given_becomes_attributes(file: Path) -> None:
    """As DICOM JSON; the specimen has its container's identifier where it has none of its own."""
    metadata = read_metadata(file)
    attributes = metadata.attributes()
    assert attributes["00100020"] == {"vr": "LO", "Value": ["MRN-1"]}
    assert attributes["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller^Zoë"}]}
    assert attributes["0020000D"]["Value"] == ["1.2.3"]
    assert (metadata.specimen, metadata.is_unidentified) == ("B26-1-A1", False)


def test_what_is_not_given_stays_empty(file: Path) -> None:
    """Type 2 attributes are there without a value; nothing is made up, and no empty identifier replaces a made one."""
    file.write_text('[patient]\nid = "1"\n[slide]\ncontainer = "C"\n')
    attributes = read_metadata(file).attributes()
    assert attributes["00100030"] == {"vr": "DA"}
    assert "0020000D" not in attributes
    assert "00100021" not in attributes


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[slide]\ncontainer = "C"\n', "patient"),
        ('[patient]\nid = "1"\n', "slide"),
        ('[patient]\nid = ""\n[slide]\ncontainer = "C"\n', "patient.id"),
        (WHOLE.replace("[slide]", '[slide]\ncolour = "SECRET"'), "slide.colour"),
        (WHOLE.replace("20260930090000+0200", "SECRET"), "slide.acquired"),
        (WHOLE.replace("0.25", "250"), "slide.um_per_px"),
        (WHOLE.replace('"1.2.3"', '"SECRET"'), "study.uid"),
    ],
)
def test_what_is_missing_or_wrong_is_named(file: Path, text: str, place: str) -> None:
    """By its place; no value is repeated, since it may be a patient's."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="bad-metadata") as raised:
        read_metadata(file)
    assert place in raised.value.message
    assert "SECRET" not in raised.value.message


def test_no_metadata_is_told_with_the_way_out(tmp_path: Path) -> None:
    """What to write where, or which flag marks a slide as nobody's."""
    with pytest.raises(SettingsError, match=r"no-metadata.*--unidentified"):
        read_metadata(tmp_path / "absent.toml")


def test_no_toml_is_told(file: Path) -> None:
    """Its content is not quoted."""
    file.write_text("SECRET = [")
    with pytest.raises(SettingsError, match="bad-metadata") as raised:
        read_metadata(file)
    assert "SECRET" not in raised.value.message


def test_a_placeholder_is_marked_as_one() -> None:
    """In every identifier, and by an issuer that no setting maps to a health record."""
    metadata = unidentified("ab" * 32)
    assert metadata.is_unidentified
    assert metadata.patient.id == metadata.slide.container == "UNIDENTIFIED-abababababab"
    assert unidentified("cd" * 32).patient.id != metadata.patient.id
