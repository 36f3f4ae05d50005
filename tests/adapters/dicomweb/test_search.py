"""QIDO-RS: what the node holds is found by what its headers say (PS3.18 section 10.6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import InstanceError
from marrowcount.ports import CountedOutcome
from marrowcount_adapters.dicomweb.matching import criterion
from marrowcount_adapters.dicomweb.query import read_query
from slide_files import slide_file
from web_nodes import ANN, BASE, NOW, Started, WebNode, web_node

SR = "1.2.840.10008.5.1.4.1.1.88.33"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> WebNode:
    """Two patients, three studies, five series, six instances."""
    folder = tmp_path_factory.mktemp("clinic")
    node = web_node(folder / "node")
    ada = {"PatientName": "Müller^Ada", "PatientID": "P1", "SpecificCharacterSet": "ISO_IR 100"}
    bob = {"PatientName": "Nguyễn^Bob=阮^Bob", "PatientID": "P2", "SpecificCharacterSet": "ISO_IR 192"}
    first = ada | {"StudyInstanceUID": "1.1", "StudyDate": "20260105", "StudyTime": "083015.5", "AccessionNumber": "A1"}
    second = ada | {"StudyInstanceUID": "1.2", "StudyDate": "20260220", "StudyTime": "16", "AccessionNumber": "A2"}
    third = bob | {"StudyInstanceUID": "1.3", "StudyDate": "20260221", "AccessionNumber": "A*"}
    rows: list[tuple[str, dict[str, object]]] = [
        ("1.1.1.1", first | {"SeriesInstanceUID": "1.1.1", "InstanceNumber": 1, "ContainerIdentifier": "G1"}),
        ("1.1.1.2", first | {"SeriesInstanceUID": "1.1.1", "InstanceNumber": 2, "ContainerIdentifier": "G1"}),
        ("1.1.2.1", first | {"SeriesInstanceUID": "1.1.2", "Modality": "ANN", "SOPClassUID": ANN, "InstanceNumber": 1}),
        ("1.2.1.1", second | {"SeriesInstanceUID": "1.2.1", "InstanceNumber": 7, "SeriesNumber": 4}),
        ("1.2.2.1", second | {"SeriesInstanceUID": "1.2.2", "Modality": "SR", "SOPClassUID": SR}),
        ("1.3.1.1", third | {"SeriesInstanceUID": "1.3.1", "ContainerIdentifier": "G2"}),
    ]
    node.hold(*(slide_file(folder / f"{uid}.dcm", uid, frame_bytes=20, **said) for uid, said in rows))  # type: ignore[arg-type] # attributes
    return node


def found(node: WebNode, path: str, tag: str = "0020000D") -> list[str]:
    answer = node.get(path)
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    return [one[tag]["Value"][0] for one in answer.json()]


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("", ["1.1", "1.2", "1.3"]),
        ("PatientID=P1", ["1.1", "1.2"]),
        ("00100020=P2", ["1.3"]),
        ("PatientID=p1", []),
        ("PatientID=", ["1.1", "1.2", "1.3"]),
        ("PatientID=P*", ["1.1", "1.2", "1.3"]),
        ("PatientID=?2", ["1.3"]),
        ("PatientName=müller^ada", ["1.1", "1.2"]),
        ("PatientName=M*", ["1.1", "1.2"]),
        ("PatientName=阮*", ["1.3"]),
        ("PatientName=Ada", []),
        ("AccessionNumber=A2", ["1.2"]),
        ("StudyDate=20260105", ["1.1"]),
        ("StudyDate=20260106-20260220", ["1.2"]),
        ("StudyDate=20260220-", ["1.2", "1.3"]),
        ("StudyDate=-20260131", ["1.1"]),
        ("StudyTime=0830", ["1.1"]),
        ("StudyTime=08-12", ["1.1"]),
        ("StudyTime=1200-1600", ["1.2"]),
        ("StudyInstanceUID=1.1,1.3", ["1.1", "1.3"]),
        ("StudyInstanceUID=1.1%5C1.2", ["1.1", "1.2"]),
        ("ModalitiesInStudy=SR", ["1.2"]),
        ("ModalitiesInStudy=SM", ["1.1", "1.2", "1.3"]),
        ("ModalitiesInStudy=CT", []),
        ("PatientID=P1&ModalitiesInStudy=ANN", ["1.1"]),
        ("Modality=ANN", ["1.1"]),
        ("ContainerIdentifier=G2", ["1.3"]),
        ("SOPInstanceUID=1.1.1.2", ["1.1"]),
        ('ContainerIdentifier=""&Modality=SM', ["1.2"]),
        ("limit=2", ["1.1", "1.2"]),
        ("limit=1&offset=1", ["1.2"]),
        ("offset=5", []),
        ("limit=0", []),
    ],
)
def test_studies_are_found_by_their_keys(clinic: WebNode, query: str, studies: list[str]) -> None:
    """By all required keys, by those of their series and instances, in pages."""
    assert found(clinic, f"/studies?{query}") == studies


@pytest.mark.parametrize(
    ("path", "uids"),
    [
        ("/series", ["1.1.1", "1.1.2", "1.2.1", "1.2.2", "1.3.1"]),
        ("/series?Modality=SM&PatientID=P1", ["1.1.1", "1.2.1"]),
        ("/studies/1.2/series", ["1.2.1", "1.2.2"]),
        ("/studies/1.2/series?SeriesNumber=4", ["1.2.1"]),
        ("/series?ModalitiesInStudy=SR", ["1.2.1", "1.2.2"]),
        ("/series?SOPInstanceUID=1.3.1.1", ["1.3.1"]),
        ("/studies/9.9/series", []),
    ],
)
def test_series_are_found(clinic: WebNode, path: str, uids: list[str]) -> None:
    """Everywhere, or in one study."""
    assert found(clinic, path, "0020000E") == uids


@pytest.mark.parametrize(
    ("path", "uids"),
    [
        ("/instances?PatientID=P2", ["1.3.1.1"]),
        ("/instances?SOPClassUID=" + ANN, ["1.1.2.1"]),
        ("/instances?InstanceNumber=2", ["1.1.1.2"]),
        ("/studies/1.1/instances", ["1.1.1.1", "1.1.1.2", "1.1.2.1"]),
        ("/studies/1.1/series/1.1.1/instances", ["1.1.1.1", "1.1.1.2"]),
        ("/studies/1.2/series/1.1.1/instances", []),
        ("/instances?ModalitiesInStudy=SR", ["1.2.1.1", "1.2.2.1"]),
    ],
)
def test_instances_are_found(clinic: WebNode, path: str, uids: list[str]) -> None:
    """Everywhere, in one study, in one series."""
    assert found(clinic, path, "00080018") == uids


def test_a_study_is_described(clinic: WebNode) -> None:
    """With every attribute of PS3.18 Table 10.6.3-3; what is not known stands empty."""
    (study,) = clinic.get("/studies?StudyInstanceUID=1.1").json()
    assert study["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller^Ada"}]}
    assert study["00080061"]["Value"] == ["ANN", "SM"]
    assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([2], [3])
    assert study["00081190"]["Value"] == [f"http://localhost{BASE}/studies/1.1"]
    assert study["00080090"] == {"vr": "PN"}
    assert study["00080056"]["Value"] == ["ONLINE"]
    assert list(study) == sorted(study)
    required = {"00080020", "00080030", "00080050", "00100020", "00100030", "00100040", "0020000D", "00200010"}
    assert required <= study.keys()


def test_a_series_and_an_instance_are_described(clinic: WebNode) -> None:
    """Those above them, too, where the URI does not name them."""
    (series,) = clinic.get("/series?SeriesInstanceUID=1.1.1").json()
    assert (series["00201209"]["Value"], series["00100020"]["Value"]) == ([2], ["P1"])
    (series,) = clinic.get("/studies/1.1/series?SeriesInstanceUID=1.1.1").json()
    assert "00100020" not in series
    (instance, *_) = clinic.get("/studies/1.1/series/1.1.1/instances").json()
    assert instance["00080016"]["Value"] == ["1.2.840.10008.5.1.4.1.1.77.1.6"]
    assert instance["00083002"]["Value"] == ["1.2.840.10008.1.2.4.50"]
    assert instance["00280008"]["Value"] == [4]
    assert "00100020" not in instance
    assert "00080060" not in instance


@pytest.mark.parametrize("field", ["ContainerIdentifier", "00400512", "SeriesNumber,ContainerIdentifier", "all"])
def test_more_attributes_may_be_asked_for(clinic: WebNode, field: str) -> None:
    """By keyword, by tag, in lists, or all that the index has."""
    (instance, _) = clinic.get(f"/studies/1.1/series/1.1.1/instances?includefield={field}").json()
    assert instance["00400512"]["Value"] == ["G1"]


def test_what_was_matched_is_returned(clinic: WebNode) -> None:
    """A key of the query stands in the results, whether or not it is usually returned."""
    (instance,) = clinic.get("/instances?ContainerIdentifier=G2").json()
    assert instance["00400512"]["Value"] == ["G2"]


def test_a_page_tells_of_more(clinic: WebNode) -> None:
    """By a Warning header; the last page has none."""
    assert clinic.get("/studies?limit=2").headers["warning"].startswith('299 localhost "There are more results')
    assert "warning" not in clinic.get("/studies?limit=2&offset=2").headers


def test_the_server_has_a_limit_of_its_own(start: Started, tmp_path: Path) -> None:
    """However many are asked for."""
    node = start(max_results=1)
    for uid in ("1.1", "1.2"):
        node.hold(slide_file(tmp_path / uid, uid, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1"))
    answer = node.get("/studies?limit=1000")
    assert len(answer.json()) == 1
    assert "more results" in answer.headers["warning"]


def test_fuzzy_matching_is_not_done_and_says_so(clinic: WebNode) -> None:
    """PS3.18 section 8.3.4.2."""
    answer = clinic.get("/studies?fuzzymatching=true&PatientID=P2")
    assert (answer.status_code, len(answer.json())) == (200, 1)
    assert "fuzzymatching" in answer.headers["warning"]


@pytest.mark.parametrize(
    "query",
    [
        "NoSuchKeyword=1",
        "limit=-1",
        "limit=x",
        "offset=1e3",
        "fuzzymatching=perhaps",
        "StudyDate=yesterday",
        "StudyDate=20260101-20260102-20260103",
        "includefield=NoSuchKeyword",
        "PixelData=1",
        "&".join(f"PatientID={number}" for number in range(200)),
    ],
)
def test_what_cannot_be_asked_is_refused(clinic: WebNode, query: str) -> None:
    """400, without quoting what was asked, which may be a person's name."""
    answer = clinic.get(f"/studies?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-query")
    assert "perhaps" not in answer.text
    assert "yesterday" not in answer.text


