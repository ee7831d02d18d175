"""Copies of CIFAR-10 that are bombs, traps, unreadable or nearly right: named with a way out, or called unknown."""

import io
import os
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from course_utils.data import cifar, readers
from course_utils.data.cifar import DataWarning
from course_utils.data.readers import DataError
from tests.tiny_cifar import Tiny


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    return Tiny(tmp_path, monkeypatch)


def refused(tiny, copy, message):
    tiny.use(copy)
    with pytest.raises(DataError, match=message) as caught:
        tiny.load()
    assert "Give a whole copy" in str(caught.value) and not tiny.cache.exists()


# ------------------------------------------------------------------------------------------------------ pictures
def png(width, height, depth=8, color=2):
    """A PNG that says it has this size; there are no pixels in it."""
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, color, 0, 0, 0])
    body = zlib.compress(bytes(height * (1 + width * 3 * depth // 8)) if width * height < 10_000 else b"")
    chunks = [head, b"IDAT" + body, b"IEND"]
    written = (len(c[4:]).to_bytes(4, "big") + c + zlib.crc32(c).to_bytes(4, "big") for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def saved(image, kind, **more):
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


RGB, EXIF = Image.new("RGB", (32, 32), (9, 8, 7)), Image.Exif()
EXIF[0x0112] = 6  # lie on the side
PICTURES = {
    "20,000 x 20,000": (png(20_000, 20_000), "is 20000x20000 pixels|decompression bomb"),
    "2 x 2**31 - 1": (png(2, 2**31 - 1), "pixels|decompression bomb"),
    "31 x 32": (png(31, 32), "is 31x32 pixels, not 32x32"),
    "16 bits": (png(32, 32, depth=16), "no plain RGB image of 8 bits"),
    "16 bits, grey": (saved(Image.fromarray(np.full((32, 32), 40_000, np.uint16)), "PNG"), "8 bits: I"),
    **{mode: (saved(RGB.convert(mode), "PNG"), f"8 bits: {mode}") for mode in ("L", "P", "RGBA", "1", "LA")},
    "CMYK": (saved(RGB.convert("CMYK"), "JPEG"), "8 bits: CMYK"),
    "grey JPEG": (saved(RGB.convert("L"), "JPEG"), "8 bits: L"),
    "turned JPEG": (saved(RGB, "JPEG", exif=EXIF), "turned True"),
    "turned PNG": (saved(RGB, "PNG", exif=EXIF), "turned True"),
    "animated": (saved(RGB, "PNG", save_all=True, append_images=[Image.new("RGB", (32, 32))]), "no plain RGB image"),
    **{kind: (saved(RGB, kind), "cannot identify image file") for kind in ("GIF", "TIFF", "EPS", "BMP", "WEBP", "PPM")},
    "empty": (b"", "cannot identify"),
    "a header": (png(32, 32)[:40], "cannot identify"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_that_is_none_of_cifar10(tiny, kind):
    copy, (content, message) = tiny.folder(), PICTURES[kind]
    (copy / "train" / "cat" / "0003.png").write_bytes(content)
    refused(tiny, copy, f"train/cat/0003.png in .* is not a readable image of CIFAR-10 .*({message})")


def test_foreign_bytes_start_no_other_program(tiny, monkeypatch):
    """PIL hands an EPS, whatever its name, to Ghostscript."""
    monkeypatch.setattr("subprocess.Popen", lambda *args, **more: pytest.fail(f"started {args}"))
    copy = tiny.folder()
    (copy / "train" / "cat" / "0003.png").write_bytes(saved(RGB, "EPS"))
    refused(tiny, copy, "cannot identify image file")


# ------------------------------------------------------------------------------------------------------ archives
def header_only(folder, kind):
    """An archive with the header of a member of 50 GB."""
    info, path = tarfile.TarInfo("train/airplane/0000.png"), folder / "x.tar"
    info.size, info.type = 50 * 10**9, {"sparse": b"S", "plain": b"0", "unknown": b"Z", "link": b"2"}[kind]
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    return path


@pytest.mark.parametrize("kind", ["sparse", "plain", "unknown", "link"])
def test_a_member_of_50_gb_is_refused_before_it_is_read(tiny, kind):
    refused(tiny, header_only(tiny.root, kind), "more than CIFAR-10|not a whole copy")


@pytest.mark.parametrize("name", ["train/cat/0000.png", "notes.txt", "data_batch_1"])
@pytest.mark.parametrize("form", [".tar.gz", ".tar.xz", ".zip"])
def test_a_small_archive_that_unpacks_to_much_is_refused(tiny, monkeypatch, form, name):
    monkeypatch.setattr(readers, "LARGEST", 100_000)
    path = tiny.root / f"bomb{form}"
    if form == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr(name, bytes(200_000))
    else:
        with tarfile.open(path, "w:" + form[5:]) as out:
            info = tarfile.TarInfo(name)
            info.size = 200_000
            out.addfile(info, io.BytesIO(bytes(200_000)))
    assert path.stat().st_size < 2_000
    refused(tiny, path, f"{name} has 200,000 bytes, .*more than CIFAR-10")


def test_many_pictures_that_are_large_together_are_refused(tiny, monkeypatch):
    monkeypatch.setattr(readers, "LARGEST", 1_000)
    refused(tiny, tiny.folder(), "bytes, 10,.* with those before: more than CIFAR-10")


@pytest.mark.parametrize("place, value", [(6, 1), (8, 9), (8, 99)], ids=["encrypted", "Deflate64", "unknown"])
def test_a_zip_that_only_others_can_unpack(tiny, place, value):
    copy = tiny.archive(".zip")
    content = bytearray(copy.read_bytes())
    for sign, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):  # the member's own header, and the list's
        content[content.index(sign) + place + shift] = value
    copy.write_bytes(content)
    refused(tiny, copy, "damaged or not an archive")


# ------------------------------------------------------------------------------------------------- paths and rights
@pytest.mark.skipif(os.name == "nt", reason="fifos and links")
@pytest.mark.parametrize("kind", ["fifo", "dangling", "loop", "folder", "device"])
def test_what_is_no_file_in_a_folder_is_named(tiny, kind):
    """A fifo was read for ever; a dangling link was a raw FileNotFoundError."""
    copy = tiny.folder()
    victim = copy / "train" / "cat" / "0003.png"
    victim.unlink()
    if kind == "fifo":
        os.mkfifo(victim)
    elif kind == "folder":
        victim.mkdir()
    else:
        victim.symlink_to({"dangling": "/nonexistent", "loop": victim, "device": "/dev/zero"}[kind])
    refused(tiny, copy, "cannot be read|damaged or not an archive|not a whole copy")


@pytest.mark.skipif(os.name == "nt", reason="fifos and devices")
@pytest.mark.parametrize("path", ["fifo", "/dev/zero", "/dev/full", "~nosuchuser/x", "x" * 5000, "/", "~", ".", "\n"])
def test_a_path_that_can_be_no_copy_is_named(tiny, path, monkeypatch):
    monkeypatch.chdir(tiny.root)
    if path == "fifo":
        os.mkfifo("fifo")
    refused(tiny, path, "nothing at this path|in this folder lie|not a regular file")


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_odd_things_beside_the_pictures_do_no_harm(tiny):
    """What editors and systems leave: locks that are dangling links, previews, forks of Macs."""
    copy = tiny.folder()
    (copy / "train" / "cat" / ".#0001.png").symlink_to("me@desk.123")
    (copy / "train" / "cat" / "Thumbs.db").write_bytes(b"x")
    (copy / "train" / "cat" / "._0001.png").write_bytes(b"x")
    os.mkfifo(copy / "train" / "cat" / "pipe")
    (copy / "train" / ".ipynb_checkpoints").mkdir()
    tiny.use(copy)
    assert len(tiny.load().train) == 160


def unreadable(monkeypatch, *paths):
    """These and all below them belong to somebody else (rights do not stop root)."""

    def guard(function):
        def guarded(path=".", *args, **more):
            if isinstance(path, str | os.PathLike) and str(path).startswith(tuple(map(str, paths))):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *args, **more)

        return guarded

    for name in ("stat", "scandir", "listdir", "open", "mkdir"):
        monkeypatch.setattr(os, name, guard(getattr(os, name)))
    monkeypatch.setattr("builtins.open", guard(open))
    monkeypatch.setattr(io, "open", guard(io.open))


@pytest.mark.parametrize("what", ["copy", "parent", "archive"])
def test_a_copy_that_may_not_be_read_is_named(tiny, monkeypatch, what):
    copy = tiny.archive(".zip") if what == "archive" else tiny.folder()
    unreadable(monkeypatch, copy / "train" if what == "copy" else copy)
    refused(tiny, copy, "nothing that may be read|cannot be read|not an archive|in this folder")


def test_a_data_folder_that_may_not_be_read_costs_time_only(tiny, monkeypatch, recwarn):
    tiny.use(tiny.folder())
    whole = tiny.load()
    tiny.new_process()
    with monkeypatch.context() as patch:
        unreadable(patch, tiny.data_dir)
        again = tiny.load()
    assert np.array_equal(whole.train.inputs, again.train.inputs)
    assert [warning.category for warning in recwarn] == [DataWarning]


def test_stand_ins_where_the_data_folder_may_not_be_read(tiny, monkeypatch, capsys):
    unreadable(monkeypatch, tiny.data_dir)
    assert not cifar.cifar10(train=100, val=20, test=20).is_real and "STAND-IN" in capsys.readouterr().out


def test_a_zip_with_the_paths_of_windows_is_read(tiny):
    copy = tiny.archive(".zip", inside="copy/")
    content = copy.read_bytes()
    for split in ("train", "test"):
        for name in readers.CLASSES:
            there, back = f"copy/{split}/{name}/".encode(), f"copy\\{split}\\{name}\\".encode()
            content = content.replace(there, back)
    copy.write_bytes(content)
    tiny.use(copy)
    assert len(tiny.load().train) == 160


# ------------------------------------------------------------------------------------------- nearly right images
def test_a_class_that_is_a_copy_of_another_is_refused(tiny, monkeypatch):
    """56 of 90 pairs passed the mean colour, and so did 60,000 images of one flat colour."""
    monkeypatch.setattr(readers, "COPIES", 0.01)
    copy = tiny.folder()
    for i in range(20):
        source = copy / "train" / "cat" / f"{i:04}.png"
        (copy / "train" / "frog" / source.name).write_bytes(source.read_bytes())
    refused(tiny, copy, "20 of its images are the same as others")


def test_the_known_copy_is_recognised_and_one_flipped_bit_makes_it_unknown(tiny, monkeypatch):
    """480 of 500 flipped bits in JPEG files of a folder were accepted without a word, 416 with other pixels."""
    copy = tiny.use(tiny.folder())
    arrays = readers.read(copy, quiet=True)
    images = np.concatenate([arrays.train_images, arrays.test_images])
    monkeypatch.setattr(readers, "KNOWN", {readers.hashlib.sha256(images).hexdigest(): "CIFAR-10 (JPEG copy)"})
    assert tiny.load().source == "CIFAR-10 (JPEG copy)"
    victim = copy / "train" / "cat" / "0003.png"
    with Image.open(victim) as image:
        pixels = np.array(image)
    pixels[5, 6, 0] ^= 1
    Image.fromarray(pixels).save(victim)
    assert tiny.load().source == "CIFAR-10 (unknown copy)"
