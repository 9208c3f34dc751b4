"""The examples with recurrent networks give the same bits at every step, recorded and eager."""

from importlib.util import find_spec

import pytest
from test_examples import small

import minigrad
from minigrad import nn

FORMS = {
    "adding_problem": {"LENGTH": 10, "HIDDEN": 8, "STEPS": 30, "CHECKS": 3, "SEEDS": (1,)},
    "digits_by_rows": {"EPOCHS": 1, "SEEDS": (0,)},
    "sunspots": {"ORDERS": range(8, 9), "EPOCHS": 20, "SEEDS": (0,), "FOLDS": 2},
}
NEEDS = {"digits_by_rows": "sklearn", "sunspots": "statsmodels"}


def weights_after_steps(name, jit, monkeypatch):
    """All weights after each step of an example, when `jit` records its steps."""
    found, modules = [], []
    begin = nn.Module.__init__

    def noticed(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        modules.append(self)

    def listening(step):
        run = jit(step)

        def call(*args):
            result = run(*args)
            found.append([x.detach().numpy().tobytes() for module in modules for x in module.parameters()])
            return result

        return call

    with monkeypatch.context() as patch:
        patch.setattr(minigrad, "jit", listening)
        patch.setattr(nn.Module, "__init__", noticed)
        small(name, **FORMS[name])
    return found


@pytest.mark.parametrize("name", FORMS)
def test_recorded_steps_are_the_eager_ones(name, monkeypatch):
    if name in NEEDS and find_spec(NEEDS[name]) is None:
        pytest.skip(f"needs {NEEDS[name]}")
    recorded = weights_after_steps(name, minigrad.jit, monkeypatch)
    assert len(recorded) > 10 and recorded[0] != recorded[-1]
    assert recorded == weights_after_steps(name, lambda step: step, monkeypatch)
