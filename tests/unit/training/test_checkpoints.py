"""Checkpoint files: what goes in comes out; a checkpoint is taken after the loop has seen the step."""

import torch

from course_utils.runs import Run
from course_utils.training.checkpoints import read_checkpoint, restore, save_checkpoint
from course_utils.training.models import mlp, small_conv_net


def state_of(seed):
    model = small_conv_net(width=2, seed=seed)
    return model, torch.optim.Adam(model.parameters(), lr=0.1 * (seed + 1))


def test_round_trip(tmp_path):
    model, optimizer = state_of(0)
    model(torch.randn(4, 3, 32, 32)).sum().backward()
    optimizer.step()
    run = Run(
        config={"lr": 0.1, "x": None},
        t=[1],
        lr=[0.1],
        momentum=[0.9],
        loss_log=[torch.tensor(2.5)],
        val=[(1, 2.25, 0.125)],
        test=(1.5, 0.5),
    )
    torch.manual_seed(7)
    path = save_checkpoint(
        tmp_path / "a" / "b.pt", model=model, optimizer=optimizer, t=1, run=run, plan={"seed": 1}, by_hand=0.5
    )
    drawn = torch.rand(3)
    other, its_optimizer = state_of(1)
    t, record, by_hand = restore(read_checkpoint(path), model=other, optimizer=its_optimizer, plan={"seed": 1})
    assert (t, by_hand, record) == (1, 0.5, run) and isinstance(record.val[0], tuple)
    assert torch.equal(torch.rand(3), drawn)
    for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert its_optimizer.param_groups[0]["lr"] == 0.1
    for a, b in zip(optimizer.state.values(), its_optimizer.state.values(), strict=True):
        assert all(torch.equal(a[k], b[k]) for k in a)


def test_saving_again_replaces_and_leaves_nothing_beside(tmp_path):
    model = mlp((2,), seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for t in (1, 2):
        save_checkpoint(tmp_path / "x.pt", model=model, optimizer=optimizer, t=t, run=Run(), plan={})
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"] and read_checkpoint(tmp_path / "x.pt")["t"] == 2


def test_a_record_in_a_checkpoint_is_independent_of_the_run():
    run = Run(t=[1], lr=[0.1], momentum=[0], loss_log=[1.0])
    values = run.as_dict()
    run.t.append(2)
    run.config["x"] = 1
    assert values["t"] == [1] and values["config"] == {}