def test_other_media_types_are_not_acceptable(clinic: WebNode) -> None:
    """406; the XML form is not offered."""
    assert clinic.get("/studies", "application/dicom+xml").status_code == 406
    assert clinic.get("/studies", "application/json").headers["content-type"] == "application/json"


def test_no_query_value_reaches_the_log(clinic: WebNode, capsys: pytest.CaptureFixture[str]) -> None:
    """UIDs alone are logged; what stands in place of one is not."""
    clinic.get("/studies?PatientName=Secret^Person")
    clinic.get("/studies/1.1/series/Secret^Person/instances")
    logged = capsys.readouterr()
    assert "web.request" in logged.out
    assert "Secret" not in logged.out + logged.err
    assert "/studies/1.1/series/*/instances" in logged.out


def test_results_are_found_until_they_are_superseded(start: Started, tmp_path: Path) -> None:
    """Those of the present count; a late instance takes them away until the slide is counted anew."""
    node = start()
    node.hold(slide_file(tmp_path / "a.dcm", "1.2.3.1"))
    counted(node, "1.2.3/1", "9.1")
    assert found(node, "/studies/1.2/series?Modality=ANN", "0020000E") == ["9"]
    node.hold(slide_file(tmp_path / "b.dcm", "1.2.3.2"))
    assert found(node, "/studies/1.2/series?Modality=ANN") == []
    counted(node, "1.2.3/2", "9.2")
    assert found(node, "/studies/1.2/instances?Modality=ANN", "00080018") == ["9.2"]


