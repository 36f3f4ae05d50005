"""What was granted beside what was asked for, in both versions of SMART's scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount_adapters.smart_backend.scopes import LETTERS, missing_scopes


@pytest.mark.parametrize(
    ("asked", "granted", "missing"),
    [
        ("system/Observation.crus", "system/Observation.crus", ""),
        ("system/Observation.crus", "system/Observation.cruds", ""),
        ("system/Observation.crus", "system/Observation.rs", "system/Observation.cu"),
        ("system/Observation.crus", "", "system/Observation.crus"),
        ("system/Observation.crus", "system/Observation.c system/Observation.r system/Observation.us", ""),
        ("system/Observation.crus", "system/Observation.read system/Observation.write", ""),
        ("system/Observation.crus", "system/Observation.write", "system/Observation.rs"),
        ("system/Observation.crus", "system/Observation.read", "system/Observation.cu"),
        ("system/Observation.crus", "system/Observation.*", ""),
        ("system/Observation.crus", "system/*.cruds", ""),
        ("system/Observation.crus", "system/*.read", "system/Observation.cu"),
        ("system/Observation.read", "system/Observation.rs", ""),
        ("system/Observation.write", "system/Observation.cud", ""),
        ("system/Observation.write", "system/Observation.cu", "system/Observation.d"),
        ("system/Observation.read", "system/Observation.read", ""),
        ("system/Patient.rs", "system/Observation.rs", "system/Patient.rs"),
        ("system/Patient.rs", "user/Patient.rs patient/Patient.rs", "system/Patient.rs"),
        ("system/*.rs", "system/Patient.rs", "system/*.rs"),
        ("system/Observation.c", "system/Observation.c?category=vital-signs", "system/Observation.c"),
        ("system/Observation.c?category=laboratory", "system/Observation.c?category=laboratory", ""),
        ("system/Observation.c?category=laboratory", "system/Observation.c", ""),
        (
            "system/Observation.c?category=laboratory",
            "system/Observation.c?category=vital-signs",
            "system/Observation.c?category=laboratory",
        ),
        ("system/Observation.c", "system/Observation.sc", "system/Observation.c"),
        ("system/Observation.c", "system/Observation.", "system/Observation.c"),
        ("https://ehr.example.org/.default", "https://ehr.example.org/.default", ""),
        ("https://ehr.example.org/.default", "system/*.cruds", "https://ehr.example.org/.default"),
    ],
)
def test_scopes_are_compared_by_what_they_permit(asked: str, granted: str, missing: str) -> None:
    """By letters, wildcards and version 1's words; a grant narrowed by a query, of another level or ill-formed is
    none of what was asked for."""
    assert missing_scopes([asked], granted.split()) == [missing] * bool(missing)


def test_several_are_missing_in_the_order_asked() -> None:
    """Each is named with the letters that lack."""
    asked = ["system/Patient.rs", "system/Provenance.c", "system/Device.crs"]
    assert missing_scopes(asked, ["system/Device.r"]) == [
        "system/Patient.rs",
        "system/Provenance.c",
        "system/Device.cs",
    ]


letters = st.sets(st.sampled_from(LETTERS), min_size=1).map(lambda some: "".join(x for x in LETTERS if x in some))


@given(letters, letters)
def test_what_is_missing_and_what_is_granted_make_up_what_was_asked(asked: str, granted: str) -> None:
    """Nothing is lost, and nothing that is there is called missing."""
    missing = missing_scopes([f"system/Patient.{asked}"], [f"system/Patient.{granted}"])
    left = {letter for scope in missing for letter in scope.rpartition(".")[2]}
    assert left == set(asked) - set(granted)
