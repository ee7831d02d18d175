"""What goes wrong with a download, against a server on this machine: named, repaired or refused."""

import errno
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from course_utils.data import cifar as data
from course_utils.data import download
from course_utils.data.download import DownloadError, Limits, fetch
from course_utils.files import lock
from tests.tiny_cifar import Tiny

BODY = bytes(range(256)) * 1600  # 410 kB
OTHER = BODY[::-1]  # a foreign file of the same length
MD5 = hashlib.md5(BODY).hexdigest()
QUICK = Limits(answer=0.4, trial=100_000, stall=0.4, window=0.15, longest=1.0)


class Handler(BaseHTTPRequestHandler):
    """Behaves as the first part of the path says: /good, /slow, /404, ..."""

    def do_GET(self):
        kind, body = self.path.strip("/"), BODY
        wanted = self.headers.get("Range", "bytes=0-")
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.server.requests.append((kind, start))
        if kind.isdigit():
            return self.send_error(int(kind))
        if kind in ("foreign", "page"):
            body = OTHER if kind == "foreign" else b"<html>please log in</html>"
        if kind in ("norange", "page"):
            start = 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        try:
            self.send_body(kind, body[start:])
        except OSError:  # the other side has gone, as it should have
            return None

    def send_body(self, kind: str, body: bytes) -> None:
        if kind == "truncated":
            body = body[: len(body) // 2]
        step, pause = {
            "slow": (2000, 0.02),
            "tires": (2000, 0.02),
            "steady": (20_000, 0.02),
            "stalls": (2000, 2.0),
        }.get(kind, (len(body), 0.0))
        if kind == "tires":  # quick at first
            self.wfile.write(body[:200_000])
            body = body[200_000:]
        for i in range(0, len(body), step):
            self.wfile.write(body[i : i + step])
            if pause and self.server.closing.wait(pause):
                return

    def log_message(self, *arguments):
        return


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.requests, running.closing = [], threading.Event()
        running.url = lambda kind: f"http://127.0.0.1:{running.server_port}/{kind}"
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield running
        running.closing.set()
        running.shutdown()


@pytest.fixture
def dead_url():
    with socket.socket() as free:  # a port that nobody listens on
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/good"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "archive.tar.gz"


def get(target, *sources, limits=QUICK):
    return fetch(sources, target, MD5, len(BODY), limits, quiet=True)


def part_of(target):
    return target.with_name(target.name + ".part")


def test_a_good_source(server, target):
    assert get(target, server.url("good")).read_bytes() == BODY
    assert not part_of(target).exists()


@pytest.mark.parametrize("kind", ["404", "500", "slow", "stalls", "truncated", "foreign", "page"])
def test_a_bad_source_is_left_for_the_next(server, target, kind):
    assert get(target, server.url(kind), server.url("good")).read_bytes() == BODY


def test_a_dead_source_is_left_for_the_next(server, target, dead_url):
    assert get(target, dead_url, server.url("good")).read_bytes() == BODY


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("404", "answers 404 Not Found"),
        ("500", "answers 500"),
        ("slow", r"slow \(\d+ kB/s\)"),
        ("stalls", "no data for 0.4 s"),
        ("truncated", "broke off or went wrong 3 times"),
        ("foreign", "wrong checksum"),
        ("page", "offers 26 bytes instead of 409,600"),
    ],
)
def test_a_bad_source_alone_is_named_and_nothing_is_made(server, target, kind, reason):
    with pytest.raises(DownloadError, match=rf"127\.0\.0\.1:\d+: {reason}"):
        get(target, server.url(kind))
    assert not target.exists()


def test_the_fastest_source_is_asked_for_the_file(server, target):
    get(target, server.url("slow"), server.url("steady"), server.url("good"))
    assert sorted(kind for kind, _ in server.requests[:3]) == ["good", "slow", "steady"]  # the trial
    assert server.requests[3:] == [("good", 0)]


def test_a_source_that_gets_slow_is_left_and_keeps_what_it_gave(server, target, capsys):
    fetch([server.url("steady"), server.url("tires")], target, MD5, len(BODY), QUICK)
    (first, begin), (second, place) = server.requests[2:]
    assert (first, begin, second) == ("tires", 0, "steady") and place >= 200_000
    assert "kB/s); trying the next source" in capsys.readouterr().out


def test_a_slow_source_is_better_than_none_where_it_will_be_done_in_time(server, target):
    patient = Limits(answer=0.4, stall=1.0, window=0.15, longest=60.0)
    assert get(target, server.url("slow"), server.url("404"), limits=patient).read_bytes() == BODY


def test_a_broken_off_answer_is_taken_up_again(server, target):
    with pytest.raises(DownloadError, match="broke off or went wrong 3 times"):
        get(target, server.url("truncated"))
    starts = [start for _, start in server.requests[1:]]
    assert starts == [0, len(BODY) // 2, len(BODY) * 3 // 4]  # each time half of what is missing
    assert part_of(target).stat().st_size == len(BODY) * 7 // 8


def test_a_server_without_ranges_begins_anew(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(b"x" * 1000)
    assert get(target, server.url("norange")).read_bytes() == BODY


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(BODY), b"x" * (len(BODY) + 1)])
def test_a_foreign_part_is_found_and_replaced(server, target, left):
    target.parent.mkdir()
    part_of(target).write_bytes(left)
    assert get(target, server.url("good")).read_bytes() == BODY


