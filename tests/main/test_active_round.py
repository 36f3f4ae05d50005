"""One round of labelling on made-up tiles: chosen, handed out, brought back; and everything that does not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from labelling import drawn, edit_voc, is_upright, read_colours, rewrite_voc
from marrowcount.active_learning import Action, Asked, Strategy
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, LabelledBox, Split
from marrowcount.errors import DatasetError, MarrowcountError, SettingsError
from marrowcount.main import active_selecting
from marrowcount.main.active_exporting import run_export
from marrowcount.main.active_importing import ImportRequest, run_import
from marrowcount.main.active_requests import counted_folders, strategies_of
from marrowcount.main.active_selecting import SelectRequest, run_selection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.testing import ScriptedCellModel
from marrowcount_adapters.dataset_store import DatasetWriter, open_dataset
from marrowcount_adapters.labelling_rounds import read_corrections, read_selection, read_version, wrong_places

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from marrowcount.slides.detections import Detection

SIZE = SizePx(512, 512)
QUIET = Console(quiet=True)
BLAST, MAST, DEBRIS = CellType.BLAST, CellType.MAST_CELL, CellType.DEBRIS
FORMS = ("voc", "yolo")


def objects_of(number: int) -> list[tuple[CellType, PixelBox]]:
    """Three objects on every tile; on every third one of them is a mast cell."""
    kinds = [BLAST, DEBRIS, MAST if number % 3 == 0 else BLAST]
    return [
        (kind, PixelBox(40 + 150 * i + number, 60 + 9 * number, 80 + 150 * i + number, 110 + 9 * number))
        for i, kind in enumerate(kinds)
    ]


def see(picture: np.ndarray) -> list[Detection]:
    """As the colours say, but in a picture that is turned a mast cell is taken for a blast."""
    found = read_colours(picture)
    return (
        found
        if is_upright(picture)
        else [replace(one, cell_type=BLAST) if one.cell_type is MAST else one for one in found]
    )


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine tiles of three patients, of which the last two serve validation and are unfit."""
    folder = tmp_path_factory.mktemp("pool") / "tiles"
    with DatasetWriter(folder, "pool", "drawn for this test", "CC0") as writer:
        for number in range(9):
            example = Example(f"tile {number}", "", SIZE, um_per_px=0.25, patient=f"p{number % 3}")
            example = replace(
                example, split=Split.VALIDATION if number == 7 else None, fit=False if number == 8 else None
            )
            writer.add(
                drawn(objects_of(number), number),
                replace(example, patient=f"p{number}" if number > 6 else example.patient),
            )
        writer.finish(["drawn"])
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was labelled before: one tile to train on, one of patient p2 for validation."""
    folder = tmp_path_factory.mktemp("labelled") / "v0"
    boxes = tuple(LabelledBox(box, kind) for kind, box in objects_of(20))
    with DatasetWriter(folder, "v0", "earlier", "CC0") as writer:
        train = Example("old", "", SIZE, boxes, um_per_px=0.25, patient="p0", split=Split.TRAIN)
        writer.add(drawn(objects_of(20), 20), train)
        writer.add(drawn(objects_of(21), 21), replace(train, name="held", patient="p2", split=Split.VALIDATION))
        writer.finish(["earlier"])
    return folder


@dataclass
class Desk:
    """Where a round happens."""

    folder: Path
    pool: Path
    labelled: Path

    def select(self, name: str = "selection", **changes: object) -> Path:
        asked = Asked(3, {Strategy.RARE: 1.0, Strategy.RANDOM: 1.0}, views=2)
        request = SelectRequest(self.folder / name, (), (self.pool,), (self.labelled,), (), None, 0.1, 1, asked)
        run_selection(replace(request, **changes), QUIET)
        return self.folder / name

    def export(self, form: str = "voc", name: str = "export") -> Path:
        selection = self.folder / "selection"
        run_export(selection if selection.exists() else self.select(), self.folder / name, form, QUIET)  # type: ignore[arg-type]
        return self.folder / name

    def take_back(self, export: Path, **changes: object) -> Path:
        request = ImportRequest(export, self.folder / "v1", "A. Expert", self.labelled)
        run_import(replace(request, **changes), QUIET)
        return self.folder / "v1"


@pytest.fixture
def desk(tmp_path: Path, pool: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(active_selecting, "load_cell_model", lambda *_: (ScriptedCellModel(see, 0.1), 0.5))
    return Desk(tmp_path, pool, labelled)


def fault(action: Callable[[], object]) -> MarrowcountError:
    with pytest.raises(MarrowcountError) as failure:
        action()
    return failure.value


def test_a_selection_says_what_was_chosen_and_why(desk: Desk) -> None:
    """Each tile with its scores, its strategy, the reason and the pre-labels; what was left out is counted."""
    content = read_selection(desk.select())
    assert len(content.chosen) == 3
    assert [one.strategy for one in content.chosen].count(Strategy.RARE) == 2
    rare = content.chosen[0]
    assert rare.strategy is Strategy.RARE
    assert "mast cell" in rare.why
    assert set(rare.scores) == {Strategy.RARE, Strategy.RANDOM}
    assert {line.cell_type for line in rare.prelabels} == {"blast", "debris", "mast cell"}
    assert (content.labels["blast"], content.labels["mast cell"]) == (2, 0)
    assert content.left_out == {"their patient, slide or picture serves validation or test": 2}  # tiles 2 and 5 of p2
    assert content.looked_at == 5


def test_the_chosen_pictures_are_no_labels_yet(desk: Desk) -> None:
    """A selection is a data set of pictures that nobody labelled, so that no pre-label is trained on by mistake."""
    dataset = open_dataset(desk.select()).dataset
    assert [one.objects for one in dataset.examples] == [None] * 3
    assert (dataset.source, dataset.licence) == ("drawn for this test", "CC0")
    assert {one.patient for one in dataset.examples} <= {"p0", "p1"}


def test_every_tile_that_was_looked_at_is_in_the_table(desk: Desk) -> None:
    """With what each strategy gave it, and its place among the chosen."""
    lines = (desk.select() / "candidates.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "name,digest,objects,rare,random,chosen"
    assert len(lines) == 6
    assert sorted(line.rpartition(",")[2] for line in lines[1:]) == ["", "", "1", "2", "3"]


def test_what_is_under_way_is_not_chosen_again(desk: Desk) -> None:
    """Two selections share no tile."""
    first = {one.name for one in read_selection(desk.select("first")).chosen}
    second = {one.name for one in read_selection(desk.select("second", without=(desk.folder / "first",))).chosen}
    assert second
    assert not first & second


def test_the_same_seed_chooses_the_same_tiles(desk: Desk) -> None:
    """A selection can be repeated."""
    chosen = [[one.name for one in read_selection(desk.select(name)).chosen] for name in ("a", "b")]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("form", FORMS)
def test_a_round_trip_without_changes_confirms_all(desk: Desk, form: str) -> None:
    """Nothing is counted as corrected; the boxes are the model's own, and say who confirmed them."""
    version = desk.take_back(desk.export(form))
    read = read_version(version)
    assert read is not None
    assert {action: count for action, count in read.objects.items() if count} == {Action.CONFIRMED: 9}
    assert read.unsaved == 3
    new = [one for one in open_dataset(version).dataset.examples if one.name.startswith("tile")]
    assert {one.author for example in new for one in example.objects or ()} == {
        "scripted-cells 0, confirmed by A. Expert"
    }
    assert "all confirmed (9)" in open_dataset(version).dataset.history[-1]


