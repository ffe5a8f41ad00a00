"""`get_file` and `fetch` against a server on this machine."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from lamella.data._archive import extract_archive
from lamella.data._download import ChecksumError, fetch, get_file, keras_home
from lamella.errors import ArgumentError, DataError, DownloadError

BODY = bytes(range(256)) * 4000  # about a megabyte, several chunks


def sha256(body):
    return hashlib.sha256(body).hexdigest()


def names_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def tar_of(members, mode="w:gz"):
    """A tar file of (name, what): bytes for a file, None for a folder, or a TarInfo to take as it is."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, what in members:
            info = what if isinstance(what, tarfile.TarInfo) else tarfile.TarInfo(name)
            if what is None:
                info.type = tarfile.DIRTYPE
            if isinstance(what, bytes):
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
            else:
                tar.addfile(info)
    return buffer.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return name, info


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as pack:
        for name, body in members:
            pack.writestr(name, body)
    return buffer.getvalue()


class TestWhereFilesGo:
    def test_default(self, server, home):
        server.files["a.bin"] = BODY
        path = get_file("b.bin", server.url("a.bin"))
        assert path == str(home / "datasets" / "b.bin")
        assert Path(path).read_bytes() == BODY
        assert names_below(home) == ["datasets/b.bin"]

    def test_name_from_the_url(self, server, home):
        server.files["a%20b.bin"] = BODY
        assert get_file(origin=server.url("a%20b.bin?x=1")) == str(home / "datasets" / "a b.bin")

    def test_cache_dir_and_subdir(self, server, home, tmp_path):
        server.files["a"] = BODY
        assert get_file("a", server.url("a"), cache_subdir="x/y") == str(home / "x/y/a")
        assert get_file("a", server.url("a"), cache_dir=tmp_path / "new") == str(tmp_path / "new/datasets/a")
        assert get_file("a", server.url("a"), cache_subdir=str(tmp_path / "abs")) == str(tmp_path / "abs/a")

    def test_home_without_the_variable(self, monkeypatch):
        monkeypatch.delenv("KERAS_HOME", raising=False)
        assert keras_home() == Path("~/.keras").expanduser()

    def test_a_file_url(self, home, tmp_path):
        (tmp_path / "local file.bin").write_bytes(BODY)
        path = get_file(origin=(tmp_path / "local file.bin").as_uri(), file_hash=sha256(BODY))
        assert Path(path).read_bytes() == BODY

    def test_a_path_as_name(self, server, home):
        server.files["a"] = BODY
        assert get_file(Path("p"), server.url("a")) == str(home / "datasets" / "p")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"fname": "a"}, "origin"),
        ({}, "origin"),
        ({"origin": "http://127.0.0.1/"}, "Give one as `fname`"),
        ({"fname": "../a", "origin": "http://127.0.0.1/a"}, "not a path"),
        ({"fname": "/etc/a", "origin": "http://127.0.0.1/a"}, "not a path"),
        ({"fname": "..", "origin": "http://127.0.0.1/a"}, "not a path"),
        ({"origin": "http://127.0.0.1/%2e%2e"}, "not a path"),
        ({"origin": "http://127.0.0.1/..%2Fa"}, "not a path"),
        ({"origin": "http://127.0.0.1/a", "hash_algorithm": "crc"}, "Got: 'crc'"),
        ({"origin": "http://127.0.0.1/a", "extract": True, "archive_format": "rar"}, "Got: 'rar'"),
    ],
)
def test_unusable_arguments(arguments, expected, home):
    with pytest.raises(ArgumentError, match=expected):
        get_file(**arguments)
    assert not home.exists()


