"""Files beside recordings: what agrees, the first place of what does not, and the reading that would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.verify import verification
from lstm_tui.formats.verify.alternatives import other_readings
from lstm_tui.formats.verify.compared_run import Deviation, recurrent_layers, run_recorded, values_of
from lstm_tui.formats.verify.expected_pairs import ExpectedPairs
from lstm_tui.formats.verify.recorded_run import read_reference
from lstm_tui.formats.verify.verdict import Verification
from lstm_tui.formats.verify.verification import verify

FILES = Path(__file__).parent / "files"
TORCH = dict(np.load(FILES / "torch_expected.npz"))
BOTH = str(FILES / "torch_lstm_both.pt")


@pytest.fixture
def few_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few other readings tried, where none fits: else as many are as there is time for."""
    monkeypatch.setattr(verification, "MOST_TRIED", 60)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "ref.npz"
    h = TORCH["lstm_both"]
    np.savez(path, input=TORCH["x"], **{"layer1.forward/h": h[:, :4], "layer1.backward/h": h[:, 4:]})
    return path


def test_a_repair_is_told_beside_the_largest_difference_without_it() -> None:
    first = Deviation("layer0.forward/h", 2, 0, 0.5, 0.4, 0.25)
    compared = {"layer0.forward/h": 0.25, "layer0.backward/h": 1.5, "result": 0.75}
    made = str(Verification(compared, 1e-4, first, ({"a": "b"},), 3, repaired=(1e-6,))).split("\n")
    assert made[-1] == "  and then differs by 1e-06 at most, by 1.5 without"


