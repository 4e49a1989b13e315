"""Folders and servers that do harm: pipes, loops of links, files that are larger than they look, broken answers."""

import os
import socket
import threading
import tracemalloc
import wave

import numpy as np
import pytest
from PIL import Image

import kernelkit as kk


def image(path, size=(4, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def images(folder, **options):
    options = {"image_size": (2, 2), "shuffle": False, "verbose": False, **options}
    return kk.utils.image_dataset_from_directory(folder, **options)


@pytest.mark.parametrize("labels", ["inferred", None])
def test_links_in_a_circle_are_followed_once(tmp_path, labels):
    for name in ("a", "b"):
        image(tmp_path / name / f"{name}.png")
        os.symlink(tmp_path, tmp_path / name / "up")
        os.symlink(tmp_path / ("b" if name == "a" else "a"), tmp_path / name / "other")
    found = images(tmp_path, labels=labels, follow_links=True)
    assert {os.path.basename(path) for path in found.file_paths} == {"a.png", "b.png"}
    assert len(found.file_paths) == (2 if labels is None else 4)
    assert len(images(tmp_path, labels=labels).file_paths) == 2


def test_pipes_devices_and_broken_links_are_no_files(tmp_path):
    image(tmp_path / "a" / "1.png")
    os.mkfifo(tmp_path / "a" / "2.png")
    os.symlink("/dev/zero", tmp_path / "a" / "3.png")
    os.symlink(tmp_path / "nowhere", tmp_path / "a" / "4.png")
    os.mkdir(tmp_path / "a" / "5.png")
    assert [os.path.basename(path) for path in images(tmp_path).file_paths] == ["1.png"]


def test_an_image_of_too_many_pixels_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    image(tmp_path / "a" / "1.png", (30, 30))
    assert next(iter(images(tmp_path)))[0].shape == (1, 2, 2, 3)
    image(tmp_path / "a" / "2.png", (40, 30))
    with pytest.raises(ValueError, match=r"2.png needs 40 x 30 pixels, more than 1000"):
        list(images(tmp_path))


def test_padding_a_thin_image_does_not_fill_the_memory(tmp_path):
    image(tmp_path / "a" / "1.png", (60_000, 1))
    assert next(iter(images(tmp_path)))[0].shape == (1, 2, 2, 3)
    with pytest.raises(ValueError, match=r"1.png needs 60000 x \d+ pixels"):
        next(iter(images(tmp_path, pad_to_aspect_ratio=True)))


@pytest.mark.parametrize("interpolation", ["bilinear", "area", "bicubic", "nearest"])
def test_a_large_image_is_made_small_in_bands_with_the_same_pixels(interpolation, monkeypatch):
    from kernelkit.utils import resampling

    pixels = np.random.default_rng(0).integers(0, 256, (90, 50, 3)).astype("uint8")
    whole = resampling.resize(pixels, (7, 9), interpolation)
    monkeypatch.setattr(resampling, "_WHOLE", 1000)
    np.testing.assert_allclose(resampling.resize(pixels, (7, 9), interpolation), whole, atol=1e-3)


def sound(path, rate, samples=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, max(1, rate), 0, "NONE", ""))
        file.writeframes(np.zeros(samples, "<i2").tobytes())
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize(("rate", "message"), [(0, "sampling rate of 0"), (1, "sampling rate of 1: at 16000")])
def test_sounds_of_impossible_rates_are_named(tmp_path, rate, message):
    sound(tmp_path / "a" / "1.wav", rate, samples=100_000)
    found = kk.utils.audio_dataset_from_directory(tmp_path, sampling_rate=16_000, verbose=False)
    with pytest.raises(ValueError, match=f"1.wav.*{message}"):
        list(found)


def test_a_sound_without_samples(tmp_path):
    sound(tmp_path / "a" / "1.wav", 8000, samples=0)
    options = {"sampling_rate": 16_000, "output_sequence_length": 4, "verbose": False}
    assert next(iter(kk.utils.audio_dataset_from_directory(tmp_path, **options)))[0].shape == (1, 4, 1)


def test_no_more_of_a_text_is_read_than_is_kept(tmp_path):
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "1.txt"
    path.write_text("äöü€𝄞" * 3 + "x", encoding="utf-8")
    os.truncate(path, 64 * 2**20)
    found = kk.utils.text_dataset_from_directory(tmp_path, labels=None, max_length=12, verbose=False)
    tracemalloc.start()
    assert next(iter(found)).tolist() == ["äöü€𝄞äöü€𝄞äö"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    with pytest.raises(ValueError, match="max_length"):
        kk.utils.text_dataset_from_directory(tmp_path, labels=None, max_length=-1)


ANSWERS = {
    "a chunk that was cut": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\nshort",
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n",
    "no status": b"\x00\x01garbage\r\n\r\n",
    "nothing": b"",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(500)) + b"\r\n",
    "a body that was cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "a length beyond numbers": b"HTTP/1.1 500 No\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a line without end": b"HTTP/1.1 200 " + b"x" * 70_000,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_broken_answer_is_an_oserror_and_keeps_nothing(tmp_path, answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(ANSWERS[answer])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/file.bin"
        with pytest.raises(OSError, match="URL fetch failure on http://127.0.0.1"):
            kk.utils.get_file("file.bin", address, cache_dir=tmp_path)
        thread.join(timeout=10)
    assert not [name for _, _, names in os.walk(tmp_path) for name in names]
