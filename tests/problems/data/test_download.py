"""Downloads from a server that fails in every way it can: what is wrong is said, and nothing half-written is left."""

import re

import numpy as np
import pytest

from problems.data import download as fetch
from problems.data.download import download
from problems.data.errors import DownloadFailed, UnreadableData
from problems.data.sources import Download
from tests.support.data_files import sha256

CONTENT = np.random.default_rng(0).bytes(100_000)


def item(*urls, content=CONTENT):
    return Download("data.bin", len(content), sha256(content), urls)


def part_of(folder):
    return folder / f".data.bin.{sha256(CONTENT)[:8]}.part"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _small_pieces_and_no_mirror(monkeypatch):
    monkeypatch.setattr(fetch, "PIECE", 1_000)
    monkeypatch.delenv("MINIGRAD_DATA_MIRROR", raising=False)


def test_download(server, tmp_path):
    folder = tmp_path / "new" / "folder"
    path = download(item(server.put("/data.bin", CONTENT)), folder)
    assert path == folder / "data.bin"
    assert path.read_bytes() == CONTENT
    assert names(folder) == ["data.bin"]
    assert path.stat().st_mode & 0o444 == 0o444
    assert server.asked == [("/data.bin", None)]


def test_a_server_that_does_not_say_how_long(server, tmp_path):
    assert download(item(server.put("/data.bin", CONTENT, length=False)), tmp_path).read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_downloaded_again(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    download(item(server.put("/data.bin", CONTENT)), tmp_path)
    assert server.asked == []


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_the_next_server_is_asked(server, tmp_path, status):
    bad, good = server.put("/bad", CONTENT, status=status), server.put("/data.bin", CONTENT)
    assert download(item(bad, good), tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/bad", "/data.bin"]


def test_the_mirror_is_asked_first(server, tmp_path, monkeypatch):
    good = server.put("/data.bin", CONTENT)
    mirror = server.put("/mirror/data.bin", CONTENT)
    monkeypatch.setenv("MINIGRAD_DATA_MIRROR", mirror.removesuffix("data.bin"))
    download(item(good), tmp_path)
    assert [path for path, _ in server.asked] == ["/mirror/data.bin"]


def test_a_mirror_without_the_file(server, tmp_path, monkeypatch):
    good = server.put("/data.bin", CONTENT)
    monkeypatch.setenv("MINIGRAD_DATA_MIRROR", good.removesuffix("/data.bin") + "/nothing")
    assert download(item(good), tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/nothing/data.bin", "/data.bin"]


def test_a_connection_that_breaks_is_gone_on_with(server, tmp_path):
    url = server.put("/data.bin", CONTENT, drops=[30_000, 20_000])
    assert download(item(url), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/data.bin", None), ("/data.bin", "bytes=30000-"), ("/data.bin", "bytes=50000-")]
    assert names(tmp_path) == ["data.bin"]


def test_a_server_that_starts_over(server, tmp_path):
    """It knows no ranges and breaks off once: all is sent again."""
    url = server.put("/data.bin", CONTENT, drops=[30_000], ranges=False)
    assert download(item(url), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/data.bin", None), ("/data.bin", "bytes=30000-")]


def test_a_server_that_always_breaks_off_is_left(server, tmp_path):
    bad = server.put("/bad", CONTENT, drops=[30_000] * 9, ranges=False)
    good = server.put("/data.bin", CONTENT)
    assert download(item(bad, good), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/bad", None), ("/bad", "bytes=30000-"), ("/data.bin", "bytes=30000-")]


def test_what_came_is_kept_for_the_next_try(server, tmp_path):
    url = server.put("/data.bin", CONTENT, drops=[30_000, 0])
    with pytest.raises(
        DownloadFailed, match=r"the connection broke\).*; 30,000 bytes are kept, and the next try goes on"
    ):
        download(item(url), tmp_path)
    assert names(tmp_path) == [part_of(tmp_path).name]
    server.asked.clear()
    assert download(item(url), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/data.bin", "bytes=30000-")]
    assert names(tmp_path) == ["data.bin"]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("kept", [1, 99_999, 100_000, 100_001])
@pytest.mark.parametrize("same", [True, False])
def test_a_part_from_before(server, tmp_path, ranges, kept, same):
    """Of this file or of something else, shorter, as long, or longer: in the end the file is right."""
    other = np.random.default_rng(1).bytes(kept)
    part_of(tmp_path).write_bytes((CONTENT + b"x")[:kept] if same else other)
    assert download(item(server.put("/data.bin", CONTENT, ranges=ranges)), tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == ["data.bin"]
    if same and kept == 100_000:
        assert server.asked == []  # it was whole
    if same and ranges and kept < 100_000:
        assert server.asked == [("/data.bin", f"bytes={kept}-")]


def test_a_part_beyond_the_end_of_a_short_file(server, tmp_path):
    """The server answers 416 to the range; started over, what it has is too short."""
    part_of(tmp_path).write_bytes(CONTENT[:50_000])
    url = server.put("/data.bin", CONTENT[:40_000])
    with pytest.raises(DownloadFailed, match="it has 40,000 bytes, not 100,000"):
        download(item(url), tmp_path)
    assert [wanted for _, wanted in server.asked] == ["bytes=50000-", None]


def test_another_file_of_the_same_size(server, tmp_path):
    url = server.put("/data.bin", bytes(100_000))
    with pytest.raises(DownloadFailed, match=r"data.bin: what it sends has another SHA-256"):
        download(item(url), tmp_path)
    assert names(tmp_path) == []


def test_another_file_in_several_goes(server, tmp_path):
    """A part from before may be to blame, so it is tried once more; then no more."""
    part_of(tmp_path).write_bytes(CONTENT[:10_000])
    url = server.put("/data.bin", bytes(100_000), drops=[30_000] * 99)
    with pytest.raises(DownloadFailed, match=r"data.bin: what it sends has another SHA-256"):
        download(item(url), tmp_path)
    assert names(tmp_path) == []
    assert len(server.asked) == 7


def test_another_file_then_the_right_one(server, tmp_path):
    bad, good = server.put("/bad", bytes(100_000)), server.put("/data.bin", CONTENT)
    assert download(item(bad, good), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(("content", "length", "words"), [
    (CONTENT[:-1], True, "it has 99,999 bytes, not 100,000"),
    (CONTENT + b"x", True, "it has 100,001 bytes, not 100,000"),
    (b"<html>log in</html>", True, "it has 19 bytes"),
    (CONTENT + b"x", False, "it sends more than 100,000 bytes"),
    (CONTENT[:-1], False, "it sent 99,999 bytes, not 100,000"),
])  # fmt: skip
def test_another_size(server, tmp_path, content, length, words):
    url = server.put("/data.bin", content, length=length, ranges=False)
    with pytest.raises(DownloadFailed, match=words):
        download(item(url), tmp_path)
    assert not (tmp_path / "data.bin").exists()
    assert len(server.asked) <= 2
    good = server.put("/good", CONTENT)
    assert download(item(good), tmp_path).read_bytes() == CONTENT  # and no harm is left behind


def test_nobody_there(server, tmp_path):
    folder = tmp_path / "new" / "folder"
    missing = server.put("/gone", CONTENT, status=404)
    with pytest.raises(DownloadFailed) as caught:
        download(item("http://127.0.0.1:1/data.bin", missing), folder, "unpacked")
    message = str(caught.value)
    assert "http://127.0.0.1:1/data.bin: no connection" in message
    assert "/gone: 404 Not Found" in message
    assert (
        f"put it (100,000 bytes, SHA-256 {sha256(CONTENT)}), or the unpacked folder unpacked, into {folder}" in message
    )
    assert "set MINIGRAD_DATA_MIRROR" in message
    assert "\n" not in message
    assert names(tmp_path) == []  # no empty folder either


def test_a_server_that_says_nothing(server, tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(fetch, "TIMEOUT", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/data.bin"
        with pytest.raises(DownloadFailed, match="no answer in time"):
            download(item(url), tmp_path)


@pytest.mark.parametrize("url", ["nowhere/data.bin", "ftp://127.0.0.1/data.bin", "http://"])
def test_an_address_that_is_none(tmp_path, url):
    with pytest.raises(DownloadFailed, match=re.escape(f"({url}: ")):
        download(item(url), tmp_path)


def test_a_file_where_the_folder_should_be(server, tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UnreadableData, match=rf"{folder} cannot be written \(.*\): give another folder"):
            download(item(server.put("/data.bin", CONTENT)), folder)
    assert (tmp_path / "file").read_text() == "mine"
    assert server.asked == []


@pytest.mark.parametrize(("number", "words"), [(13, "Permission denied"), (28, "No space left on device")])
def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch, number, words):
    """Permissions mean nothing to root, so the refusal is put on."""

    def refuse(*args, **kwargs):
        raise OSError(number, words)

    monkeypatch.setattr(fetch.os, "replace", refuse)
    with pytest.raises(UnreadableData, match=rf"cannot be written \({words}\)"):
        download(item(server.put("/data.bin", CONTENT)), tmp_path)
    assert not (tmp_path / "data.bin").exists()


def test_a_read_only_folder(server, tmp_path, monkeypatch):
    """Pooch says at length what the system said; we say it once."""
    import tempfile

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(tmp_path / "x"))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    with pytest.raises(UnreadableData) as caught:
        download(item(server.put("/data.bin", CONTENT)), tmp_path)
    words = f"{tmp_path} cannot be written (Permission denied): give another folder, or set MINIGRAD_DATA_DIR"
    assert str(caught.value) == words


def test_interrupted_by_the_user(server, tmp_path, monkeypatch):
    """What came is kept; no file of the right name is there; the next try goes on."""
    url = server.put("/data.bin", CONTENT)

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "PIECE", 10_000)
        patch.setattr("tqdm.tqdm.update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            download(item(url), tmp_path)
    assert names(tmp_path) == [part_of(tmp_path).name]
    assert part_of(tmp_path).stat().st_size == 10_000
    assert download(item(url), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == ("/data.bin", "bytes=10000-")


def test_poochs_own_messages_stay_as_the_user_set_them(server, tmp_path, capfd):
    import pooch

    level = pooch.get_logger().level
    download(item(server.put("/data.bin", CONTENT)), tmp_path)
    assert pooch.get_logger().level == level
    assert capfd.readouterr() == ("", "")  # and no progress bar where no terminal is