@pytest.mark.parametrize("most", [0, 1, 3, 4, 9])
def test_it_is_said_where_time_was_over_before_all_readings_were_tried(
    most: int, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [{"layer0.gate_order": order} for order in ("gfio", "giof", "ogif", "fiog")]
    tried: list[Mapping[str, str]] = []

    def readings(*given: object) -> Iterator[Mapping[str, str]]:
        for one in others:
            tried.append(one)
            yield one

    monkeypatch.setattr(verification, "other_readings", readings)
    monkeypatch.setattr("time.thread_time", lambda: 100.0 if len(tried) > most else 0.0)
    arrays = dict(np.load(reference))
    arrays["layer1.forward/h"][3, 2] += 0.5
    np.savez(reference, **arrays)
    _, verdict = verify(BOTH, ImportOptions(), reference, seconds=12.0)
    assert verdict.tried == min(most, len(others))
    assert verdict.timed_out == (12.0 if most < len(others) else None)
    lines = str(verdict).split("\n")
    said = "  and not all were tried: 12 s of processor time were over; verify tries longer with `--seconds 120`"
    assert any(line.startswith(said) for line in lines) is (most < len(others))
    assert f"none of {verdict.tried} other readings of the file fits" in lines


def test_the_command_tries_as_long_as_it_is_told(
    reference: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[float] = []

    def noted(*given: object, seconds: float) -> object:
        asked.append(seconds)
        return verify(BOTH, ImportOptions(), reference)

    monkeypatch.setattr("lstm_tui.cli.verify.verify", noted)
    main(["verify", BOTH, "--reference", str(reference)])
    main(["verify", BOTH, "--reference", str(reference), "--seconds", "90"])
    assert asked == [verification.SECONDS, 90.0]
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    assert f"(default: {verification.SECONDS:g})" in " ".join(capsys.readouterr().out.split())


def test_what_agrees_is_said_with_its_largest_difference(reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", BOTH, "--reference", str(reference)]) == 0
    output = capsys.readouterr().out
    assert "layer1.backward/h: differs by" in output
    assert "the same within 0.0001" in output


@pytest.mark.slow
def test_the_wrong_gate_order_is_found_out(reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {f"layer{n}.gate_order": "gfio" for n in (0, 1)}
    _, verdict = verify(BOTH, ImportOptions(wrong), reference)
    assert verdict.first is not None
    assert (verdict.first.name, verdict.first.t) == ("layer1.forward/h", 0)
    assert verdict.fitting == ({"layer0.gate_order": "ifgo", "layer1.gate_order": "ifgo"},)
    arguments = [one for key, value in wrong.items() for one in ("--set", f"{key}={value}")]
    assert main(["verify", BOTH, "--reference", str(reference), *arguments]) == 3
    output = capsys.readouterr().out
    assert "is the first that differs, at t=0" in output
    assert "it fits with --set layer0.gate_order=ifgo --set layer1.gate_order=ifgo" in output


@pytest.mark.slow
@pytest.mark.usefixtures("few_readings")
def test_the_first_difference_has_its_place_and_size(reference: Path) -> None:
    arrays = dict(np.load(reference))
    arrays["layer1.forward/h"][3, 2] += 0.5
    np.savez(reference, **arrays)
    _, verdict = verify(BOTH, ImportOptions(), reference)
    first = verdict.first
    assert first is not None
    assert (first.name, first.t, first.unit) == ("layer1.forward/h", 3, 2)
    assert first.theirs - first.mine == pytest.approx(0.5, abs=1e-5)
    assert not verdict.fitting


@pytest.mark.usefixtures("few_readings")
@pytest.mark.parametrize("extra", [(), ("scale",), ("scale", "shift")])
def test_what_is_not_used_of_a_file_is_named_where_it_differs(extra: tuple[str, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    shapes = {"w_ih": (16, 3), "w_hh": (16, 4), "b_ih": (16,), "b_hh": (16,)} | dict.fromkeys(extra, (7,))
    savez(tmp_path / "w.npz", {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})
    x, h = (random.normal(size=(6, n)).astype(np.float32) for n in (3, 4))
    savez(tmp_path / "ref.npz", {"input": x, "layer0.forward/h": h})
    _, verdict = verify(str(tmp_path / "w.npz"), ImportOptions(), tmp_path / "ref.npz")
    assert verdict.first is not None
    said = [reason for reason in verdict.reasons if "not used of the file" in reason]
    assert said == ([f"not used of the file: {', '.join(sorted(extra))}"] if extra else [])


@pytest.mark.parametrize(("reset", "generation"), [("before", 2), ("after", 3)])
def test_a_file_of_own_names_tells_its_conventions_by_a_recording(reset: str, generation: int, tmp_path: Path) -> None:
    """A GRU kept as Keras keeps it, under names of one's own: the order and the reset are found by trying."""
    random = np.random.default_rng(generation)
    w, u = (random.normal(size=(n, 12)).astype(np.float32) for n in (3, 4))
    b, c = (random.normal(size=12).astype(np.float32) for _ in range(2))
    np.savez(tmp_path / "w.npz", w_ih=w, w_hh=u, b_ih=b, b_hh=c)
    x = random.normal(size=(6, 3)).astype(np.float32)
    h, rows = np.zeros(4), []
    for row in x:  # the rows of z, r and the candidate, in this order
        z, r = (1 / (1 + np.exp(-(w.T @ row + u.T @ h + b + c)[part])) for part in (slice(4), slice(4, 8)))
        last = slice(8, 12)
        inside = r * (u.T[last] @ h + c[last]) if reset == "after" else u.T[last] @ (r * h) + c[last]
        h = z * h + (1 - z) * np.tanh(w.T[last] @ row + b[last] + inside)
        rows.append(h)
    savez(tmp_path / "ref.npz", {"input": x, "layer0.forward/h": np.array(rows, dtype=np.float32)})
    opened, verdict = verify(tmp_path / "w.npz", ImportOptions(), tmp_path / "ref.npz")
    assert any(fact.key == "layer0.matrices" for fact in opened.report.facts)
    wanted = {"layer0.gate_order": "zrn"} | ({"layer0.reset": "before"} if reset == "before" else {})
    assert wanted in verdict.fitting
    network = open_file(tmp_path / "w.npz", ImportOptions(wanted)).network
    assert network.layers[0].passes[0].cell.name == ("gru" if reset == "after" else "gru_reset_before")


def test_a_recording_that_does_not_belong_is_one_line(tmp_path: Path) -> None:
    for arrays, says in (
        ({"layer0.forward/h": np.zeros((6, 4))}, "should hold `input`"),
        ({"input": TORCH["x"]}, "should hold `input`"),
        ({"input": TORCH["x"], "layer0.forward/hh": np.zeros((6, 4))}, "did you mean layer0.forward/h"),
        ({"input": TORCH["x"], "layer0.forward/h": np.zeros((6, 5))}, "should be 6×4 and is 6×5"),
        ({"input": TORCH["x"], "layer0.forward/h": np.zeros(())}, "should be 6×4 and is one number"),
        ({"input": TORCH["x4"], "layer0.forward/h": np.zeros((6, 4))}, "4 columns"),
    ):
        np.savez(tmp_path / "ref.npz", **arrays)
        with pytest.raises(UserError, match=says):
            verify(BOTH, ImportOptions(), tmp_path / "ref.npz")


def test_what_the_whole_model_said_is_left_out_where_the_file_cannot_say_it(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "both.npz"
    np.savez(both, output=np.ones((len(TORCH["x"]), 2)), **np.load(reference))
    assert main(["verify", BOTH, "--reference", str(both)]) == 0
    output = capsys.readouterr().out
    assert "output: not compared, since the file holds no layer behind its recurrent ones" in output
    assert "the same within 0.0001" in output
    only = tmp_path / "only.npz"
    np.savez(only, input=TORCH["x"], output=np.ones((len(TORCH["x"]), 2)))
    with pytest.raises(UserError, match="nothing to compare"):
        verify(BOTH, ImportOptions(), only)


def stacked(tmp_path: Path, settings: dict[str, str], states: bool = True) -> tuple[Path, Path]:
    """Return a file of two layers above a table, and a recording of it as it is read with settings."""
    rng = np.random.default_rng(4)

    def drawn(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) * 0.6).astype(np.float32)

    tensors = {"emb.weight": drawn(9, 4), "fc.weight": drawn(2, 4), "fc.bias": drawn(2)}
    for layer in (0, 1):
        for side in ("ih", "hh"):
            tensors |= {f"rnn.weight_{side}_l{layer}": drawn(16, 4), f"rnn.bias_{side}_l{layer}": drawn(16)}
    bag, reference = tmp_path / "bag.npz", tmp_path / "ref.npz"
    savez(bag, tensors)
    ids = np.array([1, 8, 2, 5, 0, 3, 3, 7])
    network = open_file(bag, ImportOptions(settings)).network
    trace = lstm_tui.trace(ids, network)
    shown = [trace[network.layers[n].passes[0].name]["h"] for n in recurrent_layers(network)]
    recorded = {f"layer{n}.forward/h": one for n, one in enumerate(shown)} if states else {}
    savez(reference, {"input": ids, **recorded, "output": present(trace.output)})
    return bag, reference


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"layer0.gate_order": "igfo", "layer1.gate_order": "igfo"},
        {"layer0.gate_order": "ifog", "layer1.gate_order": "ifog"},
        {"layer0.before": "tanh", "layer1.gate_order": "iofg", "layer2.gate_order": "iofg"},
        {"layer0.forget_bias": "1", "layer1.forget_bias": "1", "readout.before": "relu"},
    ],
    ids=lambda settings: ",".join(settings),
)
def test_mistakes_in_every_layer_of_a_module_are_found_where_readings_add_layers(
    settings: dict[str, str], tmp_path: Path
) -> None:
    bag, reference = stacked(tmp_path, settings)
    _, verdict = verify(bag, ImportOptions(), reference)
    assert verdict.first is not None
    assert settings in verdict.fitting


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"layer0.gate_order": "igfo", "layer1.forget_bias": "1"},
        {"layer0.transposed": "recurrent", "layer1.transposed": "input"},
        {"layer1.gate_order": "ifog", "readout.before": "relu"},
        {"layer0.biases": "input", "layer1.gate_activation": "hard_sigmoid_keras3"},
    ],
    ids=lambda settings: ",".join(settings),
)
def test_two_mistakes_each_in_one_layer_of_several_are_found_from_the_answer_alone(
    settings: dict[str, str], tmp_path: Path
) -> None:
    bag, reference = stacked(tmp_path, settings, states=False)
    _, verdict = verify(bag, ImportOptions(), reference)
    assert present(verdict.first).name == "output"
    assert settings in verdict.fitting


