"""`replacing(path)`: write a file as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO


@contextlib.contextmanager
def replacing(path: Any) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without an error.

    Until then, and for good where the block or the machine fails, `path` is what it was. The data are on the disk
    before the name leads to them. Permissions of an existing file are kept, and a link stays a link.

    Raises:
        FileNotFoundError: the folder does not exist.
        IsADirectoryError: `path` is a folder.
    """
    target = os.path.realpath(os.fsdecode(path))
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder!r} to save {name!r} in: make it first")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{os.fsdecode(path)!r} is a folder: give the name of a file")
    mode = os.stat(target).st_mode if os.path.exists(target) else None
    if mode is not None and not stat.S_ISREG(mode):  # a pipe or a device has no place to take
        with open(target, "wb") as file:
            yield file
        return
    # 200 bytes of the name, so that the longest names that file systems take (255) still fit
    short = os.fsdecode(os.fsencode(name)[:200])
    temporary = os.path.join(folder, f".{short}.{secrets.token_hex(4)}.tmp")
    try:
        # 0o666 less the umask, as of any new file (those of tempfile would be the owner's only)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Bring the change of a name to the disk, where the system can (Windows cannot open folders)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
