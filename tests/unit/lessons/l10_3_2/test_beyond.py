"""Five stages on a desk: scenes, grammar, average precision, masks, the scene table, what is recorded."""

import math
import time

import numpy as np
import pytest
import torch

from course_utils.authoring.recording import job_file
from course_utils.lessons.l10_3_2 import detector as d
from course_utils.lessons.l10_3_2 import grammar, record, scenes, stages, table, weights
from course_utils.lessons.l10_3_2.reader import Reader, prefix_mask, reply, write
from course_utils.training import pick
from tests.made_up import tiny_data

DATA = scenes.tiles(tiny_data(train=320, val=220, real=True))
FEW = scenes.compose(DATA.train, 12, seed=3)
CPU = pick(device="cpu", dtype="float32")


def test_scenes_are_what_their_facts_say():
    assert FEW.images.shape == (12, 3, 80, 80) and FEW.images.dtype is torch.uint8
    for i in range(len(FEW)):
        facts, count = FEW.facts(i), int((FEW.nouns[i] >= 0).sum())
        assert len(facts) == count >= 1 and len({noun for _, noun in facts}) == count
        x, y, side = FEW.boxes[i, :count].T
        assert (x.diff() >= scenes.APART).all() and (x - side / 2 >= 0).all() and (y + side / 2 <= 80).all()
    again = scenes.compose(DATA.train, 12, seed=3)
    assert torch.equal(again.images, FEW.images)
    tied = scenes.compose(DATA.train, 8, seed=1, tie=1.0, shift=1)
    there = tied.nouns >= 0
    assert torch.equal(tied.colors[there], (tied.nouns[there] + 1) % 4)
    piece = torch.arange(3 * 32 * 32).reshape(3, 32, 32)
    mixed = scenes.scrambled(piece, np.random.default_rng(0))
    assert not torch.equal(mixed, piece) and torch.equal(mixed.flatten().sort().values, piece.flatten())


def test_captions_are_read_as_they_were_written():
    rng = np.random.default_rng(0)
    for i in range(len(FEW)):
        facts = FEW.facts(i)
        assert grammar.parse(grammar.caption(facts)) == facts
        assert all(grammar.judge(grammar.caption(facts), facts).values())
        assert set(grammar.web_caption(facts, rng)) <= set(grammar.WORDS)
    facts = [("red", "ship"), ("green", "frog")]
    says = lambda text: "".join(str(int(v)) for v in grammar.judge(text.split(), facts).values())  # noqa: E731
    assert [says(t) for t in ("a green frog .", "a red frog .", "a green frog left of a red ship .")] == [
        "110",
        "100",
        "100",
    ]
    assert [says(t) for t in ("a red ship", "red ship .", "a red ship left of .", ".", "")] == ["000"] * 5
    assert says("a red ship left of a red ship .") == "100"


def test_answers_are_right_and_yes_is_as_likely_as_no():
    rng, facts = np.random.default_rng(1), [("red", "ship"), ("green", "frog"), ("blue", "car")]
    said = {}
    for _ in range(600):
        words, right, kind = grammar.question(facts, rng)
        said.setdefault(kind, []).append(right)
        text = " ".join(words)
        if kind == "relation":
            x, y = words[2], words[-2]
            order = [noun for _, noun in facts]
            assert (order.index(x) < order.index(y)) == (right == "yes"), text
        if kind == "count":
            assert right == "three"
    assert set(said) == set(grammar.KINDS)
    for kind in ("exist", "relation"):
        assert 0.35 < np.mean([right == "yes" for right in said[kind]]) < 0.65
    with pytest.raises(ValueError, match="needs two objects"):
        grammar.question(facts[:1], rng, "beside")


def test_the_floor_is_the_entropy_of_the_grammar():
    rng = np.random.default_rng(2)
    texts = [grammar.story(rng) for _ in range(300)]
    for text, surprise in texts:
        assert len(text) < grammar.LENGTH and math.isfinite(surprise) and surprise > math.log(3)
    words, surprise = min(texts, key=lambda pair: len(pair[0]))  # one object and "how many objects ?"
    assert surprise == pytest.approx(math.log(3 * 10 * 6 * 3))