def test_every_two_decisions_that_can_be_taken_at_once_are_tried_once(tmp_path: Path) -> None:
    """Beside a loop over all decisions: of a layer alone, of every layer, and of what stands around them."""
    bag, _ = stacked(tmp_path, {})
    report = open_file(bag).report
    tried = [frozenset(one.items()) for one in other_readings(report, "output")]
    assert len(tried) == len(set(tried))
    left_out = ("network", "container", "description", "join")
    single = {(fact.key, value) for fact in (*report.facts, *report.offered) if fact.key not in left_out
              for value in fact.others if value != fact.value}  # fmt: skip
    assert {frozenset({one}) for one in single} <= set(tried)
    for one in single:
        for other in single:
            assert one[0] == other[0] or frozenset({one, other}) in tried, (one, other)


def test_pairs_come_in_the_order_in_which_they_are_expected_to_fit(tmp_path: Path) -> None:
    bag, _ = stacked(tmp_path, {})
    report = open_file(bag).report
    wanted = {"layer0.forget_bias": "1", "layer1.transposed": "both"}

    def expected(one: Mapping[str, str], other: Mapping[str, str]) -> float:
        return float(len({**one, **other}.items() ^ wanted.items()))

    pairs = [one for one in other_readings(report, "output", expected=expected)
             if len({(key.rpartition(".")[2], value) for key, value in one.items()}) > 1]  # fmt: skip
    assert pairs[0] == wanted
    first = [len(one.items() ^ wanted.items()) for one in pairs if not any(key.endswith("before") for key in one)]
    assert first == sorted(first)


def test_two_decisions_are_expected_to_do_what_each_does_alone(tmp_path: Path) -> None:
    """Beside the same sum, taken of runs one by one."""
    bag, reference = stacked(tmp_path, {"readout.activation": "tanh"})
    one, other = {"layer0.forget_bias": "1"}, {"readout.activation": "relu"}
    recorded = read_reference(reference)
    pairs = ExpectedPairs(open_file(bag).network, recorded)

    def values(settings: dict[str, str]) -> np.ndarray:
        trace = run_recorded(open_file(bag, ImportOptions(settings)).network, recorded.sequences[0], "")
        computed = values_of(trace)
        return np.concatenate([computed[name].ravel() for name in sorted(computed) if name in recorded.sequences[0]])

    sequence = recorded.sequences[0]
    names = [name for name in sorted(sequence) if name in values_of(run_recorded(open_file(bag).network, sequence, ""))]
    held = np.concatenate([np.ravel(sequence[name]) for name in names])
    assert pairs.distance(one, other) == np.inf  # neither was tried
    pairs = ExpectedPairs(open_file(bag).network, recorded)
    for settings in (one, other):
        pairs.note(settings, open_file(bag, ImportOptions(settings)).network)
    sum_of_both = values(one) + values(other) - values({})
    assert pairs.distance(one, other) == pytest.approx(float(np.sqrt(np.mean((sum_of_both - held) ** 2))))
