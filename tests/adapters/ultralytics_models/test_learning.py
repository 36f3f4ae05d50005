"""What the cell model learns from: ultralytics' loss where all is known, and no class where nobody stated one."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES, CellType
from marrowcount.datasets.labels import UNSEARCHED, UNSTATED
from marrowcount_adapters.ultralytics_models import SIZES, CellLoss, cell_model_of, new_network, unfolded
from marrowcount_adapters.ultralytics_models.loss import some_of
from marrowcount_adapters.ultralytics_models.network import folded, from_folded, size_of

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

MODEL = Path(__file__).parents[3] / "models" / "marrow-cells-0.3.0"
NUCLEATED = [int(cell_type) for cell_type in NUCLEATED_CLASSES]
OTHERS = sorted(set(range(19)) - set(NUCLEATED))
OBJECTS = np.array([[0, 4, 0.5, 0.5, 0.3, 0.3], [0, 16, 0.2, 0.2, 0.2, 0.2], [1, 3, 0.6, 0.6, 0.2, 0.3]], np.float32)
EVERYWHERE = np.array([[picture, UNSEARCHED, 0.5, 0.5, 1, 1] for picture in range(3)], np.float32)


@pytest.fixture(scope="module")
def network() -> DetectionModel:
    torch.manual_seed(0)
    return new_network()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (3, 128, 128, 3), dtype=np.uint8)


def loss_of(
    network: DetectionModel, pictures: np.ndarray, *rows: np.ndarray, smoothing: float = 0.0
) -> dict[str, float]:
    return CellLoss(network, smoothing)(deepcopy(network), (pictures, np.concatenate(rows)))[1]


def gradient_of_classes(network: DetectionModel, pictures: np.ndarray, rows: np.ndarray) -> torch.Tensor:
    """Of the loss by the logits of the classes, (pictures, 19, positions)."""
    copy, seen = deepcopy(network), []
    head = copy.get_submodule("model")[-1]
    before = head.forward

    def watching(*arguments: object) -> dict[str, torch.Tensor]:
        raw = before(*arguments)
        raw["scores"].retain_grad()
        seen.append(raw["scores"])
        return raw

    head.forward = watching
    CellLoss(copy)(copy, (pictures, rows))[0].backward()
    return seen[0].grad.float()


def test_where_all_is_known_it_is_ultralytics_own(network: DetectionModel, pictures: np.ndarray) -> None:
    """Boxes with classes on wholly searched pictures: the same three parts as v8DetectionLoss."""
    copy = deepcopy(network)
    with torch.autocast("cpu", torch.bfloat16):
        raw = copy(torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(255))
    outputs = {name: value if name == "feats" else value.float() for name, value in raw.items()}
    rows = torch.from_numpy(OBJECTS)
    labels = {"batch_idx": rows[:, 0], "cls": rows[:, 1], "bboxes": rows[:, 2:]}
    theirs = copy.init_criterion()(outputs, labels)[1]
    ours = loss_of(network, pictures, OBJECTS)
    assert list(ours.values())[1:] == pytest.approx([float(part) for part in theirs.values()], abs=2e-3)


def test_a_box_without_class_teaches_that_some_nucleated_class_is_there(
    network: DetectionModel, pictures: np.ndarray
) -> None:
    """All nucleated logits are pulled up where they agree; those of platelets and debris are pushed down."""
    rows = np.array([[0, UNSTATED, 0.5, 0.5, 0.4, 0.4]], np.float32)
    gradient = gradient_of_classes(network, pictures, rows)[0]
    taught = gradient[NUCLEATED[0]] < 0
    assert taught.sum() >= 3
    assert (gradient[NUCLEATED][:, taught] < 0).all()
    assert (gradient[OTHERS][:, taught] > 0).all()


def test_a_box_without_class_takes_part_in_box_learning(network: DetectionModel, pictures: np.ndarray) -> None:
    """Box and distribution loss are there as for a box with class."""
    rows = np.array([[0, UNSTATED, 0.5, 0.5, 0.4, 0.4]], np.float32)
    figures = loss_of(network, pictures, rows)
    assert figures["box"] > 0
    assert figures["distribution"] > 0


def test_unsearched_ground_teaches_nothing_outside_boxes(network: DetectionModel, pictures: np.ndarray) -> None:
    """Positions in no box of such a picture have no gradient of classes; those on searched pictures have."""
    gradient = gradient_of_classes(network, pictures, np.concatenate([OBJECTS, EVERYWHERE[:1]]))
    silent = (gradient[0].abs().sum(dim=0) == 0).float().mean()
    assert silent > 0.5
    assert (gradient[1:].abs().sum(dim=1) > 0).all()
    unsearched = gradient_of_classes(network, pictures, EVERYWHERE)
    assert unsearched.abs().max() == 0


def test_boxes_on_unsearched_ground_are_learnt_as_elsewhere(network: DetectionModel, pictures: np.ndarray) -> None:
    """Box losses stay, and the loss of the classes falls by what empty ground would have taught."""
    searched, unsearched = (loss_of(network, pictures, *rows) for rows in ((OBJECTS,), (OBJECTS, EVERYWHERE)))
    assert unsearched["box"] == searched["box"]
    assert 0 < unsearched["class"] < searched["class"]


def test_label_smoothing_spreads_certainty(network: DetectionModel, pictures: np.ndarray) -> None:
    """It changes the loss of the classes, and nothing else."""
    plain, smooth = (loss_of(network, pictures, OBJECTS, smoothing=share) for share in (0.0, 0.1))
    assert plain["box"] == smooth["box"]
    assert plain["class"] != smooth["class"]


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6), st.floats(0, 1))
def test_some_of_is_the_cross_entropy_of_at_least_one(logits: list[float], quality: float) -> None:
    """Worked out from P = 1 - prod(1 - p)."""
    chances = [1 / (1 + math.exp(-z)) for z in logits]
    at_least_one = 1 - math.prod(1 - p for p in chances)
    worked_out = -quality * math.log(at_least_one) - (1 - quality) * sum(math.log(1 - p) for p in chances)
    found = some_of(torch.tensor([logits], dtype=torch.float64), torch.tensor([quality], dtype=torch.float64))
    assert float(found) == pytest.approx(worked_out, rel=1e-5, abs=1e-5)


def test_some_of_stays_finite_at_the_ends() -> None:
    """Hopeless and certain logits: no infinity, no NaN; and where there is no hope the gradient is still there."""
    for level in (-60.0, 60.0):
        logits = torch.full((2, 16), level, requires_grad=True)
        loss = some_of(logits, torch.tensor([0.0, 1.0])).sum()
        loss.backward()
        assert torch.isfinite(loss)
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
        if level < 0:
            assert float(logits.grad[1].sum()) == pytest.approx(-1, abs=1e-3)


def test_training_from_folded_weights_begins_where_they_end() -> None:
    """The unfolded network gives the folded one's output, and nearly so in training mode with batch statistics."""
    weights = load_file(MODEL / "weights.safetensors")
    torch.manual_seed(1)
    ground = torch.nn.functional.interpolate(torch.rand(6, 3, 16, 16), 128, mode="bilinear")
    network = unfolded(weights, [ground[:3], ground[3:]])
    assert network.training
    with torch.no_grad():
        expected = from_folded(weights)(ground)
        in_training = network(ground)["scores"].sigmoid()
        found = network.eval()(ground)[0]
    assert torch.allclose(found[:, :4], expected[:, :4], atol=0.3)
    assert torch.allclose(found[:, 4:], expected[:, 4:], atol=1e-3)
    assert (in_training - expected[:, 4:]).abs().mean() < 0.01


