"""Downloads from a server that fails in every way it can: what is wrong is said, and nothing half-written is left."""

import logging
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import requests

from problems.data import download as fetch
from problems.data.download import download
from problems.data.errors import DownloadFailed, UnreadableData
from problems.data.network_errors import reason
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
    assert "http://127.0.0.1:1/data.bin: no connection: it was refused" in message
    assert "/gone: 404 Not Found: it does not have it" in message
    assert (
        f"put it (100,000 bytes, SHA-256 {sha256(CONTENT)}), or the unpacked folder unpacked, into {folder}" in message
    )
    assert "set MINIGRAD_DATA_MIRROR" in message
    assert "\n" not in message
    assert names(tmp_path) == []  # no empty folder either


def test_a_server_that_says_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/data.bin"
        with pytest.raises(DownloadFailed, match="no answer in time"):
            download(item(url), tmp_path)


@pytest.mark.parametrize(("status", "words"), [
    (401, "401 Unauthorized: it wants a name and a password"),
    (403, "403 Forbidden: it does not let you have it"),
    (404, "404 Not Found: it does not have it"),
    (418, "418 I'm a Teapot)"),
    (429, "429 Too Many Requests: it was asked too often, try again later"),
    (500, "500 Internal Server Error: the server has a fault, try again later"),
    (503, "503 Service Unavailable: the server has a fault, try again later"),
    (599, "599 unknown status: the server has a fault, try again later"),
])  # fmt: skip
def test_what_the_server_says(server, tmp_path, status, words):
    with pytest.raises(DownloadFailed, match=re.escape(f"/data.bin: {words}")):
        download(item(server.put("/data.bin", CONTENT, status=status)), tmp_path)


