"""Keep every test away from the network, from the learner's progress, from what lies in data/ and from other tests."""

import os
import signal
import sys
import tempfile

import pytest

from tests import traces

_folder = tempfile.TemporaryDirectory(prefix="course-tests-")  # removed when the test process ends

# `course.py test` sets the same variables; these are for a bare `pytest tests/unit`.
os.environ.setdefault("COURSE_OFFLINE", "1")
os.environ.setdefault("COURSE_THREADS", "1")
os.environ.setdefault("COURSE_DATA", os.path.join(_folder.name, "data"))
os.environ.setdefault("COURSE_PROGRESS", os.path.join(_folder.name, "progress.json"))

# A job in the background of a shell script starts with Ctrl-C ignored, and so would everything it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_traces():
    """A test that leaves a variable, a folder, a setting or a running loop behind fails itself, not the next one."""
    if "torch" in sys.modules:  # the first training sets the threads that COURSE_THREADS asks for, for good
        sys.modules["torch"].set_num_threads(int(os.environ["COURSE_THREADS"]))
    before = traces.state()
    yield
    if left := traces.left_behind(before, traces.state()):
        traces.put_back(before)
        pytest.fail("the test left something behind: " + "; ".join(left))
