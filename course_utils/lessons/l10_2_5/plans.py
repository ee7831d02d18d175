"""A budget of epochs can be spent in many ways: one of them is a Plan, and the recorded members say what it is worth.

board = Board(load_members())
board.result(Plan("plain", nets=4, epochs=16))       # mean over all groups of four that were recorded
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from course_utils.lessons.l10_2_5 import measures
from course_utils.lessons.l10_2_5.predictions import Members

NETS = (1, 2, 4, 8)
BUDGETS = (8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Plan:
    """data: "plain" or "augmented" training images. nets: members of the ensemble. epochs: of each of them; of one
    training with snapshots (cycles > 1) in all, and the last `nets` snapshots are the members."""

    data: str
    nets: int = 1
    epochs: int = 16
    width: int = 16
    cycles: int = 1

    @property
    def kind(self) -> str:
        """The name of the kind: nets, snapshots or wide."""
        return "snapshots" if self.cycles > 1 else "wide" if self.width > 16 else "nets"

    @property
    def budget(self) -> int:
        """Epochs in all, those of a net of twice the width counted four times."""
        return (self.nets if self.cycles == 1 else 1) * self.epochs * (self.width // 16) ** 2

    def __str__(self) -> str:
        """'4 nets of 16 epochs', 'the last 2 of 4 snapshots of one training of 64 epochs', ..."""
        length = f"of {self.epochs} epoch{'s' * (self.epochs > 1)}"
        if self.cycles > 1:
            which = f"the last {self.nets} of {self.cycles}" if self.nets < self.cycles else f"all {self.nets}"
            return f"{which} snapshots of one training {length}"
        return f"{self.nets} net{'s' * (self.nets > 1)}{', twice as wide,' * (self.width > 16)} {length}"


class Board:
    """What every plan is worth, computed when it is first asked for."""

    def __init__(self, members: Members):
        self.members, self._results = members, {}

    def groups(self, plan: Plan) -> list[list[int]]:
        """Numbers of the members of every recorded group that fits the plan, no net in two of them; perhaps none."""
        numbers = self.members.where(data=plan.data, width=plan.width, epochs=plan.epochs, cycles=plan.cycles)
        if plan.cycles == 1:
            return [numbers[at : at + plan.nets] for at in range(0, len(numbers) - plan.nets + 1, plan.nets)]
        runs = [numbers[at : at + plan.cycles] for at in range(0, len(numbers), plan.cycles)]
        return [run[-plan.nets :] for run in runs if plan.nets <= plan.cycles]

    def result(self, plan: Plan, rule: str = "probabilities", calibrated: bool = False) -> SimpleNamespace | None:
        """What a plan is worth on test images, None where it was not recorded.

        rule: of `pool`; calibrated: with one temperature a group, chosen on validation images. Means over the groups:
        percent (accuracy), alone (that of a member), ece, disagreement in per cent or points; nll, alone_nll, val_nll
        (on validation images) in nats; temperature. percents, nlls: of each group.
        """
        key = plan, rule, calibrated
        if key not in self._results:
            rows = [self._worth(group, rule, calibrated) for group in self.groups(plan)]
            means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}
            each = dict(percents=[row["percent"] for row in rows], nlls=[row["nll"] for row in rows])
            self._results[key] = SimpleNamespace(**means, **each) if rows else None
        return self._results[key]

    def _worth(self, group: list[int], rule: str, calibrated: bool) -> dict:
        members, temperature = self.members, 1.0
        val, test = (measures.pool(logits[group], rule) for logits in (members.val, members.test))
        if calibrated:
            temperature = measures.best_temperature(val, members.val_labels)
            val, test = (measures.with_temperature(said, temperature) for said in (val, test))
        worth = {name: getattr(measures, name)(test, members.test_labels) for name in ("nll", "ece", "percent")}
        worth |= dict(zip(("alone", "alone_nll"), self.alone[group].mean(axis=0), strict=True))
        worth |= dict(disagreement=measures.disagreement(members.test[group]), temperature=temperature)
        return worth | dict(val_nll=measures.nll(val, members.val_labels))

    @cached_property
    def alone(self) -> np.ndarray:
        """Test accuracy (per cent) and NLL of every member by itself, [members, 2]."""
        labels = self.members.test_labels
        said = [measures.softmax(logits) for logits in self.members.test]
        return np.array([[measures.percent(each, labels), measures.nll(each, labels)] for each in said])

    def plans(self, data: str, budget: int) -> list[Plan]:
        """The recorded ways to spend a budget: 1 ... 8 independent nets, snapshots, one wider net."""
        plans = [Plan(data, nets, budget // nets) for nets in NETS if budget % nets == 0]
        plans += [*(Plan(data, nets, budget, cycles=4) for nets in (4, 2)), Plan(data, 1, budget // 4, width=32)]
        return [plan for plan in plans if self.groups(plan)]

    def winner(self, data: str, budget: int, *how) -> Plan:
        """The plan with the least NLL on the *validation* images at this budget. how: rule and calibrated."""
        return min(self.plans(data, budget), key=lambda plan: self.result(plan, *how).val_nll)