def test_a_name_that_nobody_has(tmp_path, monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(
        DownloadFailed, match="no connection: the name of the server is not known, or there is no network"
    ):
        download(item("http://nowhere.invalid/data.bin"), tmp_path)


def test_no_route(tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    with pytest.raises(DownloadFailed, match=r"no connection \(Network is unreachable\)"):
        download(item("http://127.0.0.1:1/data.bin"), tmp_path)


def test_a_server_without_tls(server, tmp_path):
    url = server.put("/data.bin", CONTENT).replace("http:", "https:")
    with pytest.raises(DownloadFailed, match=r"no trusted connection \(it does not speak TLS as it should\)"):
        download(item(url), tmp_path)


def test_a_certificate_that_is_not_trusted():
    bad = ssl.SSLCertVerificationError(1, "verify failed")
    bad.verify_message = "self-signed certificate"
    error = requests.exceptions.SSLError("secret")
    error.__cause__ = bad
    assert reason(error) == "no trusted connection (self-signed certificate)"


def test_a_proxy_that_is_not_there(server, tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:1")
    with pytest.raises(DownloadFailed, match="no connection to the proxy") as caught:
        download(item("http://example.invalid/data.bin"), tmp_path)
    assert "secret" not in str(caught.value) + "".join(capfd.readouterr())


def test_a_connection_that_falls_silent(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (0.2, 0.2))
    url = server.put("/data.bin", CONTENT, hold=0.5, ranges=False)
    with pytest.raises(DownloadFailed, match=r"no answer in time\)"):
        download(item(url), tmp_path)


def test_a_server_is_not_asked_for_ever(server, tmp_path, monkeypatch):
    """Each try brings a few bytes, and each pause is longer, up to a limit."""
    pauses = []
    monkeypatch.setattr(fetch, "PAUSE", 1.0)
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)
    url = server.put("/data.bin", CONTENT, drops=[1_000] * 99)
    with pytest.raises(DownloadFailed, match=r"the connection broke, 10 times\).*; 10,000 bytes are kept"):
        download(item(url), tmp_path)
    assert len(server.asked) == 10
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]


def test_a_full_disk(server, tmp_path, monkeypatch):
    """What was written stays for the next try."""
    url, opened = server.put("/data.bin", CONTENT), Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def tell(self):
            return self.file.tell()

        def write(self, piece):
            if self.file.tell() >= 30_000:
                raise OSError(28, "No space left on device")
            self.file.write(piece)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode="r": Full(opened(path, mode)))
        with pytest.raises(UnreadableData, match=rf"^{tmp_path} cannot be written \(No space left on device\): give"):
            download(item(url), tmp_path)
    assert names(tmp_path) == [part_of(tmp_path).name]
    assert download(item(url), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == ("/data.bin", "bytes=30000-")


# ------------------------------------------------------------------------------------- passwords


@pytest.mark.parametrize("before", [
    "http://user:secret@127.0.0.1:1", "https://user:secret@127.0.0.1:1", "http://user:se/secret@127.0.0.1:1",
    "http://user:a@secret@127.0.0.1:1", "ftp://user:secret@127.0.0.1", "user:secret@127.0.0.1",
    "http://user:secret@127.0.0.1:99999", "http://user:secret@[::1", "http://user:secret@", "http://user:secr\u20acet@h",
])  # fmt: skip
def test_a_password_is_never_shown(server, tmp_path, monkeypatch, caplog, capfd, before):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MINIGRAD_DATA_MIRROR", before)
    with pytest.raises(DownloadFailed) as caught:
        download(item(server.put("/gone", b"", status=404)), tmp_path)
    shown = str(caught.value) + caplog.text + "".join(capfd.readouterr()) + repr(caught.value.__context__)
    assert "user" not in shown
    assert "secr" not in shown
    assert "SHA-256" in shown


def test_a_password_is_sent(server, tmp_path, monkeypatch):
    mirror = server.put("/mirror/data.bin", CONTENT).removesuffix("/data.bin")
    monkeypatch.setenv("MINIGRAD_DATA_MIRROR", mirror.replace("http://", "http://user:secret@"))
    assert download(item(), tmp_path).read_bytes() == CONTENT
    assert server.credentials == "Basic dXNlcjpzZWNyZXQ="


# ------------------------------------------------------------------------------------- several processes

DOWNLOAD = """
import sys
from pathlib import Path
from problems.data import download
from problems.data.sources import Download
url, size, sha256, folder = sys.argv[1:]
download.PIECE = 1_000
print(download.download(Download("data.bin", int(size), sha256, (url,)), Path(folder)))
"""


def another_process(url, folder):
    arguments = [url, str(len(CONTENT)), sha256(CONTENT), str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", DOWNLOAD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_share_one_download(server, tmp_path):
    url = server.put("/data.bin", CONTENT, hold=1.5)
    for done in [another_process(url, tmp_path) for _ in range(2)]:
        out, err = done.communicate(timeout=60)
        assert (out, err, done.returncode) == (f"{tmp_path}/data.bin\n", "", 0)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert server.asked == [("/data.bin", None)]
    assert names(tmp_path) == ["data.bin"]


def test_the_process_that_downloads_is_killed(server, tmp_path):
    """The one that waits goes on from there."""
    url = server.put("/data.bin", CONTENT, hold=3.0)
    first = another_process(url, tmp_path)
    deadline = time.monotonic() + 60
    while not (part_of(tmp_path).exists() and part_of(tmp_path).stat().st_size >= 32_000):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.pages["/data.bin"].hold = 0.0
    second = another_process(url, tmp_path)
    time.sleep(0.3)
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=60)
    assert (out, err, second.returncode) == (f"{tmp_path}/data.bin\n", "", 0)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["data.bin"]


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
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(tmp_path / "x"))

    monkeypatch.setattr(Path, "open", refuse)
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


def test_nothing_is_printed_where_no_terminal_is(server, tmp_path, capfd):
    download(item(server.put("/data.bin", CONTENT)), tmp_path)
    assert capfd.readouterr() == ("", "")
