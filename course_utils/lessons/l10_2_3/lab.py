"""The lab that can be failed: seven steps, a budget in updates, every step's evidence sealed before the next opens.

    lab = Lab(budget=2000)
    with lab.step(1) as step:                      # refused while the records of the steps before it are not sealed
        step.pay(1)                                # refused when the budget does not allow it
        step.note(loss=2.31)
        step.require("the loss is near ln 10", abs(2.31 - 2.303) < 0.1)

A step may be done again, for its price; what came after it has then to be done again, too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from course_utils.checks import check_positive, check_whole
from course_utils.runs import plain

STEPS = ("initial loss", "overfit a few batches", "learning-rate sweep", "coarse random search")
STEPS += ("refine", "read the curves", "converge and combine")


class Locked(ValueError):
    """A step that is not open yet, a seal that is broken, or a budget that is spent."""


@dataclass
class Step:
    """One step while it is being done: pay, note, require; sealed when its `with` block ends."""

    lab: Lab
    k: int
    facts: dict = field(default_factory=dict)
    failed: list = field(default_factory=list)
    spent: float = 0

    def pay(self, updates: float) -> None:
        """Take so many updates (of 64 images) out of the budget, before they are made."""
        check_positive("updates", updates)
        if updates > self.lab.left - self.spent:
            raise Locked(f"{updates:,.0f} updates are asked, {self.lab.left - self.spent:,.0f} are left.")
        self.spent += updates

    def note(self, **facts) -> None:
        """Evidence: numbers, texts, lists."""
        self.facts |= plain(facts, "evidence")

    def require(self, sentence: str, met: bool) -> None:
        """What must be true for this step to open the next."""
        self.failed += [] if met else [sentence]

    def __enter__(self) -> Step:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is None:
            self.lab.seal(self)
        else:  # what was trained is paid, whether it ended well or not
            self.lab.lost += self.spent


class Lab:
    """budget: updates of 64 images for all seven steps together. records: the sealed evidence, one dict a step."""

    def __init__(self, budget: int):
        self.budget, self.lost = check_whole("budget", budget, 1), 0.0
        self.records: list[dict] = []

    @property
    def left(self) -> float:
        return self.budget - self.lost - sum(record["spent"] for record in self.records)

    def step(self, k: int) -> Step:
        """Open step k, forgetting what came after it. Raises Locked, saying what is missing."""
        check_whole("k", k, 1, len(STEPS))
        before = ""
        for n, name in enumerate(STEPS[: k - 1], start=1):
            if n > len(self.records):
                raise Locked(f"step {k} is shut: there is no record of step {n}, {name}.")
            record = self.records[n - 1]
            if record["seal"] != seal_of(record) or record["before"] != before or record["step"] != n:
                raise Locked(f"step {k} is shut: the seal of step {n} is broken; do it again, lab.step({n}).")
            if record["failed"]:
                raise Locked(f"step {k} is shut: step {n} failed: {record['failed'][0]}.")
            before = record["seal"]
        self.lost += sum(record["spent"] for record in self.records[k - 1 :])
        del self.records[k - 1 :]
        return Step(self, k)

    def seal(self, step: Step) -> None:
        before = self.records[-1]["seal"] if self.records else ""
        record = dict(step=step.k, facts=step.facts, failed=step.failed, spent=step.spent, before=before)
        self.records.append({**record, "seal": seal_of(record)})
        verdict = f"NOT PASSED: {'; '.join(step.failed)}" if step.failed else "sealed"
        print(f"Step {step.k}, {STEPS[step.k - 1]}: {verdict}. Paid {step.spent:,.0f}, left {self.left:,.0f} updates.")


def seal_of(record: dict) -> str:
    """A short hash of everything in a record, and so of the seal before it."""
    bare = {name: value for name, value in record.items() if name != "seal"}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()[:8]