def counted(node: WebNode, place: str, uid: str) -> None:
    """What a worker does, without the counting."""
    folder = node.results / place
    folder.mkdir(parents=True)
    slide_file(folder / "cells.ann.dcm", uid, SeriesInstanceUID="9", Modality="ANN", SOPClassUID=ANN)
    (folder / "result.json").write_text("{}")
    (folder / "broken.dcm").write_bytes(b"broken")
    revision = int(place.partition("/")[2])
    assert node.ledger.mark_ready("1.2.3", revision, "complete", NOW)
    job = node.ledger.lease_job("worker", NOW, 60)
    assert job is not None
    assert node.ledger.finish(job, CountedOutcome(place, "{}", ()), NOW)


def test_the_index_is_made_anew_from_the_files(clinic: WebNode) -> None:
    """Whatever became of it: the files are what counts."""
    file = clinic.holdings.index._file
    before = clinic.get("/instances?includefield=all").json()
    for content in (b"no database", b""):
        file.write_bytes(content)
        index = type(clinic.holdings.index)(file)
        clinic.holdings.index = index
        assert clinic.get("/instances?includefield=all").json() == before
    assert file.stat().st_mode & 0o077 == 0


def test_who_waits_long_for_the_index_is_told_so(clinic: WebNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After, while another request makes it."""
    monkeypatch.setattr("marrowcount_adapters.dicomweb.holdings.LONGEST_WAIT_S", 0.01)
    with clinic.holdings._turn:
        answer = clinic.get("/studies")
    assert (answer.status_code, answer.json()["code"]) == (503, "index-busy")
    assert answer.headers["retry-after"]


def test_an_unreadable_instance_is_found_by_its_uids(start: Started, tmp_path: Path) -> None:
    """A file that broke on the disk does not hide the others."""
    node = start()
    node.hold(*(slide_file(tmp_path / f"{n}.dcm", f"1.2.3.{n}") for n in (1, 2)))
    node.store.path(node.ledger.instances("1.2.3")[0].file.path).write_bytes(b"broken")
    assert found(node, "/studies/1.2/series/1.2.3/instances", "00080018") == ["1.2.3.1", "1.2.3.2"]


def test_a_vanished_instance_is_not_found(start: Started, tmp_path: Path) -> None:
    """Deleted by hand: 404."""
    node = start()
    node.hold(slide_file(tmp_path / "a.dcm", "1.2.3.1"))
    node.store.path(node.ledger.instances("1.2.3")[0].file.path).unlink()
    assert node.get("/studies/1.2/series/1.2.3/instances/1.2.3.1").status_code == 404
    assert node.get("/studies/1.2").status_code == 404


@given(st.sampled_from(["LO", "PN", "SH", "CS"]), st.text("ab^*?=", max_size=12), st.text("ab^=", max_size=30))
def test_wildcards_match_as_shells_do(vr: str, pattern: str, value: str) -> None:
    """Every pattern is judged at once, however many stars it has."""
    assert isinstance(criterion(vr, pattern)(value), bool)
    assert criterion("LO", "*")(value)
    if not set(pattern) & set("*?"):
        assert criterion("SH", pattern)(value) is (not pattern or value.strip() == pattern.strip())


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_any_query_is_read_or_refused(parameters: list[tuple[str, str]]) -> None:
    try:
        read_query(parameters, 100)
    except InstanceError as error:
        assert error.code == "bad-query"  # noqa: PT017 - any other is the failure
