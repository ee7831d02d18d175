"""Whatever an answer is or does, the judge names it rightly, raises nothing in the learner's cell, leaves nothing."""

import asyncio
import builtins
import getpass
import io
import math
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import numpy as np
import psutil
import pytest
import torch

from course_utils.exercises import asking, bank, cards, guesses, progress_page, sandbox
from course_utils.exercises.checking import CORRECT, ERROR, NOT_ATTEMPTED, NOT_YET, judge

forking = pytest.mark.skipif("fork" not in sandbox.WAYS, reason="no safe fork on this platform")
MOMENTUM = bank.find("10.1.1.momentum")
CHOICE = bank.find("10.1.1.four_curves")
VALUE = bank.find("10.1.5.peak")  # its answer and its misconceptions take roots


def judged(answer, **more):
    return judge(MOMENTUM, answer, **({"seconds": 2} | more))


# ------------------------------------------------------------------------------------------- errors and their names
class Moody:
    def __float__(self):
        raise RuntimeError("not today")

    __repr__ = __str__ = __float__


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("not today")


def raises(error):
    def momentum_update(*args):
        raise error

    return momentum_update


def inside_torch(*args):
    return torch.tensor([1, 2]).softmax(0)  # NotImplementedError, from C


def inside_python(*args):
    return torch.nn.Module()(1)  # NotImplementedError, raised by a statement in torch's own code


def itself(*args):
    row = []
    row.append(row)
    return row


@pytest.mark.parametrize("way", [pytest.param(None, marks=forking), "here"])
@pytest.mark.parametrize(
    "answer, kind, words",
    [
        (inside_torch, ERROR, "raised **NotImplementedError**: .*softmax"),
        (inside_python, ERROR, "raised **NotImplementedError**: "),
        (raises(NotImplementedError), NOT_ATTEMPTED, ""),
        (raises(NotImplementedError("later")), NOT_ATTEMPTED, ""),
        (raises(GeneratorExit()), ERROR, "raised **GeneratorExit**"),
        (raises(asyncio.CancelledError()), ERROR, "raised **CancelledError**"),
        (raises(Speechless()), ERROR, "raised **Speechless**: ?"),
        (raises(RecursionError()), ERROR, "It calls itself without end"),
        (raises(ValueError("\ud800")), ERROR, "raised **ValueError**"),
        (lambda *args: torch.eye(2).to_sparse(), NOT_YET, "Given: "),
        (lambda *args: torch.empty(2, device="meta"), NOT_YET, "Given: "),
        (itself, NOT_YET, "Given: .*(list)"),
        (lambda *args: Moody(), NOT_YET, "Given: ? (Moody)"),
        (lambda *args: [1, [2, {}]], NOT_YET, "Given: {} (dict)"),
        (lambda *args: 10**400, NOT_YET, "(int)"),
        (lambda *args: np.array([object()]), NOT_YET, "Given: "),
    ],
)
def test_an_error_is_called_what_it_is(answer, kind, words, way):
    outcome = judged(answer, way=way)
    assert outcome.kind == kind, outcome.text
    for part in words.split(".*"):
        assert part in outcome.text


@forking
@pytest.mark.parametrize("ask", [lambda *a: input("?"), lambda *a: getpass.getpass(), lambda *a: builtins.input()])
def test_input_is_named(ask, monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda *a: time.sleep(60))  # a kernel waits for its front end
    outcome = judged(ask)
    assert outcome.kind == ERROR and "input() cannot be used in a check" in outcome.text


PICKS = [["A"], ("A",), {"A"}, {"A": 1}, np.array(["A"]), np.array("A"), 1, True, Moody(), b"A", math.nan]
NO_NUMBERS = [*PICKS[:4], "many", [1, 2], {}, object(), Moody(), 1j, math.nan, torch.eye(2).to_sparse(), itself(), ""]


@pytest.mark.parametrize("answer", PICKS, ids=lambda x: type(x).__name__)
def test_a_pick_that_is_no_label(answer):
    outcome = judge(CHOICE, answer)
    assert outcome.kind == NOT_YET and outcome.text.startswith('Pick one of "A", ')


