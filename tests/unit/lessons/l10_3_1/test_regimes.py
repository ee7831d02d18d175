"""Every regime trains, at the rates it was given; what is refused."""

from functools import partial

import pytest

from course_utils.lessons.l10_3_1.regimes import REGIMES, set_up
from course_utils.training.loop import fit
from course_utils.transfer.backbones import Classifier, norms
from course_utils.transfer.finetune import frozen_once
from tests.small_transfer import SmallBackbone, small_task


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_DTYPE", "float32")


@pytest.mark.parametrize("regime", REGIMES)
def test_every_regime_trains(regime, monkeypatch):
    def small(*, size, pretrained, seed):
        return SmallBackbone(keep_norm=pretrained)

    monkeypatch.setattr("course_utils.lessons.l10_3_1.regimes.backbone", small)
    ready = set_up(regime, small_task(), updates=4, seed=1, size=32)
    run = fit(
        ready.model,
        ready.data,
        ready.optimizer,
        ready.schedules,
        updates=4,
        batch_size=16,
        augment=False,
        validate_every=4,
        compute=ready.compute,
    )
    assert run.status == "finished" and len(run.val) == 1
    kind = REGIMES[regime]
    rates = [group["lr"] for group in ready.optimizer.param_groups]
    if kind.learn != 0 and not kind.small:
        assert rates[0] / rates[1] == pytest.approx(kind.ratio)
    if not kind.small:
        momenta = {norm.momentum for norm in norms(ready.model)}
        assert momenta <= {0.1} and all(norm.training != kind.pretrained for norm in norms(ready.model.train()))


def test_rates_may_be_chosen_and_data_handed_over(monkeypatch):
    monkeypatch.setattr("course_utils.lessons.l10_3_1.regimes.backbone", lambda **_: SmallBackbone())
    features = frozen_once(Classifier(SmallBackbone(), 3), small_task(), 0)
    ready = set_up("linear probe", small_task(), updates=4, lr=0.5, size=32, data=features)
    assert ready.data is features and ready.optimizer.param_groups[0]["lr"] == 0.5 and ready.schedules[0](0) == 0.5


@pytest.mark.parametrize(
    "change, words",
    [(dict(regime="half"), "unknown regime 'half'"), (dict(lr=-1), "lr must be"), (dict(updates=0), "T must be")],
)
def test_set_up_refuses(change, words, monkeypatch):
    monkeypatch.setattr("course_utils.lessons.l10_3_1.regimes.backbone", lambda **_: SmallBackbone())
    arguments = {**dict(regime="small net", few=small_task(), updates=4), **change}
    with pytest.raises(ValueError, match=words):
        partial(set_up, arguments.pop("regime"), arguments.pop("few"))(**arguments)
