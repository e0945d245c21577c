"""The process of an answer shuts itself off before the answer runs: no network, no files but its own, no programs.

Two walls, one behind the other. The kernel's, on Linux where it lets a user have namespaces of their own: no network
device, all files read-only but for an empty folder in memory, the submissions hidden, and every process that the answer
starts ends with it. And Python's, everywhere: an audit hook, which cannot be removed again, refuses sockets, processes
and files outside the folder. Alone the second wall stops Python's own functions, but not machine code, as of `ctypes`.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if sys.platform != "win32":  # where no answer can be shut in, and none is marked
    import resource

NEW_USER, NEW_MOUNT, NEW_NETWORK, NEW_PROCESSES, NEW_IPC = 0x10000000, 0x20000, 0x40000000, 0x20000000, 0x08000000
PRIVATE, RECURSIVE = 1 << 18, 1 << 14
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, READ_ONLY = 442, -100, 0x8000, 1
DIE_WITH_PARENT, DROP_CAPABILITY, NO_NEW_PRIVILEGES = 1, 24, 38
CAPABILITIES_VERSION = 0x20080522
MEGABYTE = 2**20
LARGEST_FILES = 64 * MEGABYTE  # of one file; with namespaces of all files together
PROCESSES = 64  # threads count too
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

REFUSED = ("socket.", "subprocess.", "os.fork", "os.posix_spawn", "os.exec", "os.spawn", "os.system", "os.startfile",
    "pty.", "os.kill", "signal.pthread_kill", "os.setxattr", "os.removexattr", "gc.", "sys._current_frames",
    "urllib.", "ftplib.", "http.", "smtplib.", "telnetlib.", "webbrowser.")  # fmt: skip
OF_PATHS = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.chown", "os.utime", "os.chflags", "os.lchmod", "shutil.rmtree", "shutil.move", "sqlite3.connect")  # fmt: skip


class Refused(PermissionError):
    """What an answer asked for is not to be had while it is marked."""


def limit(seconds: float, memory: int) -> None:
    """Limit the time, the memory beyond what is in use, the size of files, and leave no core behind."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _on_linux() else 0
    for what, most in [
        (resource.RLIMIT_AS, used + memory * MEGABYTE),
        (resource.RLIMIT_CPU, int(seconds) + 2),
        (resource.RLIMIT_FSIZE, LARGEST_FILES),
        (resource.RLIMIT_CORE, 0),
    ]:
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):  # macOS refuses some
            if _on_linux():
                raise


def _on_linux() -> bool:
    return sys.platform == "linux"


def shut_in_namespaces(folder: Path, hidden: Sequence[Path]) -> None:
    """Enter namespaces of this process's own, in a child that goes on from here; OSError where the kernel refuses.

    `folder` becomes the only one that can be written to, and `hidden` folders are empty. The process that calls waits
    for the child and ends with it.
    """
    if not _on_linux():
        raise OSError("namespaces are Linux's")
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    _check(libc.unshare(NEW_USER | NEW_MOUNT | NEW_NETWORK | NEW_PROCESSES | NEW_IPC))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _check(libc.mount(b"none", b"/", None, PRIVATE | RECURSIVE, None))
    _read_only(libc, b"/", AT_RECURSIVE)
    for empty in [folder, *hidden]:
        _check(libc.mount(b"tmpfs", os.fsencode(empty), b"tmpfs", 0, f"size={LARGEST_FILES},mode=700".encode()))
    for empty in hidden:
        _read_only(libc, os.fsencode(empty), 0)
    os.chdir(folder)
    child = os.fork()
    if child:
        os.closerange(0, 256)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    libc.prctl(DIE_WITH_PARENT, 9, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    _drop_capabilities(libc)


def _read_only(libc: Any, path: bytes, flags: int) -> None:
    attributes = struct.pack("QQQQ", READ_ONLY, 0, 0, 0)
    _check(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, attributes, len(attributes)))


def _drop_capabilities(libc: Any) -> None:
    """Give up the rights over the new namespaces, for good."""
    for capability in range(64):
        libc.prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    _check(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check(libc.capset(struct.pack("Ii", CAPABILITIES_VERSION, 0), bytes(24)))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def refuse_by_hook(folder: Path, hidden: Sequence[Path]) -> None:
    """From here on sockets, processes, hidden files and writing outside the folder raise `Refused`, for good."""
    inside = os.path.realpath(folder)
    closed = [os.path.realpath(place) for place in hidden]

    def secret(path: Any) -> bool:
        if isinstance(path, int):
            return False
        real = os.path.realpath(os.fsdecode(path))
        return any(os.path.commonpath([place, real]) == place for place in closed)

    def allowed(path: Any) -> bool:
        if isinstance(path, int):  # a file that is open already, or was opened under this hook
            return True
        real = os.path.realpath(os.fsdecode(path))
        return real == os.devnull or os.path.commonpath([inside, real]) == inside

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if ((flags or 0) & WRITING) and not allowed(path):
                raise Refused(f"files outside the answer's own folder cannot be written here: {path}")
            if secret(path):
                raise Refused(f"submissions and solutions cannot be read here: {path}")
        elif event.startswith(REFUSED):
            raise Refused(f"an answer has no network and no processes of its own here: {event}")
        elif event.startswith(OF_PATHS):
            for path in args[: 2 if "rename" in event or "link" in event or "move" in event else 1]:
                if not allowed(path):
                    raise Refused(f"files outside the answer's own folder cannot be changed here: {path}")

    sys.addaudithook(hook)