class TestCache:
    def test_a_file_that_is_there_is_not_fetched(self, server, home):
        server.files["a"] = BODY
        for _ in range(3):
            get_file("a", server.url("a"), file_hash=sha256(BODY))
        assert len(server.log) == 1

    def test_placed_by_hand(self, home):
        (home / "datasets").mkdir(parents=True)
        (home / "datasets" / "a").write_bytes(BODY)
        nowhere = "http://127.0.0.1:9/a"
        assert get_file("a", nowhere, file_hash=sha256(BODY)) == str(home / "datasets" / "a")
        assert get_file("a", nowhere) == str(home / "datasets" / "a")

    def test_the_wrong_file_is_replaced(self, server, home, capsys):
        server.files["a"] = BODY
        (home / "datasets").mkdir(parents=True)
        (home / "datasets" / "a").write_bytes(b"old")
        path = get_file("a", server.url("a"), file_hash=sha256(BODY))
        assert Path(path).read_bytes() == BODY
        assert "does not match its checksum" in capsys.readouterr().err

    def test_the_wrong_file_stays_if_there_is_no_other(self, server, home):
        (home / "datasets").mkdir(parents=True)
        (home / "datasets" / "a").write_bytes(b"old")
        with pytest.raises(DownloadError):
            get_file("a", server.url("a"), file_hash=sha256(BODY))
        assert (home / "datasets" / "a").read_bytes() == b"old"

    def test_force_download(self, server, home):
        server.files["a"] = b"first"
        path = Path(get_file("a", server.url("a")))
        server.files["a"] = b"second"
        get_file("a", server.url("a"))
        assert path.read_bytes() == b"first"
        get_file("a", server.url("a"), force_download=True)
        assert path.read_bytes() == b"second"
        del server.files["a"]
        with pytest.raises(DownloadError):
            get_file("a", server.url("a"), force_download=True)
        assert path.read_bytes() == b"second"
        assert names_below(home) == ["datasets/a"]


class TestHashes:
    @pytest.mark.parametrize(
        "hashes",
        [
            {"file_hash": sha256(BODY)},
            {"file_hash": sha256(BODY).upper(), "hash_algorithm": "sha256"},
            {"file_hash": hashlib.md5(BODY).hexdigest()},
            {"md5_hash": hashlib.md5(BODY).hexdigest()},
        ],
    )
    def test_right(self, server, home, hashes):
        server.files["a"] = BODY
        assert Path(get_file("a", server.url("a"), **hashes)).read_bytes() == BODY

    @pytest.mark.parametrize("wrong", [{"file_hash": "0" * 64}, {"md5_hash": "0" * 32}])
    def test_wrong(self, server, home, wrong):
        server.files["a"] = BODY
        with pytest.raises(ChecksumError, match="does not match") as caught:
            get_file("a", server.url("a"), **wrong)
        assert isinstance(caught.value, ValueError)  # what Keras raises
        assert names_below(home) == []


class TestFailures:
    def test_the_error_says_what_to_do_by_hand(self, server, home):
        urls = [server.url("a"), "http://127.0.0.1:9/a", "nonsense://a"]
        with pytest.raises(DownloadError) as caught:
            fetch("a.bin", urls, "sha256:" + "0" * 64, home / "datasets")
        text = str(caught.value)
        assert f"{server.url('a')}: HTTP 404" in text
        assert "http://127.0.0.1:9/a: ConnectionRefusedError" in text
        assert "nonsense://a: ArgumentError: cannot download from 'nonsense'" in text
        assert f"save it as\n  {home / 'datasets' / 'a.bin'}" in text
        assert "sha256 " + "0" * 64 in text
        assert isinstance(caught.value, OSError)

    def test_mirrors_are_tried_in_turn(self, server, home):
        server.files |= {"second": b"something else", "third": BODY, "fourth": BODY}
        urls = [server.url(name) for name in ("first", "second", "third", "fourth")]
        path = fetch("a", urls, "sha256:" + sha256(BODY), home)
        assert path.read_bytes() == BODY
        assert [name for name, _ in server.log] == ["first", "second", "third"]

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_home_that_cannot_be_written(self, home):
        home.mkdir(mode=0o500)
        with pytest.raises(DownloadError, match="Set KERAS_HOME"):
            get_file("a", "http://127.0.0.1:9/a")

    def test_a_home_that_is_a_file(self, home):
        home.write_text("")
        with pytest.raises(DownloadError, match="Set KERAS_HOME"):
            get_file("a", "http://127.0.0.1:9/a")


