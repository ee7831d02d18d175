"""What the live training panel says under its picture, for those who read it and those who have it read."""

from __future__ import annotations

import html


def describe(panel, why: str = "") -> str:
    """State of the training and of every run, one line each. why: a reason for the state, if there is one."""
    T, t = panel.lanes.T, panel.t
    if panel.state == "ready":
        return f"Ready: {T} updates on {panel.source}. Press Start."
    main, *others = panel.lanes.lanes
    state = "Diverged" if all(lane.run.diverged for lane in panel.lanes.lanes) else panel.state.capitalize()
    where = f"after all {T} updates" if t == T else f"after update {t} of {T}"
    lines = [f"{state} {where}: {result(main)}" + (f" ({why})." if why else ".")]
    for lane in others:
        factor = lane.run.config["branch_factor"]
        lines.append(f"B{lane.name[1:]} (LR × {factor:g} from update {lane.born}): {result(lane)}.")
    return "\n".join(lines)


def result(lane) -> str:
    """How one run stands."""
    run = lane.run
    if run.diverged:
        rate = f"with learning rate {run.lr[-1]:.3g}"
        return f"the loss became infinite or NaN at update {run.diverged_at} {rate}; the run ends there"
    if not run.lr:
        return "no update made yet"
    hand = " by hand" if lane.hand is not None else ""
    accuracy = f"validation accuracy {run.percent:.0f} %" if run.val else "not validated yet"
    return f"learning rate {run.lr[-1]:.3g}{hand}, {accuracy}"


def news(panel) -> tuple:
    """What makes a new line worth reading aloud: it would be tiresome to hear every update."""
    return (panel.state, *((lane.run.status, len(lane.run.val), *lane.marks) for lane in panel.lanes.lanes))


def alarm(trace: str) -> str:
    """An error of the training as HTML that is announced."""
    return (
        '<div role="alert" style="border-left:4px solid #e42536;padding:4px 8px;line-height:1.4">'
        '<b>The training failed.</b><pre style="margin:4px 0;white-space:pre-wrap">'
        f"{html.escape(trace)}</pre></div>"
    )
