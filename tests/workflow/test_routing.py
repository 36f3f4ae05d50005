"""Results go where the rules say: by what they are, by who sent the slide, by its institution."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.ports import DeliveryKind
from marrowcount.workflow.routing import Origin, ResultFile, Route, orders

DICOM = frozenset({DeliveryKind.DICOM, DeliveryKind.STOW})
CELLS, REPORT = ResultFile("1/cells.ann.dcm", DICOM, "ANN"), ResultFile("1/differential.sr.dcm", DICOM, "SR")
BUNDLE = ResultFile("1/fhir.json", frozenset({DeliveryKind.FHIR}))
RESULT = (CELLS, REPORT, BUNDLE)
SLIDE = Origin("SCANNER1", "St. Mary's, Haematology")


def paths(*routes: Route, origin: Origin = SLIDE) -> dict[str, tuple[str, ...]]:
    return {order.destination: order.files for order in orders(RESULT, origin, routes)}


def test_without_conditions_each_destination_gets_all_that_it_can_take() -> None:
    """Objects to archives, the bundle to health records, in the order of sending."""
    owed = orders(
        RESULT,
        SLIDE,
        [Route(DeliveryKind.DICOM, "pacs"), Route(DeliveryKind.STOW, "cloud"), Route(DeliveryKind.FHIR, "ehr")],
    )
    assert [(order.kind, order.destination) for order in owed] == [
        ("dicom", "pacs"),
        ("stow", "cloud"),
        ("fhir", "ehr"),
    ]
    assert [order.files for order in owed] == [(CELLS.path, REPORT.path)] * 2 + [(BUNDLE.path,)]


def test_objects_are_routed_by_modality() -> None:
    """A viewer's archive gets annotations, the report goes to the PACS of record."""
    viewer = Route(DeliveryKind.DICOM, "viewer", modalities=frozenset({"ANN"}))
    record = Route(DeliveryKind.DICOM, "record", modalities=frozenset({"SR"}))
    assert paths(viewer, record) == {"viewer": (CELLS.path,), "record": (REPORT.path,)}


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [(("SCANNER1",), True), (("SCANNER?",), True), (("OTHER", "SCAN*"), True), (("scanner1",), False), (("X",), False)],
)
def test_results_are_routed_by_who_sent_the_slide(patterns: tuple[str, ...], wanted: bool) -> None:  # noqa: FBT001 - a table
    """AE titles are case sensitive (PS3.8 section 7.1.1.4)."""
    assert bool(paths(Route(DeliveryKind.DICOM, "pacs", senders=patterns))) is wanted


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [(("st. mary's*",), True), (("*haematology",), True), (("St. Mary's",), False), (("",), False)],
)
def test_results_are_routed_by_institution(patterns: tuple[str, ...], wanted: bool) -> None:  # noqa: FBT001 - a table
    """Names are written by people: case is nothing, the whole name must match."""
    assert bool(paths(Route(DeliveryKind.FHIR, "ehr", institutions=patterns))) is wanted


def test_a_slide_without_institution_matches_the_empty_name() -> None:
    """A rule for slides that name none can be written."""
    route = Route(DeliveryKind.DICOM, "pacs", institutions=("",))
    assert paths(route, origin=Origin("SCANNER1"))
    assert not paths(route)


def test_results_go_back_to_the_sender() -> None:
    """Each PACS gets the results of its own slides."""
    routes = [Route(DeliveryKind.DICOM, name, own_ae_title=name.upper()) for name in ("east", "west")]
    assert set(paths(*routes, origin=Origin("WEST"))) == {"west"}
    assert not paths(*routes, origin=Origin("NORTH"))


def test_all_conditions_must_be_met() -> None:
    """Of a list one must, of a rule each."""
    route = Route(DeliveryKind.DICOM, "pacs", frozenset({"SR"}), ("SCANNER*",), ("St*",))
    assert paths(route) == {"pacs": (REPORT.path,)}
    assert not paths(route, origin=Origin("SCANNER1", "Elsewhere"))


@given(
    modalities=st.frozensets(st.sampled_from(["ANN", "SR"])),
    senders=st.lists(st.sampled_from(["SCANNER1", "S*", "X"]), max_size=2),
    sender=st.sampled_from(["SCANNER1", "SCANNER2", "X"]),
)
def test_nothing_is_sent_that_no_rule_wants_and_order_is_kept(
    modalities: frozenset[str], senders: list[str], sender: str
) -> None:
    """What a report refers to goes before it, whatever the rules leave out."""
    owed = orders(RESULT, Origin(sender), [Route(DeliveryKind.STOW, "cloud", modalities, tuple(senders))])
    for order in owed:
        assert list(order.files) == [file.path for file in RESULT if file.path in order.files]
        assert all(file.modality in modalities for file in RESULT if modalities and file.path in order.files)
    assert bool(owed) is (not senders or any(each in {sender, "S*"} and sender[0] in each for each in senders))


def test_what_was_written_for_one_goes_to_no_other() -> None:
    """A file may be meant for one destination among those of its kind."""
    mine = ResultFile("1/fhir.mine.json", frozenset({DeliveryKind.FHIR}), destination="mine")
    routes = [Route(DeliveryKind.FHIR, "mine"), Route(DeliveryKind.FHIR, "theirs")]
    assert [(order.destination, order.files) for order in orders([mine], Origin("ANY"), routes)] == [
        ("mine", ("1/fhir.mine.json",))
    ]
