"""A run that is killed at random moments, again and again, comes to the bits of the run that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time

import killed_program
import numpy
import pytest

import minigrad

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")

KILLS = 5


def run(variant, folder, *kill_at):
    """Run it until it ends by itself; returns its exit status and the lines that it printed."""
    with program(variant, folder, *kill_at) as process:
        status = process.wait()
    return status, printed(folder)


def run_and_kill(variant, folder, lines, delay):
    """Kill it when it has printed so many lines and some time has passed. Returns what it printed."""
    with program(variant, folder) as process:
        while process.poll() is None and len(printed(folder)) < lines:
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    return printed(folder)


def program(variant, folder, *kill_at):
    # not a pipe: workers live a little longer than the process that is killed, and would hold its other end
    with open(folder / "printed", "w") as lines:
        return subprocess.Popen([sys.executable, killed_program.__file__, variant, str(folder), *kill_at], stdout=lines)


def printed(folder):
    """The lines that it has printed, split into words. One that the kill has cut in two is none."""
    text = (folder / "printed").read_text()
    return [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]


def equal(a, b):
    """True for the same data, to the last bit."""
    if isinstance(a, minigrad.Tensor):
        a, b = a.numpy(), b.numpy()
        return a.dtype == b.dtype and numpy.array_equal(a.view(f"V{a.itemsize}"), b.view(f"V{b.itemsize}"))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


def differences(folder, other):
    """The names of what is not the same in two results."""
    one, two = (minigrad.load(place / "result") for place in (folder, other))
    assert one.keys() == two.keys()
    return [name for name in one if not equal(one[name], two[name])]


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    """The folder with the result of a run of a variant that nobody kills."""
    folders = {}

    def folder(variant):
        if variant not in folders:
            folders[variant] = tmp_path_factory.mktemp(variant)
            status, lines = run(variant, folders[variant])
            assert status == 0 and lines[-1] == ["done"]
        return folders[variant]

    return folder


@pytest.mark.parametrize("variant", killed_program.VARIANTS)
def test_a_run_killed_at_random_moments(variant, tmp_path, left_alone):
    chance = random.Random(variant)
    saved, kills = 0, 0
    while kills < KILLS:
        moment = chance.randint(1, 10), chance.choice([0.0, 0.001, 0.003, 0.01])
        print("killed after (lines, seconds)", moment)
        lines = run_and_kill(variant, tmp_path, *moment)
        kills += 1
        for what, *number in lines:
            if what == "resumed":  # whatever it had said to be saved was
                assert int(number[0]) >= saved
            if what == "saved":
                saved = int(number[0])
        if ["done"] in lines:
            break
    status, lines = run(variant, tmp_path)
    assert status == 0 and lines[0][0] == "resumed"
    assert differences(tmp_path, left_alone(variant)) == []


@pytest.mark.parametrize("moment", ["half", "all", "replaced"])
def test_a_run_killed_while_it_writes(moment, tmp_path, left_alone):
    for number in (1, 3):  # of the save, in each process
        status, lines = run("sgd", tmp_path, f"{number}:{moment}")
        assert status == -signal.SIGKILL and lines[-1][0] == "saving"
    leftover = [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
    assert len(leftover) == (0 if moment == "replaced" else 2)
    status, lines = run("sgd", tmp_path)
    assert status == 0 and lines[0] == ["resumed", "4" if moment == "replaced" else "2"]
    assert differences(tmp_path, left_alone("sgd")) == []


def test_that_a_difference_would_be_seen(tmp_path, left_alone):
    """A file without the random generators gives another run."""
    run("sgd", tmp_path, "3:replaced")
    data = minigrad.load(tmp_path / "run")
    minigrad.save({**data, "random": {}}, tmp_path / "run")
    status, _ = run("sgd", tmp_path)
    assert status == 0 and {"losses", "model", "random"} <= set(differences(tmp_path, left_alone("sgd")))