def test_an_export_opens_at_once(desk: Desk) -> None:
    """Pictures and label files side by side, the classes, the probabilities and the hashes beside them."""
    folder = desk.export()
    names = sorted(path.name for path in folder.iterdir())
    stems = [name.removesuffix(".png") for name in names if name.endswith(".png")]
    assert names == sorted(
        [
            *(f"{stem}{end}" for stem in stems for end in (".png", ".xml")),
            "classes.txt",
            "manifest.json",
            "prelabels.json",
        ]
    )
    assert (folder / "classes.txt").read_text(encoding="utf-8").splitlines()[4] == "blast"
    prelabels = json.loads((folder / "prelabels.json").read_text(encoding="utf-8"))
    assert {one["probability"] for picture in prelabels["pictures"] for one in picture["objects"]} == {0.9}
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["model"]["name"] == "scripted-cells"
    assert all(len(one[key]) == 64 for one in manifest["pictures"] for key in ("sha256", "labels_sha256"))


def test_every_change_is_recorded_with_its_author(desk: Desk) -> None:
    """Moved, relabelled, deleted and added objects, each before and after; what the model got wrong is marked."""
    export = desk.export()
    first, second, third = sorted(export.glob("*.xml"))
    boxes = {path: [(one.box, one.cell_type) for one in objects(path, export)] for path in (first, second, third)}
    (a, kind_a), (b, _), (c, kind_c) = boxes[first]
    rewrite_voc(first, [(a, kind_a), (b, "histiocyte"), (PixelBox(c.left, c.top, c.right + 9, c.bottom), kind_c)])
    rewrite_voc(second, [*boxes[second][:2], (PixelBox(400, 400, 430, 440), "nucleated cell")])
    version = desk.take_back(export, mistakes=desk.folder / "mistakes")
    lines = read_corrections(version)
    counted = {action: sum(line.action is action for line in lines) for action in Action}
    assert counted == {Action.CONFIRMED: 6, Action.MOVED: 1, Action.RELABELLED: 1, Action.DELETED: 1, Action.ADDED: 1}
    assert {line.author for line in lines} == {"A. Expert"}
    assert all(line.at and line.saved_at for line in lines)
    (relabelled,) = (line for line in lines if line.action is Action.RELABELLED)
    assert relabelled.after is not None
    assert (relabelled.after.cell_type, relabelled.wrongly_classified) == ("histiocyte", True)
    read = read_version(version)
    assert read is not None
    assert (read.version, read.pictures, read.unsaved) == (1, 3, 1)
    wrong = [
        one.cell_type
        for example in open_dataset(desk.folder / "mistakes").dataset.examples
        for one in example.objects or ()
    ]
    assert wrong == [CellType.HISTIOCYTE, None]


