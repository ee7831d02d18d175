"""The gallery shows the learner's images live and keeps only stand-in images in the saved page."""

import base64
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils.data import standin
from course_utils.lessons.l00 import images as module
from course_utils.lessons.l00.images import gallery, mosaic


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(module, "display", shown.append)
    return shown


def images(is_real: bool):
    pixels, labels = standin.draw(200, seed=5)
    train = SimpleNamespace(inputs=torch.from_numpy(255 - pixels), labels=torch.from_numpy(labels))
    classes = tuple(f"class {n}" for n in range(10))
    return SimpleNamespace(train=train, classes=classes, is_real=is_real, banner=lambda: "some images")


def live_png(still) -> bytes:
    source = still.widget.children[0].value
    return base64.b64decode(re.search(r"base64,([^\"]+)", source).group(1))


def test_photographs_do_not_reach_the_saved_page(shown):
    gallery(images(is_real=True))
    gallery(images(is_real=False))
    real, drawn = shown
    assert live_png(real) == live_png(drawn) == drawn.png
    assert real.png != live_png(real)
    other = images(is_real=True)
    other.train.inputs = other.train.inputs.flip(3)
    gallery(other)
    assert shown[2].png == real.png and live_png(shown[2]) != live_png(real)  # saved: the same for any photographs


def test_text_is_the_same_for_all_images_and_alt_names_the_classes(shown):
    gallery(images(is_real=True))
    gallery(images(is_real=False))
    assert repr(shown[0]) == repr(shown[1])
    assert "class 9" in shown[0].alt and "some images" in shown[0].alt


def test_every_image_stands_under_its_class():
    labels = np.repeat(np.arange(10), 2)
    pixels = np.zeros((20, 3, 32, 32), np.uint8) + 10 * labels[:, None, None, None].astype(np.uint8)
    sheet = mosaic(pixels, labels, "abcdefghij", per_class=2).axes[0].images[0].get_array()
    step = 32 + module.GAP
    middle = sheet[16::step, 16::step, 0]
    assert np.array_equal(middle, [10 * np.arange(10)] * 2)


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="per_class must be .* got 0"):
        gallery(images(is_real=False), per_class=0)
