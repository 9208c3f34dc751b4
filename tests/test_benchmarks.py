"""python -m benchmarks runs and writes what it promises. No times are judged, and no other library is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import standin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import child, problems, recurrent_problems, report, suite  # noqa: E402
from benchmarks.child import Child, difference  # noqa: E402
from benchmarks.measure import take_turns  # noqa: E402
from benchmarks.peers import PEERS, Absent, Job, Peer, Unsupported, rules_by_hand, torchlike_recurrent  # noqa: E402
from benchmarks.targets import TARGETS, Growth  # noqa: E402
from benchmarks.workloads import GROUPS, ROWS, Row  # noqa: E402
from minigrad.recorder.program import Program  # noqa: E402


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True, text=True, timeout=300, cwd=ROOT, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def loaded(name: str) -> Peer:
    peer = PEERS[name]()
    peer.load()
    return peer


# -- tables ---------------------------------------------------------------------------------------------------------


def test_rows_have_names_of_their_own_and_builders():
    assert len(ROWS) == sum(len(group.ROWS) for group in GROUPS)
    for group in GROUPS:
        assert group.TITLE and group.NOTE and group.ROWS
    for row in ROWS.values():
        assert row.title and row.measure in ("time", "start", "memory", "import")
        assert row.problem is None or callable(getattr(Peer, row.problem.kind))


def test_targets_name_rows_and_peers():
    for target in TARGETS:
        assert target.row in ROWS and target.peer in PEERS
        if isinstance(target, Growth):
            assert ROWS[target.row].over in ROWS and ROWS[target.row].over != target.row
        else:
            assert set(report.rivals(target.against)) <= set(PEERS)


def test_peers_are_named_once_and_say_how_they_are_used():
    assert all(name == peer.name and peer.module and peer.distribution and peer.note for name, peer in PEERS.items())


# -- what is computed -------------------------------------------------------------------------------------------------


NETWORKS = [name for name, row in ROWS.items() if name.startswith("mlp-") or name in ("embedding", "parameters-60")]


@pytest.mark.parametrize("name", NETWORKS)
def test_numpy_by_hand_is_the_step_of_minigrad(name):
    problem = ROWS[name].problem
    try:
        by_hand = loaded("NumPy by hand").build(problem).check(5)
    except Unsupported as error:
        pytest.skip(str(error))
    assert difference(by_hand, loaded("minigrad").build(problem).check(5), (1e-4, 1e-5)) is None


@pytest.mark.parametrize("optimizer", problems.OPTIMIZERS)
@pytest.mark.parametrize("sizes", [(6, 1000), (1, 40_000)])  # the second in several blocks
def test_optimizers_by_hand_are_those_of_minigrad(optimizer, sizes):
    problem = problems.Update(optimizer, *sizes)
    try:
        ours = loaded("minigrad").build(problem).check(5)
    except Unsupported as error:
        pytest.skip(str(error))
    by_hand = loaded("NumPy by hand").build(problem).check(5)
    assert difference(by_hand, ours, ROWS["sgd-6"].tolerance) is None


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("mode", ["lazy", "exact"])
def test_sparse_steps_by_hand_are_those_of_minigrad(optimizer, mode):
    problem = problems.SparseUpdate(optimizer, 50, 20, mode)
    try:
        ours = loaded("minigrad").build(problem).check(5)
    except Unsupported as error:
        pytest.skip(str(error))
    by_hand = loaded("NumPy by hand").build(problem).check(5)
    assert difference(by_hand, ours, (1e-5, 1e-6)) is None


def test_sparse_steps_by_hand_add_up_rows_that_come_often():
    rows, random = np.array([3, 1, 3, 0, 3, 1]), np.random.default_rng(0)
    table, gradient = random.random((5, 2), np.float32), random.random((6, 2), np.float32)
    expected = table.copy()
    np.subtract.at(expected, rows, np.float32(1e-3) * gradient)
    rules_by_hand.sparse(problems.SparseUpdate("sgd", 5, 3, "lazy", 2), table, rows, gradient)()
    np.testing.assert_allclose(table, expected, rtol=1e-6)


@pytest.mark.parametrize("operation", ["y * a", "tanh(y)"])
def test_chains_by_hand_are_those_of_minigrad(operation):
    problem = problems.Chain(operation, 20)
    by_hand, ours = (loaded(name).build(problem).check(2) for name in ("NumPy by hand", "minigrad"))
    assert difference(by_hand, ours, (1e-5, 1e-6)) is None


def test_a_recurrent_layer_by_hand_is_that_of_minigrad():
    problem = recurrent_problems.Recurrent("RNN", 5, 3, 4, 2)
    by_hand, ours = (loaded(name).build(problem).check(2) for name in ("NumPy by hand", "minigrad"))
    assert difference(by_hand, ours, (1e-5, 1e-6)) is None


SMALL_MODEL = recurrent_problems.CharacterModel(characters=7, features=4, hidden=5, window=6, batch=3, clip=0.1)
RECURRENT = {
    **{layer: recurrent_problems.Recurrent(layer, 5, 3, 4, 2) for layer in recurrent_problems.GATES},
    "character model": replace(SMALL_MODEL, lr=1.0, eps=1.0),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_work_is_the_same_recorded(name):
    recorded, ours = (loaded(peer).build(RECURRENT[name]).check(5) for peer in ("minigrad.jit", "minigrad"))
    assert difference(recorded, ours, (1e-6, 1e-7)) is None


@pytest.mark.parametrize("peer", ["minigrad", "minigrad.jit"])
def test_the_character_model_goes_on_from_the_state_that_it_left(peer):
    job = loaded(peer).build(replace(SMALL_MODEL, lr=0.0))
    losses = [job.number(job.run()) for _ in range(4)]
    assert len(set(losses)) == 4  # the parameters are what they were


@pytest.mark.parametrize("weight", range(4))
@pytest.mark.parametrize("name", RECURRENT)
def test_a_gradient_that_is_wrong_by_a_hundredth_is_refused(name, weight, monkeypatch):
    class Wrong(PEERS["minigrad"]):
        """Weights of whose gradients the one asked for is wrong."""

    def fill_and_spoil(peer, weights, arrays, fill=torchlike_recurrent.fill):
        fill(peer, weights, arrays)
        if isinstance(peer, Wrong):
            weights[weight].register_hook(lambda g: g * 1.01)

    monkeypatch.setitem(PEERS, "wrong", Wrong)
    monkeypatch.setattr(torchlike_recurrent, "fill", fill_and_spoil)
    child = Child({"peers": ["minigrad", "wrong"], "threads": 1, "device": "cpu", "excluded": [], "quick": False},
                  lambda **event: None)  # fmt: skip
    row = ROWS["lm-step" if name == "character model" else f"{name.lower()}-16"]
    found = {}
    jobs = child.agreeing(replace(row, problem=RECURRENT[name], compare=None), found)
    assert list(jobs) == ["minigrad"] and "does not agree with minigrad" in found["wrong"]["error"]


@pytest.mark.parametrize("change", [{"clip": 0.101}, {"alpha": 0.98}, {"lr": 1.01}, {"eps": 1.01}])
def test_another_rule_of_the_character_model_is_refused(change):
    problem, row = RECURRENT["character model"], ROWS["lm-step"]
    other, ours = (loaded("minigrad").build(p).check(row.steps) for p in (replace(problem, **change), problem))
    assert difference(other, ours, row.tolerance) is not None


@pytest.mark.parametrize("part", problems.PARTS)
def test_a_part_is_timed_while_the_whole_step_runs(part):
    problem = problems.Part(problems.mlp((4, 5, 3), 8), part)
    job = loaded("minigrad").build(problem)
    before = job.state()
    assert job.timed() > 0
    assert difference(before, job.state(), (1e-7, 1e-7)) is not None


def test_an_epoch_sees_the_same_batches_by_either_loader():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 4)).astype(np.float32), rng.integers(0, 3, 70)
    problem = problems.Epoch(problems.mlp((4, 5, 3), 16), lambda: (x, y))
    by_hand, ours = (loaded(name).build(problem).check(2) for name in ("NumPy by hand", "minigrad"))
    assert difference(by_hand, ours, (1e-4, 1e-5)) is None


def test_results_that_differ_are_told_apart():
    ours = [np.array([1.0, 2.0]), np.zeros((2, 2))]
    assert difference(ours, [a + 1e-9 for a in ours], (1e-3, 1e-4)) is None
    assert "numbers of the steps" in difference(ours, [ours[0] + 1, ours[1]], (1e-3, 1e-4))
    assert "array 1" in difference(ours, [ours[0], ours[1] * np.nan], (1e-3, 1e-4))
    assert "shapes" in difference(ours, ours[:1], (1e-3, 1e-4))


def test_jobs_take_turns_in_changing_order():
    calls: list[str] = []
    jobs = {name: Job(lambda name=name: calls.append(name)) for name in "ab"}
    taken = take_turns(jobs, rounds=4, block_seconds=0.0, seconds=10.0)
    assert [len(samples) for samples in taken.values()] == [4, 4]
    assert calls[6:] == list("abbaabba")  # after three calls each to warm up
    assert take_turns({}, rounds=4, block_seconds=0.0, seconds=10.0) == {}


# -- peers that are not there, or fail --------------------------------------------------------------------------------


class Missing(Peer):
    name, module, distribution = "missing", "no_such_library", "no-such-library"


def test_an_absent_library_is_named():
    with pytest.raises(Absent, match="no_such_library is not installed"):
        Missing().load()
    with pytest.raises(Absent, match="not on cuda"):
        loaded("NumPy by hand").load(device="cuda")


def test_a_peer_that_ends_or_hangs_its_process_is_given_up_by_name(monkeypatch):
    class Child:
        """Ends in one row and hangs in another whenever PyTorch takes part in them."""

        returncode = -11

    class Process:
        def __init__(self, command, threads, device):
            self.plan, self.child = json.loads(command[-1]), Child()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def last_words(self):
            return ""

        def lines(self, silence):
            for name in self.plan["peers"]:
                yield json.dumps({"event": "peer", "peer": name, "version": "1"})
            for row in self.plan["rows"]:
                yield json.dumps({"event": "begin", "row": row, "peer": "PyTorch"})
                if [row, "PyTorch"] not in [pair[:2] for pair in self.plan["excluded"]]:
                    if row == "depth-100":
                        raise TimeoutError
                    return
                yield json.dumps({"event": "row", "row": row, "peers": {}, "ratios": {}, "growth": {}, "seconds": 0.0})

    monkeypatch.setattr(suite, "Process", Process)
    said: list[str] = []
    rows = ("depth-10", "depth-100")
    found = suite.Run(suite.Options(rows, ("minigrad", "PyTorch"), (1,)), said.append)
    found.everything()
    assert [row["row"] for row in found.rows] == list(rows)
    assert any("PyTorch was given up in depth-10: the process ended with status -11" in line for line in said)
    assert any("PyTorch was given up in depth-100: no result in" in line for line in said)


# -- the report -------------------------------------------------------------------------------------------------------


def test_the_report_has_times_ratios_targets_and_names_who_is_missing():
    numbers = {"median": 2e-5, "low": 1e-5, "high": 3e-5, "blocks": 9}
    ratio = {"median": 0.1, "low": 0.09, "high": 0.11}
    rows = [
        {
            "row": "mlp-2-16-16-1", "threads": 1, "unit": "s", "seconds": 1.0,
            "peers": {"minigrad.jit": numbers, "PyTorch": numbers, "DeZero": {"error": "differs"},
                      "MyGrad": {"skipped": "no erf"}},
            "ratios": {"minigrad.jit": {"PyTorch": ratio, "NumPy by hand": {**ratio, "median": 2.0}}},
        }
    ]  # fmt: skip
    text = report.markdown({
        "command": "python -m benchmarks", "environment": {"machine": "any"},
        "settings": {"quick": True, "device": "cpu"},
        "peers": {"minigrad.jit": {"version": "1", "note": "n"}, "PyTorch": {"version": "2", "note": "n"},
                  "MyGrad": {"version": "3", "note": "n"}, "DeZero": {"version": "4", "note": "n"},
                  "tinygrad": {"absent": "is not installed"}},
        "rows": rows, "targets": report.targets(rows),
    })  # fmt: skip
    assert "20.0 us (10.0 to 30.0)" in text and "tinygrad: skipped: is not installed" in text
    assert "| 0.10 (0.09 to 0.11) | at most 0.16 | met |" in text
    assert "| 2.00 (0.09 to 0.11) | at most 1.3 | missed |" in text
    assert "- DeZero: failed: differs" in text and "- MyGrad: no erf" in text


def test_growth_is_the_ratio_of_a_peer_to_itself(monkeypatch):
    target = Growth("steps-rnn-10000", "minigrad", 1.3)
    targets = [target, target._replace(peer="minigrad.jit"), target._replace(at_most=None)]
    monkeypatch.setattr(report, "TARGETS", targets)

    def row(name, median):
        growth = {"minigrad": {"median": median, "low": 1.2, "high": 1.6}}
        return {"row": name, "threads": 1, "peers": {}, "ratios": {}, "growth": growth}

    slow, absent, asked_nothing = report.targets([row("steps-rnn-10000", 1.5)])
    assert slow["ratio"]["median"] == 1.5 and slow["passed"] is False
    assert absent["ratio"] is None and absent["passed"] is None
    assert asked_nothing["ratio"]["median"] == 1.5 and asked_nothing["passed"] is None
    assert report.targets([row("steps-rnn-10000", 1.25)])[0]["passed"] is True
    assert report.targets([row("steps-rnn-1000", 1.5)])[0]["ratio"] is None
    text = report.targets_table([slow, absent], {"steps-rnn-10000"})
    assert "| minigrad / itself in a time step of RNN, of 100 | 1.50 (1.20 to 1.60) | at most 1.3 | missed |" in text
    assert "| not measured | at most 1.3 |  |" in text


# -- the command ------------------------------------------------------------------------------------------------------

SOME_NAMES = ["mlp-2-16-16-1", "rnn-16", "forward-64-128-128-10", "op-mul", "sgd-6"]
SOME = ",".join(SOME_NAMES)


def test_a_run_beside_numpy_by_hand(tmp_path):
    done = run("--quick", "--only", SOME, "--peers", "minigrad,numpy*", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "results.json").read_text())
    assert (tmp_path / "results.md").read_text().strip() == done.stdout.strip()
    assert [row["row"] for row in result["rows"]] == SOME_NAMES
    for row in result["rows"]:
        assert row["peers"]["minigrad"]["median"] > 0
    assert result["rows"][0]["ratios"]["minigrad"]["NumPy by hand"]["median"] > 0
    assert "runs its step" not in done.stdout and "NumPy by hand: has no parts" in done.stdout


def test_growth_is_measured_per_part_in_turns(monkeypatch):
    """A long sequence costs twelve times a short one of a tenth: 1.2 for each step."""
    monkeypatch.setattr(child, "ROWS", {row.name: row for row in (SHORT, LONG)})
    plan = {"peers": [], "excluded": [], "quick": False, "threads": 1, "device": "cpu",
            "rounds": 4, "block": 0.0, "seconds": 1.0}  # fmt: skip
    one = child.Child(plan, lambda **event: None)
    one.peers = {"minigrad": Timed(), "PyTorch": Timed()}
    done = one.row(LONG)
    assert [*done["growth"]] == ["minigrad"] and done["growth"]["minigrad"]["median"] == pytest.approx(1.2)
    assert done["peers"]["PyTorch"]["median"] == pytest.approx(0.0012) and [*done["peers"]] == ["minigrad", "PyTorch"]
    assert one.row(SHORT)["growth"] == {}


class Timed:
    """A peer whose jobs say how long they took."""

    kinds, compiles = None, False

    def forget(self, cold=False):
        pass

    def build(self, problem):
        return Job(lambda: 0.0, float, list, timed=lambda: problem.seconds)


SHORT = Row("short", "a short one", SimpleNamespace(kind="recurrent", seconds=0.01), count=10)
LONG = Row("long", "a long one", SimpleNamespace(kind="recurrent", seconds=0.12), count=100, over="short")

LAYERS = [name for name, row in ROWS.items() if isinstance(row.problem, recurrent_problems.Recurrent)]


@pytest.mark.parametrize("name", [*LAYERS, "lm-step"])
def test_what_is_compared_of_a_recorded_job_has_been_replayed(name, monkeypatch):
    """The first call records: its results are the eager ones, whatever the program does later."""
    row, replayed = ROWS[name], []
    if name in LAYERS:
        row = replace(row, problem=replace(row.problem, steps=4))
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda self, *given: replayed.append(self) or run(self, *given))
    loaded("minigrad.jit").build(row.problem).check(row.steps)
    assert replayed


def test_the_cuda_path_on_the_stand_in():
    done = run("--quick", "--only", SOME, "--peers", "minigrad,numpy*", "--device", "cuda", PYTHONPATH=standin.FOLDER)
    assert done.returncode == 0, done.stderr
    assert "stand-in" in done.stdout and "failed" not in done.stdout
    assert "NumPy by hand: skipped: runs on cpu here, not on cuda" in done.stdout
    assert "at most" not in done.stdout  # the targets are the CPU's


def test_a_gpu_that_is_not_there_is_named():
    done = run("--quick", "--only", "op-mul", "--peers", "minigrad", "--device", "cuda", CUDA_VISIBLE_DEVICES="-1")
    assert done.returncode == 1 and "minigrad: skipped" in done.stderr and "cuda" in done.stderr


def test_the_list_and_bad_arguments(capsys):
    assert command.main(["--list"]) == 0
    assert "mlp-784-512-512-10" in capsys.readouterr().out
    for arguments in (["--only", "nothing"], ["--peers", "none"], ["--threads", "0"], ["--device", "tpu"]):
        with pytest.raises(SystemExit):
            command.main(arguments)