def objects(path: Path, export: Path) -> list:
    """As the label file has them."""
    from marrowcount.datasets import Faults
    from marrowcount_adapters.dataset_files import FileFormat, open_files

    (example,) = (
        one for one in open_files(FileFormat.VOC, export).examples(Faults()) if one.name == f"{path.stem}.png"
    )
    return [Named(one.box, one.name) for one in example.objects or ()]


@dataclass
class Named:
    box: PixelBox
    cell_type: str


def test_without_mistakes_there_is_no_data_set_of_them(desk: Desk) -> None:
    """An empty data set could not be trained on."""
    desk.take_back(desk.export(), mistakes=desk.folder / "mistakes")
    assert not (desk.folder / "mistakes").exists()


def test_versions_follow_each_other(desk: Desk) -> None:
    """Each names its parent by the hash of its examples, and carries all corrections so far."""
    desk.take_back(desk.export())
    second = desk.select("again", training=(desk.folder / "v1",))
    run_export(second, desk.folder / "export2", "voc", QUIET)
    run_import(ImportRequest(desk.folder / "export2", desk.folder / "v2", "B. Expert", desk.folder / "v1"), QUIET)
    read = read_version(desk.folder / "v2")
    header = json.loads((desk.folder / "v1" / "dataset.json").read_text(encoding="utf-8"))
    assert read is not None
    assert read.parent is not None
    assert (read.version, read.parent.version, read.parent.examples_sha256) == (2, 1, header["examples_sha256"])
    assert {line.author for line in read_corrections(desk.folder / "v2")} == {"A. Expert", "B. Expert"}
    names = [one.name for one in open_dataset(desk.folder / "v2").dataset.examples]
    assert len(names) == len(set(names)) == 2 + 5


def test_only_saved_pictures_can_be_taken(desk: Desk) -> None:
    """What the expert did not get to stays out."""
    export = desk.export()
    edit_voc(next(iter(sorted(export.glob("*.xml")))), lambda root: root.set("verified", "yes"))
    read = read_version(desk.take_back(export, saved_only=True))
    assert read is not None
    assert (read.pictures, read.unsaved) == (1, 0)


def first_label(export: Path) -> Path:
    return min([*export.glob("*.xml"), *(path for path in export.glob("*.txt") if path.name != "classes.txt")])


def spoil_picture(export: Path) -> None:
    path = min(export.glob("*.png"))
    pixels = np.array(Image.open(path))
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path)


def rename_class(root: Element) -> None:
    root.findall("object")[0].find("name").text = "unicorn"  # type: ignore[union-attr]


