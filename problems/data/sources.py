"""What is known of a published data set: its files, sizes, SHA-256, addresses, licence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file as it is read, uncompressed; its SHA-256 where one is known."""

    name: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Download:
    """A file as it is published, and the servers to ask in turn. Whichever sends it, its SHA-256 must be this one."""

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A data set and where its files come from.

    `files` lie in a folder named `inside`. They are downloaded one by one, or in one archive. Without `downloads`, the
    data are the user's `own`, or come with a Python package, `bundled_with`, or are made by the function that reads
    them: such a function is called with None.
    """

    name: str
    about: str  # what it is, in one line
    licence: str
    homepage: str = ""
    inside: str = ""
    files: tuple[File, ...] = ()
    downloads: tuple[Download, ...] = ()
    system: tuple[Path, ...] = ()  # folders where a package of the operating system puts the files
    package: str = ""  # that package, of Debian
    pickled: str = ""  # the folder of the pickled form, which is not read
    bundled_with: str = ""  # the Python package that has the data
    own: bool = False  # files of the user's own, in a folder that the user names
    size: int = 0  # of images of any size: the pixels along a side that a network takes, unless another is asked for

    @property
    def needs_no_files(self) -> str:
        """How the data come without a download or a folder, as `comes with PACKAGE`; empty if they do not."""
        if self.downloads or self.own:
            return ""
        return f"comes with {self.bundled_with or 'the code that reads it'}"

    @property
    def archive(self) -> Download | None:
        """The one archive that holds all files, if that is how they are published."""
        return self.downloads[0] if self.downloads and self.downloads[0].name.endswith(".tar.gz") else None