def test_unfolded_weights_are_taken_as_they_are(network: DetectionModel) -> None:
    """Those of a run are not folded; no picture is looked at."""
    again = unfolded(network.state_dict(), [])
    for name, value in again.state_dict().items():
        assert torch.equal(value, network.state_dict()[name])


def test_weights_of_another_size_are_refused(network: DetectionModel) -> None:
    """Who asks for a larger network and gives weights of a smaller one hears of it."""
    with pytest.raises(RuntimeError, match="YOLO11n, and YOLO11s"):
        unfolded(network.state_dict(), [], "s")


@pytest.mark.parametrize("size", SIZES[:2])
def test_the_size_is_told_from_the_weights(size: str) -> None:
    """Folded or not."""
    made = new_network(size)
    assert size_of(made.state_dict()) == size
    assert size_of(folded(made).state_dict()) == size


def test_weights_of_no_yolo_are_refused() -> None:
    """Before anything is built."""
    with pytest.raises(RuntimeError, match="YOLO11"):
        size_of({"model.0.conv.weight": torch.zeros(17, 3, 3, 3)})


def test_judging_leaves_the_network_in_training(network: DetectionModel) -> None:
    """A model of a network as it stands is another one: folding must not reach the one that learns."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = cell_model_of(network).detect(np.zeros((512, 512, 3), np.uint8))
    assert all(isinstance(one.cell_type, CellType) for one in found)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