def test_average_precision_by_hand():
    box = lambda *numbers: torch.tensor(numbers, dtype=torch.float32)  # noqa: E731
    truth = {0: torch.stack([box(10, 10, 8), box(40, 40, 8)]), 1: box(20, 20, 8)[None]}
    right, twice, other, wrong = (
        (0, 0.9, box(10, 11, 8)),
        (0, 0.8, box(11, 10, 8)),
        (1, 0.7, box(20, 20, 8)),
        (1, 0.2, box(60, 60, 8)),
    )
    for rows, expected in (
        ([right, twice, other, wrong], (1 + 2 / 3) / 3),
        ([right], 1 / 3),
        ([wrong], 0.0),
        ([], 0.0),
        ([right, other, (0, 0.1, box(40, 40, 8))], 1.0),
        ([(0, 0.95, box(60, 60, 8)), right, other], (2 / 3 + 2 / 3) / 3),  # a wrong one first; the envelope lifts 1/2
    ):
        assert d.average_precision(rows, truth) == pytest.approx(expected)
    assert math.isnan(d.average_precision([right], {}))
    assert float(d.overlap(box(0, 0, 2)[None], box(1, 0, 2)[None])) == pytest.approx(1 / 3)


def test_average_precision_beside_torchmetrics():
    detection = pytest.importorskip("torchmetrics.detection")
    try:
        metric = detection.MeanAveragePrecision(box_format="cxcywh", iou_thresholds=[0.5])
    except ModuleNotFoundError:  # it needs pycocotools
        pytest.skip("torchmetrics has no backend")
    rng = torch.Generator().manual_seed(0)
    truth = {i: torch.rand(3, 3, generator=rng) * 40 + 20 for i in range(30)}
    rows = [
        (i, float(torch.rand(1, generator=rng)), b + torch.randn(3, generator=rng) * 4) for i in truth for b in truth[i]
    ]
    square = lambda boxes: torch.cat([boxes, boxes[:, 2:]], 1)  # noqa: E731
    for i, boxes in truth.items():
        own = [(score, box) for scene, score, box in rows if scene == i]
        scores, places = torch.tensor([s for s, _ in own]), square(torch.stack([b for _, b in own]))
        labels = torch.zeros(len(own), dtype=torch.int64)
        said = dict(boxes=places, scores=scores, labels=labels)
        metric.update([said], [dict(boxes=square(boxes), labels=torch.zeros(len(boxes), dtype=torch.int64))])
    assert d.average_precision(rows, truth) == pytest.approx(float(metric.compute()["map"]), abs=0.02)  # 101 points


def test_a_perfect_detector_gets_full_marks():
    rows = torch.zeros(len(FEW), 4, d.REGION)
    for i, k in torch.nonzero(FEW.nouns >= 0).tolist():
        rows[i, k, d.FEATURES + FEW.nouns[i, k]] = 1
        rows[i, k, d.FEATURES + 5 + FEW.colors[i, k]] = 1
        rows[i, k, -4:] = torch.tensor([*(FEW.boxes[i, k] / 80), 0.9])
    assert d.detection_scores(rows, FEW) == pytest.approx(dict(map=1, ap=1, noun=1, color=1))
    aim = d.aims(FEW)
    assert int((aim["score"] == 1).sum()) == int((FEW.nouns >= 0).sum())
    assert ((aim["noun"] >= 0) == (aim["score"] != 0)).all()


def test_the_detector_begins_as_the_classifier_and_learns():
    net = d.TileNet(seed=0)
    found_by = d.Detector(net, seed=0)
    assert torch.equal(found_by.noun.weight[:, :, 0, 0], net.classify.weight)
    losses = [
        loss for _, loss in stages.teach_detector(found_by, FEW, DATA.prepare, updates=6, batch_size=8, compute=CPU)
    ]
    assert losses[-1] < losses[0]
    rows = stages.see(found_by, FEW, DATA.prepare, compute=CPU)
    grid = stages.see(found_by, FEW, DATA.prepare, grid=True, compute=CPU)
    assert rows.shape == (13, 4, d.REGION) and grid.shape == (13, 9, d.REGION) and not rows[0].any()


def test_masks_and_sets():
    words = torch.tensor([[1, 5, 6, 0], [1, grammar.NUMBER[grammar.MASK], 6, 0]])
    allowed = prefix_mask(torch.tensor([[True, False], [True, True]]), words)
    assert allowed[0].int().tolist()[2:] == [
        [1, 0, 1, 0, 0, 0],
        [1, 0, 1, 1, 0, 0],
        [1, 0, 1, 1, 1, 0],
        [1, 0, 1, 1, 1, 1],
    ]
    assert allowed[1, 2:, 2:].int().tolist()[0] == [1, 1, 1, 0]
    model, rows = Reader(seed=1).eval(), torch.rand(1, 4, d.REGION)
    inputs = torch.tensor([[0, 1, 5, 6, 7]])
    assert torch.allclose(model(inputs, rows), model(inputs, rows[:, [3, 1, 0, 2]]), atol=1e-4)
    rows[0, 2] = 0  # a region that does not count
    other = rows.clone()
    other[0, 2, :50] = 7
    assert torch.equal(model(inputs, rows), model(inputs, other))