def test_offline_is_quick_and_named(target, dead_url):
    began = time.monotonic()
    with pytest.raises(DownloadError, match="none of 2 sources can be reached; is this machine offline"):
        get(target, dead_url, dead_url)
    assert time.monotonic() - began < 6


def test_a_source_that_never_answers_costs_its_time_once(target, server):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/good"
        began = time.monotonic()
        assert get(target, url, server.url("good")).read_bytes() == BODY
        with pytest.raises(DownloadError, match="no data for 0.4 s"):
            get(target.with_name("other"), url)
    assert time.monotonic() - began < 6


def test_a_killed_download_is_taken_up_again(server, target):
    program = (
        "import sys, pathlib; from course_utils.data.download import Limits, fetch; "
        "fetch([sys.argv[1]], pathlib.Path(sys.argv[2]), '', int(sys.argv[3]), Limits(answer=0.3))"
    )
    arguments = [sys.executable, "-c", program, server.url("slow"), str(target), str(len(BODY))]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (
            part_of(target).exists() and part_of(target).stat().st_size > 50_000
        ):
            time.sleep(0.01)
        process.kill()
    length = part_of(target).stat().st_size
    assert 50_000 < length < len(BODY) and not target.exists()
    assert get(target, server.url("good")).read_bytes() == BODY
    assert server.requests[-1] == ("good", length)


def test_two_processes_do_not_write_the_same_file(server, target):
    target.parent.mkdir()
    with lock(target):
        with pytest.raises(DownloadError, match="another process is downloading"):
            get(target, server.url("good"))
    assert get(target, server.url("good")).read_bytes() == BODY  # the lock is gone


def test_too_little_space_is_said_before_anything_is_fetched(server, target, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(DownloadError, match=r"has 0\.0 MB of free space, 0\.4 MB are needed"):
        get(target, server.url("good"))
    assert server.requests == []


def test_a_disk_that_fills_up_is_named(server, target, monkeypatch):
    class FullDisk:
        """A file that takes 50 kB and then no more."""

        def __init__(self, *arguments, **options):
            self.file = open(*arguments, **options)
            self.tell = self.file.tell

        def write(self, block):
            if self.file.tell() > 50_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self.file.write(block)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.file.close()

    monkeypatch.setattr(download, "open", FullDisk, raising=False)
    with pytest.raises(DownloadError, match="cannot write to .*downloads: .*No space left"):
        get(target, server.url("good"))
    assert not target.exists()
    monkeypatch.undo()
    assert get(target, server.url("good")).read_bytes() == BODY  # once there is space


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadError, match="cannot write to .*file"):
        get(tmp_path / "file" / "archive.tar.gz", server.url("good"))


# What cifar10() makes of it


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    tiny = Tiny(tmp_path, monkeypatch)
    monkeypatch.delenv("COURSE_OFFLINE")
    return tiny


def official_archive(tiny, monkeypatch) -> bytes:
    """The bytes of an official archive; cifar10() is told to expect them."""
    import tarfile

    folder = tiny.batches("to_pack")
    with tarfile.open(tiny.root / "packed.tar.gz", "w:gz") as out:
        out.add(folder, arcname="cifar-10-batches-py")
    shutil.rmtree(folder)
    body = (tiny.root / "packed.tar.gz").read_bytes()
    monkeypatch.setattr(data, "CIFAR10_MD5", hashlib.md5(body).hexdigest())
    monkeypatch.setattr(data, "CIFAR10_SIZE", len(body))
    return body


def test_cifar10_downloads_decodes_and_keeps(tiny, server, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "BODY", official_archive(tiny, monkeypatch))
    monkeypatch.setattr(data, "CIFAR10_SOURCES", (server.url("404"), server.url("good")))
    assert tiny.load().source == "CIFAR-10"
    requests = len(server.requests)
    tiny.new_process()
    assert tiny.load().source == "CIFAR-10"
    assert len(server.requests) == requests  # not fetched again


def test_a_failed_download_gives_stand_ins_and_is_not_tried_again(tiny, server, monkeypatch, capsys):
    monkeypatch.setattr(data, "CIFAR10_SOURCES", (server.url("404"),))
    assert not data.cifar10(train=100, val=20, test=20).is_real
    assert not data.cifar10(train=100, val=20, test=20).is_real
    assert capsys.readouterr().out.count("answers 404 Not Found). For the real ones set COURSE_CIFAR10") == 2
    assert len(server.requests) == 1  # the trial
    with pytest.raises(DownloadError, match="404"):
        tiny.load(download=True)


@pytest.mark.parametrize("offline", ["argument", "variable"])
def test_nothing_is_downloaded_where_that_is_switched_off(tiny, server, monkeypatch, offline):
    monkeypatch.setattr(data, "CIFAR10_SOURCES", (server.url("good"),))
    monkeypatch.setenv("COURSE_OFFLINE", "1" if offline == "variable" else "0")
    options = {"download": False} if offline == "argument" else {}
    assert not data.cifar10(train=100, val=20, test=20, quiet=True, **options).is_real
    assert server.requests == []
