"""The valley: the same updates as torch.optim, what turning and stretching do, and the live picture."""

import math

import numpy as np
import pytest
import torch

from course_utils.lessons.l10_1_7 import adaptive
from course_utils.lessons.l10_1_7.adaptive import KINDS, PLAIN, START, valley_explorer, walk


def torch_path(kind, lr, beta2, ratio, turn, steps):
    """The same descent by torch.optim, without noise."""
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    make = {
        "AdaGrad": lambda: torch.optim.Adagrad([w], lr=lr, eps=1e-8),
        "RMSProp": lambda: torch.optim.RMSprop([w], lr=lr, alpha=beta2),
        "Adam": lambda: torch.optim.Adam([w], lr=lr, betas=(0.9, beta2)),
        PLAIN: lambda: torch.optim.SGD([w], lr=1.0),
    }
    optimizer, path = make[kind](), [w.tolist()]
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    for _ in range(steps):
        optimizer.zero_grad()
        along, across = cos * w[0] + sin * w[1], -sin * w[0] + cos * w[1]
        (0.5 * (along**2 / ratio + across**2)).backward()
        optimizer.step()
        path.append(w.tolist())
    return np.array(path)


@pytest.mark.parametrize("kind", [PLAIN, *KINDS])
@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_paths_are_those_of_torch(kind, turn):
    ours = walk(lr=0.05, beta2=0.97, ratio=50.0, noise=0.0, turn=turn, steps=30)[kind][0]
    np.testing.assert_allclose(ours, torch_path(kind, 0.05, 0.97, 50.0, turn, 30), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretched_valley_is_all_one_to_them_while_it_is_not_turned(kind):
    flat, steep = (walk(ratio=ratio, noise=0.1)[kind] for ratio in (1.0, 500.0))
    np.testing.assert_allclose(flat[0], steep[0], atol=1e-3)  # eps is what they may notice
    np.testing.assert_allclose(steep[1][:, 0] / flat[1][:, 0], 500.0, rtol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_turned_by_45_degrees_the_two_steps_are_nearly_equal(kind):
    effective = walk(ratio=100.0, noise=0.0, turn=45.0)[kind][1]
    assert 0.3 < effective[-1, 0] / effective[-1, 1] < 3


def test_the_first_moves():
    for corrected, lengths in ((True, {"AdaGrad": 1, "RMSProp": 10, "Adam": 1}), (False, {"Adam": 1, "RMSProp": 10})):
        walks = walk(lr=0.01, beta2=0.99, noise=0.0, corrected=corrected)
        for kind, length in lengths.items():
            path = walks[kind][0]
            assert np.abs(path[1] - path[0]) == pytest.approx(0.01 * length, rel=1e-3)
    path = walk(lr=0.01, beta2=0.999, noise=0.0, corrected=False)["Adam"][0]
    assert np.abs(path[1] - path[0]) == pytest.approx(0.01 * math.sqrt(10), rel=1e-3)


def test_adagrad_only_slows_down():
    effective = walk(noise=0.3)["AdaGrad"][1]
    assert (np.diff(effective, axis=0) <= 0).all()


BAD = [("lr", 0), ("lr", math.nan), ("beta2", 1), ("beta2", -0.1), ("ratio", 0.5), ("noise", -1)]
BAD += [("beta1", 1), ("steps", 0), ("turn", math.inf)]


@pytest.mark.parametrize("name, value", BAD)
def test_bad_input_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        walk(**{name: value})


@pytest.mark.parametrize("lr", [1e-3, 1.0])
@pytest.mark.parametrize("beta2", [0.5, 0.999])
@pytest.mark.parametrize("ratio, turn", [(1.0, 0.0), (1000.0, 45.0)])
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("corrected", [True, False])
def test_the_picture_draws_over_all_its_sliders(lr, beta2, ratio, turn, noise, corrected):
    picture = valley_explorer().set(lr=lr, beta2=beta2, ratio=ratio, turn=turn, noise=noise, corrected=corrected)
    scene = picture.scene
    for kind in KINDS:
        assert len(scene.artists[kind][0]) == adaptive.STEPS + 1
        for weight in ("w1", "w2"):
            steps = scene.artists[f"{kind} {weight}"][1]
            assert np.isfinite(steps).all() and scene.limits["steps"][2] <= steps.min()
            assert steps.max() <= scene.limits["steps"][3]
    assert scene.status.count("\n") == 3 and "nan" not in scene.status


def test_moving_there_and_back_restores_the_picture():
    picture = valley_explorer()
    first = picture.view.png
    assert picture.set(turn=20.0).view.png != first
    assert picture.set(turn=0.0).view.png == first
