"""A server on the loopback that can fail in many ways, and data sets small enough to be made by the tests."""

import contextlib
import gzip
import hashlib
import io
import tarfile
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from problems.data import DATASETS, cifar, download
from problems.data.fashion_mnist import FASHION_MNIST
from problems.data.sources import Download, File, Source


@dataclass
class Page:
    """A file on the server, and how the server is to misbehave."""

    content: bytes
    ranges: bool = True  # answers requests for a part of the file
    drops: list[int] = field(default_factory=list)  # break off after so many bytes, once for each entry
    length: bool = True  # says how long the answer is
    status: int = 200
    hold: float = 0.0  # seconds of silence before the last of what is sent


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str | None]] = []  # path and range of each request
        self.credentials: str | None = None  # of the last request

    def put(self, path, content, **faults):
        self.pages[path] = Page(content, **faults)
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        self.server.credentials = self.headers.get("Authorization")
        page = self.server.pages.get(self.path)
        if page is None or page.status != 200:
            return self.send_error(404 if page is None else page.status)
        start, total = 0, len(page.content)
        if wanted and page.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= total:
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if page.length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        end = start + page.drops.pop(0) if page.drops else total
        content = page.content[start:end]
        self.wfile.write(content[: len(content) // 2])
        if page.hold:
            self.wfile.flush()
            time.sleep(page.hold)
        with contextlib.suppress(ConnectionError):  # nobody waited for it
            self.wfile.write(content[len(content) // 2 :])
        return None


@pytest.fixture(scope="session")
def _running_server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server(_running_server, monkeypatch):
    """An empty server; no proxy comes between, and it is asked again at once."""
    monkeypatch.setattr(download, "PAUSE", 0.0)
    _running_server.pages.clear()
    _running_server.asked.clear()
    monkeypatch.setenv("NO_PROXY", "*")
    return _running_server


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty MINIGRAD_DATA_DIR, and no mirror."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MINIGRAD_DATA_DIR", str(folder))
    monkeypatch.delenv("MINIGRAD_DATA_MIRROR", raising=False)
    return folder


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def tar_gz(members):
    """An archive of `(name, content)`; content may be a TarInfo for what is not a plain file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if content is info:
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@dataclass
class Tiny:
    """CIFAR-10 with four records a file, in every detail but the number like the real one."""

    source: Source
    layout: cifar.Layout
    files: dict[str, bytes]
    archive: bytes
    images: np.ndarray  # in the order of the files, (24, 32, 32, 3)
    labels: np.ndarray

    def write(self, folder, names=None):
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.files if names is None else names:
            (folder / name).write_bytes(self.files[name])
        return folder


@pytest.fixture
def tiny(monkeypatch, cache):
    """`cifar10` made small, for as long as the test runs; its servers are none."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    labels = np.concatenate([rng.permutation(10), rng.permutation(10), rng.permutation(4)]).astype(np.int64)
    records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(images, labels, strict=True)]
    names = [file.name for file in cifar.CIFAR10.files]
    files = {name: b"".join(records[4 * k : 4 * k + 4]) for k, name in enumerate(names)}
    inside = cifar.CIFAR10.inside
    archive = tar_gz([(f"{inside}/readme.html", b"hello"), *((f"{inside}/{n}", b) for n, b in files.items())])
    layout = replace(cifar.CIFAR10_LAYOUT, train=dict.fromkeys(names[:5], 4), validation={names[5]: 4})
    source = replace(
        cifar.CIFAR10,
        files=tuple(File(name, len(content)) for name, content in files.items()),
        downloads=(Download("cifar-10-binary.tar.gz", len(archive), sha256(archive), ()),),
    )
    use(monkeypatch, source)
    monkeypatch.setattr(cifar, "CIFAR10_LAYOUT", layout)
    return Tiny(source, layout, files, archive, images, labels)


def use(monkeypatch, source):
    """Let a source stand for the published one of its name."""
    monkeypatch.setitem(DATASETS, source.name, replace(DATASETS[source.name], source=source))


def as_written(source, folder):
    """The source of the files in a folder: with their checksums for those that were published."""
    files = (replace(file, sha256=sha256((folder / file.name).read_bytes())) for file in source.files)
    return replace(source, files=tuple(files))


def sparse(path, size, pieces):
    """A file of zeros with a few bytes put in: it takes no space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
        for place, content in pieces:
            file.seek(place)
            file.write(bytes(content))


@pytest.fixture
def clothes(monkeypatch, server, cache):
    """`fashion-mnist` in all but its contents: files of a few bytes, on the server."""
    content = {file.name: f"{file.name} {k}".encode() for k, file in enumerate(FASHION_MNIST.files)}
    packed = {f"{name}.gz": gzip.compress(data) for name, data in content.items()}
    source = replace(
        FASHION_MNIST,
        files=tuple(File(name, len(data), sha256(data)) for name, data in content.items()),
        downloads=tuple(
            Download(name, len(data), sha256(data), (server.put(f"/{name}", data),)) for name, data in packed.items()
        ),
        system=(),
    )
    use(monkeypatch, source)
    return source
