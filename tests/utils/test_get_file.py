"""Downloads from a server of this test, and archives that were made to do harm."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import stat
import tarfile
import threading
import zipfile

import pytest

from kernelkit.utils import extraction, get_file

TEXT = b"hello"
SHA = hashlib.sha256(TEXT).hexdigest()


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(TEXT)
        else:
            super().do_GET()


def tar(entries, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in entries:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            info.name = name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def special(kind, target=""):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def zipped(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    (folder / "a.txt").write_bytes(TEXT)
    (folder / "t.tar.gz").write_bytes(tar([("dir/b.txt", b"b")]))
    (folder / "z.zip").write_bytes(zipped([("dir/b.txt", b"b")]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(source, tmp_path):
    """Fetch into a cache of the test; return the path below it."""

    def call(name, fname=None, **options):
        path = get_file(fname, source + name, cache_dir=tmp_path / "cache", **options)
        return os.path.relpath(path, tmp_path / "cache")

    return call


def found(tmp_path):
    cache = tmp_path / "cache"
    return sorted(p.relative_to(cache).as_posix() for p in cache.rglob("*") if not p.is_dir())


def test_a_file_is_downloaded_once(fetch, tmp_path, capsys):
    assert fetch("a.txt") == "datasets/a.txt"
    assert (tmp_path / "cache/datasets/a.txt").read_bytes() == TEXT
    assert "Downloading data from http" in capsys.readouterr().out
    (tmp_path / "cache/datasets/a.txt").write_bytes(b"mine")
    fetch("a.txt")
    assert capsys.readouterr().out == ""
    assert (tmp_path / "cache/datasets/a.txt").read_bytes() == b"mine"
    fetch("a.txt", force_download=True)
    assert (tmp_path / "cache/datasets/a.txt").read_bytes() == TEXT


@pytest.mark.parametrize(
    "options",
    [
        {"file_hash": SHA},
        {"file_hash": SHA.upper(), "hash_algorithm": "sha256"},
        {"file_hash": hashlib.md5(TEXT).hexdigest()},
        {"md5_hash": hashlib.md5(TEXT).hexdigest()},
    ],
)
def test_checksums(fetch, tmp_path, options):
    assert fetch("a.txt", "x", cache_subdir="s", **options) == "s/x"
    (tmp_path / "cache/s/x").write_bytes(b"old")
    with pytest.warns(UserWarning, match="incomplete or outdated"):
        fetch("a.txt", "x", cache_subdir="s", **options)
    assert (tmp_path / "cache/s/x").read_bytes() == TEXT


def test_a_wrong_checksum_keeps_nothing(fetch, tmp_path):
    with pytest.raises(ValueError, match=r"corrupted file .* checksum"):
        fetch("a.txt", file_hash="0" * 64)
    assert found(tmp_path) == []


@pytest.mark.parametrize("name", ["missing", "short"])
def test_a_download_that_fails_keeps_nothing(fetch, tmp_path, name):
    with pytest.raises(OSError, match="URL fetch failure"):
        fetch(name)
    assert found(tmp_path) == []


@pytest.mark.parametrize("fname", ["../escape", "sub/name", "..", "a\\b", "/etc/name"])
def test_names_that_are_paths(fetch, fname):
    with pytest.raises(ValueError, match="Paths are no longer accepted"):
        fetch("a.txt", fname)


def test_addresses_without_a_name(source, tmp_path):
    with pytest.raises(ValueError, match="origin"):
        get_file("x")
    with pytest.raises(ValueError, match="fname"):
        get_file(origin=source, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="hash_algorithm"):
        get_file(origin=source + "a.txt", cache_dir=tmp_path, file_hash="0", hash_algorithm="crc")


@pytest.mark.parametrize(
    ("name", "fname", "options", "path"),
    [
        ("t.tar.gz", None, {"extract": True}, "datasets/t.tar.gz"),
        ("t.tar.gz", "named", {"extract": True}, "datasets/named"),
        ("t.tar.gz", "named.tgz", {"extract": True}, "datasets/named_extracted"),
        ("t.tar.gz", "un", {"untar": True}, "datasets/un"),
        ("z.zip", None, {"extract": True, "archive_format": "zip"}, "datasets/z.zip"),
    ],
)
def test_archives_lie_where_keras_puts_them(fetch, tmp_path, name, fname, options, path):
    assert fetch(name, fname, **options) == path
    assert (tmp_path / "cache" / path / "dir/b.txt").read_text() == "b"
    archive = "datasets/named.tgz" if fname == "named.tgz" else path + "_archive"
    assert found(tmp_path) == sorted([archive, f"{path}/dir/b.txt"])


def test_what_is_no_archive(fetch):
    with pytest.warns(UserWarning, match="Could not extract"):
        fetch("a.txt", extract=True)
    with pytest.warns(UserWarning, match="Could not extract"):
        fetch("z.zip", extract=True, archive_format="tar")
    with pytest.raises(ValueError, match="archive_format"):
        fetch("z.zip", "q", extract=True, archive_format="rar")


def test_the_cache_is_that_of_keras(source, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    assert get_file(origin=source + "a.txt") == str(tmp_path / "home/datasets/a.txt")


# Hostile archives -----------------------------------------------------------------------------------------------------

HOSTILE = {
    "dots": tar([("../escape", b"x")]),
    "absolute": tar([("/tmp/kernelkit-escape", b"x")]),
    "windows": tar([("..\\escape", b"x")]),
    "drive": tar([("C:/escape", b"x")]),
    "symlink": tar([("link", special(tarfile.SYMTYPE, "/etc"))]),
    "symlink then file": tar([("link", special(tarfile.SYMTYPE, "..")), ("link/escape", b"x")]),
    "inner symlink": tar([("a/link", special(tarfile.SYMTYPE, "../../escape"))]),
    "hard link": tar([("link", special(tarfile.LNKTYPE, "../escape"))]),
    "hard link inside": tar([("a", b"x"), ("b", special(tarfile.LNKTYPE, "a"))]),
    "device": tar([("device", special(tarfile.CHRTYPE))]),
    "fifo": tar([("pipe", special(tarfile.FIFOTYPE))]),
    "pax path": tar([("a" * 200 + "/../../../escape", b"x")]),
    "zip dots": zipped([("../escape", b"x")]),
    "zip absolute": zipped([("/escape", b"x")]),
    "zip windows": zipped([("a\\..\\..\\escape", b"x")]),
}


def link_in_zip():
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped([(info, "/etc/passwd")])


@pytest.mark.parametrize("name", [*HOSTILE, "zip symlink"])
def test_hostile_archives_are_refused_whole(tmp_path, name):
    path, folder = tmp_path / "archive", tmp_path / "inside" / "target"
    folder.parent.mkdir()
    path.write_bytes(link_in_zip() if name == "zip symlink" else HOSTILE[name])
    kind = extraction.archive_kind(str(path))
    with pytest.raises(ValueError, match="leads out|link|device"):
        extraction.extract(str(path), str(folder), kind)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["archive", "inside"]
    assert list(folder.parent.iterdir()) == []
    assert not os.path.exists("/tmp/kernelkit-escape")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_bombs(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(extraction, "_FREE_SIZE", 1 << 20)
    path = tmp_path / "bomb"
    if kind == "tar":
        info = tarfile.TarInfo("zeros")
        info.size = 1 << 30
        with gzip.open(path, "wb") as file:
            file.write(info.tobuf())
            for _ in range(8):
                file.write(bytes(1 << 20))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bytes(8 << 20))
    with pytest.raises(ValueError, match="unpacks to far more"):
        extraction.extract(str(path), str(tmp_path / "out"), kind)
    assert [p.name for p in tmp_path.iterdir()] == ["bomb"]


@pytest.mark.parametrize("cut", [10, 60, -1])
def test_broken_archives(tmp_path, cut):
    path = tmp_path / "broken"
    path.write_bytes(tar([("a", bytes(range(256)) * 20)])[:cut])
    with pytest.raises(ValueError, match="broken"):
        extraction.extract(str(path), str(tmp_path / "out"), "tar")
    assert [p.name for p in tmp_path.iterdir()] == ["broken"]


def test_a_link_in_the_place_of_the_folder_is_replaced(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").symlink_to(outside)
    (tmp_path / "a.tar").write_bytes(tar([("a", b"x")], "w"))
    extraction.extract(str(tmp_path / "a.tar"), str(tmp_path / "out"), "tar")
    assert list(outside.iterdir()) == [] and (tmp_path / "out/a").read_bytes() == b"x"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_all_compressions(tmp_path, mode):
    (tmp_path / "a").write_bytes(tar([("d/x", b"1"), ("d/x", b"2")], mode))
    assert extraction.archive_kind(str(tmp_path / "a")) == "tar"
    extraction.extract(str(tmp_path / "a"), str(tmp_path / "out"), "tar")
    assert (tmp_path / "out/d/x").read_bytes() == b"2"