@pytest.mark.parametrize("answer", NO_NUMBERS, ids=lambda x: type(x).__name__)
def test_a_value_that_is_no_number(answer):
    outcome = judge(VALUE, answer)
    assert outcome.kind == NOT_YET and "number is asked" in outcome.text


def test_every_form_of_the_right_number_is_right():
    right = VALUE.answer(**VALUE.given)
    forms = [right, np.float64(right), np.float32(right), np.array([right]), torch.tensor(right), Decimal(right)]
    assert {judge(VALUE, form).kind for form in [*forms, Fraction(right), str(right), [right]]} == {CORRECT}


@pytest.mark.parametrize("answer", [3, "text", [1], Moody(), np.ones(3), torch.ones(2)], ids=lambda x: type(x).__name__)
def test_an_answer_that_is_no_function(answer):
    assert "Hand over the function itself" in judged(answer).text


# ------------------------------------------------------------------------------------------- what is shown
@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "$5 and $6", "<b>", "\x00"])
def test_a_card_can_be_sent_and_printed(text, capsys):
    for made in (cards.card_html("correct", text, text, printed=text), cards.card_text("hint", text, text)):
        made.encode()
    cards.show("correct", text, text, printed=text)
    assert capsys.readouterr().out


@forking
def test_a_check_of_an_answer_that_prints_half_a_character(capsys):
    asking.check("10.1.1.momentum", lambda *args: print("\ud800"))
    assert "Your code printed:\n?" in capsys.readouterr().out


def test_a_dollar_is_no_formula():
    page = cards.to_html("costs $5 and $6, `$a$`")
    assert page.count("<span>$</span>") == 2 and "<code>$a$</code>" in page  # nobody typesets code


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_exercise_prints_on_every_terminal(encoding, monkeypatch):
    from course_utils.claims import claim_exact

    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    for lesson in bank.lessons():
        for name, entry in bank.of_lesson(lesson).items():
            asking.exercise(name)
            asking.solution(name)
            for number in range(1, len(entry.hints) + 1):
                asking.hint(name, number)
    guesses.predict("η", "Wie groß ist η?", low=0, high=1)
    guesses.recall("η", 0.5, unit="√")
    progress_page.progress_map()
    claim_exact("x: 2 × 3 − η ≤ 6", True)
    out.flush()
    assert out.buffer.getvalue().count(b"[SOLUTION]") > 40


@pytest.mark.parametrize("number", [np.int64(1), np.int8(2)])
def test_hints_count_in_any_whole_number(number, capsys):
    asking.hint("10.1.1.edge", number)
    assert "[HINT]" in capsys.readouterr().out


@pytest.mark.parametrize("number", [True, 0, 99, 1.5, "1", [1]])
def test_numbers_of_hints_that_are_none(number):
    with pytest.raises(ValueError, match="number must be a whole number"):
        asking.hint("10.1.1.edge", number)


# ------------------------------------------------------------------------------------------- math overwritten
@pytest.mark.parametrize(
    "module, name, instead",
    [
        (math, "cos", lambda x: 0.0),
        (math, "sqrt", lambda x: 1.0),
        (math, "pi", 3),
        (builtins, "sum", lambda x: 0),
        (builtins, "max", min),
    ],
)
@pytest.mark.parametrize("way", [pytest.param(None, marks=forking), "here"])
def test_functions_that_a_cell_has_overwritten_change_no_verdict(module, name, instead, way, monkeypatch):
    right = [(entry, bank.define(entry.solution, entry.function)) for entry in (bank.find("10.1.3.cosine"), MOMENTUM)]
    value, wrong = VALUE.answer(**VALUE.given), judge(VALUE, 2 * VALUE.answer(**VALUE.given)).misconception
    with monkeypatch.context() as patch:
        patch.setattr(module, name, instead)
        outcomes = [judge(entry, answer, way=way).kind for entry, answer in right] + [judge(VALUE, value).kind]
        again = judge(VALUE, 2 * value).misconception
        assert getattr(module, name) is instead
    assert outcomes == [CORRECT] * 3 and again == wrong