class TestInterruptions:
    def test_a_broken_connection_is_taken_up_again(self, server, home):
        server.files["a"] = BODY
        server.cut["a"] = 300_000
        path = get_file("a", server.url("a"), file_hash=sha256(BODY))
        assert Path(path).read_bytes() == BODY
        assert server.log[0][1] is None
        assert server.log[1][1].startswith("bytes=") and server.log[1][1] != "bytes=0-"

    def test_a_later_run_goes_on_where_an_earlier_one_stopped(self, server, home):
        server.files["a"] = BODY
        (home / "datasets").mkdir(parents=True)
        (home / "datasets" / "a.part").write_bytes(BODY[:500_000])
        path = get_file("a", server.url("a"), file_hash=sha256(BODY))
        assert Path(path).read_bytes() == BODY
        assert server.log == [("a", "bytes=500000-")]
        assert names_below(home) == ["datasets/a"]

    def test_a_mirror_goes_on_with_what_another_began(self, server, home):
        server.files["b"] = BODY
        (home).mkdir()
        (home / "a.part").write_bytes(BODY[:500_000])
        path = fetch("a", [server.url("gone"), server.url("b")], "sha256:" + sha256(BODY), home)
        assert path.read_bytes() == BODY
        assert server.log[-1] == ("b", "bytes=500000-")

    def test_a_beginning_of_another_file_costs_a_second_try(self, server, home):
        server.files["a"] = BODY
        home.mkdir()
        (home / "a.part").write_bytes(b"x" * 1000)
        assert fetch("a", [server.url("a")], "sha256:" + sha256(BODY), home).read_bytes() == BODY
        assert [wanted for _, wanted in server.log] == ["bytes=1000-", None]

    def test_a_beginning_longer_than_the_file(self, server, home):
        server.files["a"] = BODY
        home.mkdir()
        (home / "a.part").write_bytes(BODY + b"x")
        assert fetch("a", [server.url("a")], "sha256:" + sha256(BODY), home).read_bytes() == BODY

    def test_a_server_without_ranges(self, server, home):
        server.files["a"] = BODY
        server.ranges = False
        home.mkdir()
        (home / "a.part").write_bytes(BODY[:1000])
        assert fetch("a", [server.url("a")], "sha256:" + sha256(BODY), home).read_bytes() == BODY

    def test_without_a_hash_nothing_is_resumed(self, server, home):
        server.files["a"] = BODY
        home.mkdir()
        (home / "a.part").write_bytes(b"x" * 1000)
        assert fetch("a", [server.url("a")], None, home).read_bytes() == BODY
        assert server.log == [("a", None)]

    @pytest.mark.skipif(os.name == "nt", reason="no file locks there")
    def test_two_processes_do_not_write_into_each_other(self, server, home):
        server.files["a"] = BODY
        home.mkdir()
        program = (
            "import sys\nfrom pathlib import Path\nfrom lamella.data._download import fetch\n"
            f"fetch('a', [{server.url('a')!r}], 'sha256:{sha256(BODY)}', Path({str(home)!r}))"
        )
        import fcntl

        with open(home / "a.part", "wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # as another process does while it downloads
            stream.write(BODY[:1000])
            stream.flush()
            subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        assert (home / "a").read_bytes() == BODY
        assert server.log == [("a", None)]
        assert names_below(home) == ["a", "a.part"]


class TestExtraction:
    FILES = (("d/sub/a.txt", b"hi"), ("d/b.txt", b"there"))

    @pytest.mark.parametrize(
        ("fname", "folder", "archive"),
        [
            ("t.tar.gz", "t_extracted", "t.tar.gz"),
            ("m.v2.tgz", "m_extracted", "m.v2.tgz"),
            ("plain", "plain", "plain_archive"),
            (None, "t.tar.gz", "t.tar.gz_archive"),
        ],
    )
    def test_where_it_goes(self, server, home, fname, folder, archive):
        server.files["t.tar.gz"] = tar_of(self.FILES)
        path = get_file(fname, server.url("t.tar.gz"), extract=True)
        assert path == str(home / "datasets" / folder)
        assert names_below(Path(path)) == ["d/b.txt", "d/sub/a.txt"]
        assert (home / "datasets" / archive).is_file()

    @pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
    def test_kinds_of_tar(self, server, home, mode):
        server.files["t"] = tar_of(self.FILES, mode)
        path = get_file("t", server.url("t"), untar=True)
        assert (Path(path) / "d/sub/a.txt").read_bytes() == b"hi"

    def test_zip(self, server, home):
        server.files["t.zip"] = zip_of(self.FILES)
        path = get_file("t.zip", server.url("t.zip"), extract=True)
        assert (Path(path) / "d/sub/a.txt").read_bytes() == b"hi"

    def test_a_second_call_does_nothing(self, server, home):
        server.files["t.zip"] = zip_of(self.FILES)
        file = Path(get_file("t.zip", server.url("t.zip"), extract=True)) / "d/b.txt"
        before = file.stat().st_ino
        get_file("t.zip", server.url("t.zip"), extract=True)
        assert file.stat().st_ino == before and len(server.log) == 1

    def test_a_new_version_replaces_the_files(self, server, home):
        server.files["t.zip"] = zip_of(self.FILES)
        path = Path(get_file("t.zip", server.url("t.zip"), extract=True))
        (path / "mine.txt").write_text("kept")
        server.files["t.zip"] = zip_of([("d/b.txt", b"new")])
        get_file("t.zip", server.url("t.zip"), extract=True, force_download=True)
        assert (path / "d/b.txt").read_bytes() == b"new"
        assert names_below(path) == ["d/b.txt", "d/sub/a.txt", "mine.txt"]

    @pytest.mark.parametrize("archive_format", ["zip", ["zip"], None])
    def test_another_format(self, server, home, archive_format):
        server.files["t.tar.gz"] = tar_of(self.FILES)
        with pytest.raises(DataError, match="cannot be extracted"):
            get_file("t.tar.gz", server.url("t.tar.gz"), extract=True, archive_format=archive_format)

    def test_links_inside_are_kept(self, tmp_path):
        members = [
            ("d/a", b"hi"),
            link("d/soft", "a"),
            link("up", "d/../d/a"),
            link("hard", "d/a", tarfile.LNKTYPE),
        ]
        (tmp_path / "t.tar").write_bytes(tar_of(members))
        extract_archive(tmp_path / "t.tar", tmp_path / "out")
        assert {(tmp_path / "out" / n).read_bytes() for n in ("d/a", "d/soft", "up", "hard")} == {b"hi"}

    @pytest.mark.parametrize(
        "members",
        [
            [("/abs", b"x")],
            [("../up", b"x")],
            [("a/../../up", b"x")],
            [("C:/windows", b"x")],
            [link("soft", "/etc/passwd")],
            [link("soft", "../up")],
            [link("d/soft", "../../up")],
            [link("hard", "../up", tarfile.LNKTYPE)],
            [link("hard", "/etc/passwd", tarfile.LNKTYPE)],
            [link("out", ".."), ("out/file", b"x")],
            [link("out", "/tmp"), ("out/file", b"x")],
            [("d", None), link("d/l", ".."), link("m", "d/l/../..")],  # harmless names, a chain that leaves
            [link("a", "b"), link("b", "..")],
            [link("a", "b/.."), link("b", ".")],  # leaves only once the second is there
            [link("a", "b/.."), link("b", "."), link("a/stray/x", "y")],
            [link("a", "b/.."), link("b", "."), link("a/stray/x", "good", tarfile.LNKTYPE)],
            [link("a", "."), link("a/x", "y")],
            [("a/x", b"x"), link("a", ".")],
            [link("hard", "nothing", tarfile.LNKTYPE)],
            [link("hard", "hard", tarfile.LNKTYPE)],
            [link("out", "../stray"), link("out", "good", tarfile.LNKTYPE), link("x", "..")],
            [link("a", "."), link("a/../../b", "x")],
            [link("fifo", "", tarfile.FIFOTYPE)],
            [link("device", "", tarfile.CHRTYPE)],
        ],
    )
    def test_what_would_leave_the_folder_is_refused_whole(self, tmp_path, members):
        (tmp_path / "work").mkdir()
        archive = tmp_path / "work" / "t.tar"
        archive.write_bytes(tar_of([("good", b"x"), *members]))
        with pytest.raises(DataError):
            extract_archive(archive, tmp_path / "work" / "out")
        assert names_below(tmp_path) == ["work/t.tar"]
        assert os.listdir(tmp_path / "work") == ["t.tar"]

    @pytest.mark.parametrize("name", ["/abs", "../up", "a/../../up", "..\\up", "C:/x"])
    def test_the_same_for_zip(self, tmp_path, name):
        (tmp_path / "t.zip").write_bytes(zip_of([("good", b"x"), (name, b"x")]))
        with pytest.raises(DataError, match="points outside"):
            extract_archive(tmp_path / "t.zip", tmp_path / "out")
        assert names_below(tmp_path) == ["t.zip"]
