"""`Oscillation` on a device, and when it goes on from a file."""

import io

import minigrad
from minigrad.train import Oscillation


def through_a_file(state):
    file = io.BytesIO()
    minigrad.save(state, file)
    file.seek(0)
    return minigrad.load(file, map_location="cpu")


def test_it_goes_on_from_a_file_on_any_device(device):
    x = minigrad.tensor([1.0, 1.0], device=device)
    watch, whole = Oscillation(first=7), Oscillation(first=7)
    found = []
    for factor in (-0.9, -0.9, 0.5, -0.9, -0.9, -0.9, -0.9, -0.9):
        x = x * factor
        again = Oscillation(first=7)
        again.load_state_dict(through_a_file(watch.state_dict()))
        watch = again
        found.append((watch.update([x]), whole.update([x]), watch.turns == whole.turns))
    assert found == [(False, False, True)] * 8 and whole.turns == 4
