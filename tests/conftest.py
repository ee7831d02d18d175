"""Keep every test away from the network, from the learner's progress and from what lies in data/."""

import os
import signal
import tempfile

_folder = tempfile.TemporaryDirectory(prefix="course-tests-")  # removed when the test process ends

# `course.py test` sets the same variables; these are for a bare `pytest tests/unit`.
os.environ.setdefault("COURSE_OFFLINE", "1")
os.environ.setdefault("COURSE_THREADS", "1")
os.environ.setdefault("COURSE_DATA", os.path.join(_folder.name, "data"))
os.environ.setdefault("COURSE_PROGRESS", os.path.join(_folder.name, "progress.json"))

# A job in the background of a shell script starts with Ctrl-C ignored, and so would everything it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