def push_out(root: Element) -> None:
    root.findall("object")[0].find("bndbox/xmax").text = "700"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (spoil_picture, "picture-altered"),
        (lambda export: min(export.glob("*.png")).unlink(), "picture-missing"),
        (lambda export: first_label(export).unlink(), "labels-missing"),
        (lambda export: edit_voc(first_label(export), rename_class), "class-unmapped"),
        (lambda export: edit_voc(first_label(export), push_out), "box-outside"),
        (lambda export: first_label(export).write_text("<annotation>", encoding="utf-8"), "label-malformed"),
        (lambda export: shutil.copy(min(export.glob("*.png")), export / "more.png"), "picture-unknown"),
        (lambda export: (export / "other.txt").write_text("0 0.5 0.5 0.1 0.1\n", encoding="utf-8"), "labels-unknown"),
        (lambda export: (export / "prelabels.json").write_text("{}", encoding="utf-8"), "export-altered"),
        (lambda export: (export / "manifest.json").write_text("{}", encoding="utf-8"), "export-malformed"),
        (lambda export: (export / "manifest.json").unlink(), "export-missing"),
    ],
)
def test_what_does_not_fit_is_refused(desk: Desk, spoil: Callable[[Path], object], code: str) -> None:
    """A coded error that names the file, and nothing is written."""
    export = desk.export()
    names = {path.name for path in export.iterdir()}
    spoil(export)
    error = fault(lambda: desk.take_back(export))
    assert error.code == code
    touched = names ^ {path.name for path in export.iterdir()} or {
        first_label(export).name,
        min(p.name for p in export.glob("*.png")),
        "prelabels.json",
        "manifest.json",
    }
    assert any(name in error.message for name in touched)
    assert not (desk.folder / "v1").exists()


def test_a_tools_own_list_of_classes_is_refused(desk: Desk) -> None:
    """YOLO labels hold numbers: another list of classes beside them would turn every cell into another."""
    export = desk.export("yolo")
    (export / "classes.txt").write_text("dog\nperson\n", encoding="utf-8")
    assert fault(lambda: desk.take_back(export)).code == "classes-altered"


def test_an_author_is_required(desk: Desk) -> None:
    """Nobody's corrections are not taken."""
    error = fault(lambda: desk.take_back(desk.export(), author="  "))
    assert (type(error), error.code) == (SettingsError, "wrong-setting")


def test_nothing_saved_is_nothing_to_import(desk: Desk) -> None:
    """With only saved pictures asked for."""
    assert fault(lambda: desk.take_back(desk.export(), saved_only=True)).code == "nothing-to-import"


def test_folders_that_are_there_stay(desk: Desk) -> None:
    """No command writes over anything."""
    export = desk.export()
    assert fault(desk.select).code == "selection-exists"
    assert fault(desk.export).code == "export-exists"
    (desk.folder / "v1").mkdir()
    assert fault(lambda: desk.take_back(export)).code == "dataset-exists"


def test_an_empty_pool_is_said(desk: Desk) -> None:
    """Where everything is labelled, or nothing was named to choose from."""
    assert fault(lambda: desk.select(pools=(desk.labelled,))).code == "nothing-to-choose-from"
    assert fault(lambda: desk.select(pools=())).code == "wrong-setting"
    assert not (desk.folder / "selection").exists()


def test_flags_are_read() -> None:
    """Weights, folders, and what is wrong with them."""
    assert strategies_of(["rare=2", "random"]) == {Strategy.RARE: 2.0, Strategy.RANDOM: 1.0}
    assert len(strategies_of([])) == 3
    assert (counted_folders("a=b=c").slide, counted_folders("a=b=c").result) == (Path("a=b"), Path("c"))
    for wrong in ("best", "rare=much"):
        assert fault(lambda wrong=wrong: strategies_of([wrong])).code == "wrong-setting"
    assert isinstance(fault(lambda: counted_folders("slide")), SettingsError)


def test_a_damaged_selection_is_named(desk: Desk) -> None:
    """With the file and what to do."""
    selection = desk.select()
    (selection / "selection.json").write_text("{}", encoding="utf-8")
    error = fault(desk.export)
    assert (type(error), error.code) == (DatasetError, "selection-malformed")
    assert "selection.json" in error.message


def test_wrong_places_are_those_of_the_last_time(desk: Desk) -> None:
    """A picture that was corrected twice counts as it was corrected last."""
    lines = list(read_corrections(desk.take_back(desk.export())))
    first = replace_line(lines[0], at="2020-01-01T00:00:00+00:00", wrongly_classified=True)
    assert wrong_places([first, *lines])[lines[0].picture] == ()
    assert wrong_places([first])[lines[0].picture] == (0,)


def replace_line(line: object, **changes: object) -> object:
    return line.model_copy(update=changes)  # type: ignore[attr-defined]