# ------------------------------------------------------------------------------------------- out of the sandbox
@forking
def test_an_answer_that_asks_for_another_way_is_not_judged_in_the_kernel():
    """It says what torch says in a fork, and holds an open file, which no fresh Python can be sent."""
    pid = os.getpid()
    with open(os.devnull) as file:

        def escape(*args, file=file):
            if os.getpid() == pid:
                os.environ["ESCAPED"] = "yes"
            raise RuntimeError("in forked subprocess")

        outcome = judged(escape)
    assert outcome.kind == ERROR and "ESCAPED" not in os.environ


def descriptors():
    return [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]


def forged(message):
    def momentum_update(*args):
        for number in descriptors():
            with suppress(OSError):
                os.write(number, message)
        time.sleep(60)

    return momentum_update


@forking
@pytest.mark.parametrize(
    "message", [struct.pack("!i", 7) + b'{"x":1}', struct.pack("!i", 3) + b"...", struct.pack("!i", 2) + b"[]"]
)
def test_a_forged_message(message):
    result = sandbox.run(forged(message), seconds=1)
    assert (result.value, result.problem, result.detail) == (None, "crash", "what it sent back is no answer")


@forking
def test_what_a_fork_inherits_leads_nowhere(tmp_path):
    """Pipes and sockets of the kernel are out of reach: a stray write once stopped a whole test run."""
    (tmp_path / "kept").write_text("a learner's file")
    ours, sockets = os.pipe(), socket.socketpair()
    with open(tmp_path / "kept") as file, sockets[0], sockets[1]:
        sandbox.run(forged(b"stray"), seconds=0.5)
        assert sandbox.run(lambda: file.read()).value == "a learner's file"
        sockets[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            sockets[0].recv(5)
    os.close(ours[1])
    assert os.read(ours[0], 5) == b""
    os.close(ours[0])


@forking
@pytest.mark.parametrize("message", [struct.pack("!i", 100), struct.pack("!i", 10**9), struct.pack("!iQ", -1, 10**15)])
def test_a_message_without_an_end(message):
    begin = time.monotonic()
    result = sandbox.run(forged(message), seconds=0.5)
    assert result.value is None and result.problem in ("time", "exit") and time.monotonic() - begin < 20


@forking
def test_a_pipe_that_is_closed_while_the_answer_runs_on():
    def work():
        os.closerange(3, 4096)
        time.sleep(60)

    assert sandbox.run(work, seconds=1).problem in ("time", "exit")


def gone(pid):
    for _ in range(100):
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.05)
                continue
        return True
    return False


@forking
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", ["session", "daemon"])
def test_what_runs_away_from_its_group_ends_with_the_check(kind, late, tmp_path):
    note = tmp_path / "pid"

    def work():
        if kind == "session":
            child = subprocess.Popen(["sleep", "60"], start_new_session=True).pid
        else:
            child = os.fork()
            if child == 0:
                os.setsid()
                if grandchild := os.fork():
                    note.write_text(str(grandchild))
                    os._exit(0)
                time.sleep(60)
            os.waitpid(child, 0)
            child = int(note.read_text())
        note.write_text(str(child))
        time.sleep(60 * late)
        return 1

    result = sandbox.run(work, seconds=1)
    assert result.problem == ("time" if late else None) and gone(int(note.read_text()))


@forking
def test_a_storm_of_presses_leaves_no_child_and_no_descriptor():
    """Ctrl-C 0 to 60 ms after the start: before the fork, in it, while the child is listened to, while it is ended."""
    rng, pressed = random.Random(0), 0
    sandbox.run(lambda: 1)
    before, children = len(os.listdir("/proc/self/fd")), psutil.Process().children(recursive=True)
    for _ in range(40):
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 0.06))
            sandbox.run(lambda: time.sleep(0.02))
            signal.pause()
        except KeyboardInterrupt:
            pressed += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    assert pressed == 40 and psutil.Process().children(recursive=True) == children
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture(autouse=True)
def alarm_is_ctrl_c():
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    yield
    signal.signal(signal.SIGALRM, before)