def test_sentences_and_teaching():
    regions = torch.rand(1 + len(FEW), 4, d.REGION)
    parts = [(1, FEW)] * 3
    text, floor = stages.stories(30, 0)
    model = Reader(seed=0)
    run = stages.teach(model, text, regions[:1], updates=3, batch_size=8, compute=CPU)
    assert run.status == "finished" and 0 < floor < 1.5
    for web in (True, False):
        data = stages.captions(parts, "x", web=web)
        assert stages.teach(model, data, regions, updates=5, batch_size=8, compute=CPU).status == "finished"
        assert (data.train.labels[:, 0] != stages.NOT_ASKED).all() and (data.train.inputs[:, 1] == 1).all()
    data, kinds = stages.questions(parts, "x")
    assert ((data.train.labels != stages.NOT_ASKED).sum(1) == 1).all() and len(kinds[0]) == len(FEW)
    only, _ = stages.questions(parts, "x", kinds=["relation"])
    assert len(only.train) == int(((FEW.nouns >= 0).sum(1) > 1).sum())
    scores = stages.judge_answers(model, data, kinds[2])
    assert 0 <= scores["overall"] <= 1 and set(scores) <= {"overall", *grammar.KINDS}
    assert set(stages.judge_captions(model, regions, 1, FEW)) == {"grammatical", "true", "complete"}
    texts, looks = write(model, regions[1:])
    assert len(texts) == len(FEW) and looks.shape[0] == len(FEW) and looks.shape[2] == 4
    assert reply(model, regions[1:2], "how many objects ?".split())[0] in grammar.WORDS


def test_weights_come_back(tmp_path):
    path = weights.save(tmp_path / "w.npz", {"a": Reader(seed=3)})
    again = weights.load(path, "a", Reader())
    assert torch.allclose(again.net["say"].weight, Reader(seed=3).net["say"].weight, atol=1e-3)
    with pytest.raises(KeyError, match="no model 'b'"):
        weights.load(path, "b", Reader())
    with pytest.raises(KeyError, match="do not fit"):
        weights.load(path, "a", d.TileNet())
    assert all(weights.vision(arm)[1] == (arm in ("without 2", "only 5")) for arm in stages.ARMS)


def test_the_scene_table_at_every_control():
    picture = table.scene_table(DATA, {tie: (1.0, 1 - tie / 2) for tie in table.TIES})
    before = picture.scene
    assert "red ship" in before.status and before.status.count("\n") == 2
    for name, control in picture.controls.items():
        values = control.options or (control.low, control.high)
        for value in values[-1:] if name[-1] in "12" else values:
            picture.set(**{name: value})
        assert picture.scene.artists.keys() <= picture.artists.keys()
        picture.reset()
    assert picture.scene.status == before.status
    state = picture.state
    assert table.asked_and_right(state) == ("what colour is the ship ?".split(), "red")
    state.paint = True
    assert table.asked_and_right(state)[1] == "-" and len(table.facts_of(state)) == 1
    state.paint, state.ask = False, "relation"
    assert table.asked_and_right(state)[1] == "yes"
    times = []
    for x in range(20, 28):
        begin = time.process_time()
        picture.set(x0=x)
        times.append(time.process_time() - begin)
    assert np.median(times) < 0.25  # 0.1 s on a quiet machine


def test_the_saved_page_shows_no_photograph():
    picture = table.scene_table(DATA, {0.0: (1.0, 1.0), 1.0: (1.0, 0.0)})
    flat = table.picture_of(DATA, picture.state, flat=True)
    piece = flat[:, 24 - 10 : 24 + 10, 20 - 10 : 20 + 10].flatten(1)
    assert (piece == piece[:, :1]).all()
    live = picture.view.png
    assert picture._repr_mimebundle_()["image/png"] != live and picture.view.png == live


def test_jobs_have_names_of_their_own_and_a_job_is_run(monkeypatch):
    jobs = record.jobs()
    assert len({job_file(job, ".") for job in jobs}) == len(jobs)
    for name, size in dict(SCENES=20, VAL=8, TEST=10, STAGE3=2, STAGE4=2).items():
        monkeypatch.setattr(record, name, size)
    monkeypatch.setattr(record, "data", lambda: DATA)
    monkeypatch.setattr(record, "_keep", lambda *_: None)
    caches = (record.scenes, record.table, record.started, record.read_alone)
    for job in (
        jobs[0],
        next(j for j in jobs if j["kind"] == "prior"),
        next(j for j in jobs if j["kind"] == "relation"),
    ):
        for cache in caches:
            cache.cache_clear()
        run = record.run_one({**job, "scenes": 20, "updates": 3})
        assert run.seed == 0 and 0 <= run.test[1] <= 1 and run.config["kind"] == job["kind"]
        assert ("changed colour" in run.config) == (job["kind"] == "prior")
    for cache in caches:
        cache.cache_clear()
