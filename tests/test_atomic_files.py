"""Saving to a path replaces the file as a whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

import minigrad
from minigrad.serialization.atomic import replacing

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")


def test_an_error_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model"
    minigrad.save([1], path)
    with pytest.raises(TypeError, match="cannot be saved"):
        minigrad.save([object()], path)
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    for step in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, step, lambda *args: (_ for _ in ()).throw(OSError("no space left")))
            with pytest.raises(OSError, match="no space left"):
                minigrad.save([2], path)
    assert minigrad.load(path) == [1] and os.listdir(tmp_path) == ["model"]


def test_the_data_are_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def is_folder(descriptor):
        return stat.S_ISDIR(os.fstat(descriptor).st_mode)

    monkeypatch.setattr(os, "fsync", lambda d: (calls.append("folder" if is_folder(d) else "file"), fsync(d)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    minigrad.save([1], tmp_path / "model")
    assert calls == ["file", "replace", "folder"]


@posix
def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "model", tmp_path / "latest"
    umask = os.umask(0o027)
    try:
        minigrad.save([1], path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    link.symlink_to("model")
    minigrad.save([2], link)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604 and link.is_symlink() and minigrad.load(path) == [2]


@posix
def test_devices_and_pipes_are_written_to(tmp_path):
    minigrad.save([1], "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_places_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*missing' to save 'model' in: make it first"):
        minigrad.save([1], tmp_path / "missing" / "model")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        minigrad.save([1], tmp_path)


@posix
def test_a_killed_process_leaves_a_whole_file(tmp_path):
    path = tmp_path / "model"
    code = (
        "import sys, minigrad\n"
        "k = 0\n"
        "while True:\n"
        "    k += 1\n"
        "    minigrad.save({'k': k, 'w': minigrad.full((100_000,), float(k))}, sys.argv[1])\n"
    )
    minigrad.save({"k": 0, "w": minigrad.zeros(1)}, path)
    for delay in (0.0, 0.01, 0.02):
        with subprocess.Popen([sys.executable, "-c", code, str(path)]) as process:
            before = minigrad.load(path)["k"]
            limit = time.monotonic() + 60
            while minigrad.load(path)["k"] == before and time.monotonic() < limit:
                time.sleep(0.01)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        checkpoint = minigrad.load(path)
        assert bool((checkpoint["w"] == checkpoint["k"]).all())
