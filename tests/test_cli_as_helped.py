"""What `--help` says of an option that no other test shows: what is left out, what comes first, from which end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli.main import main
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.traces.trace_file import read

TAGGER = str(Path(__file__).parent / "formats" / "files" / "torch_tagger.pt")
SMALL = ("--cell", "lstm", "--hidden", "3", "--seed", "4")
LINES = "a b c d e f\na b c d e x\nx b c d e f\na b c\nd e f\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text(LINES)


def traced(*options: str, line: int = 1, network: tuple[str, ...] = SMALL) -> Trace:
    assert main(["trace", "t.txt", "--line", str(line), *network, *options, "-o", "o.json"]) == 0
    return read("o.json")


def test_the_passes_that_are_added_read_from_the_end() -> None:
    whole, other_end, other_beginning = (traced("--bidirectional", line=line) for line in (1, 2, 3))
    for name, other in (("layer0.forward", other_end), ("layer0.backward", other_beginning)):
        seen = [np.array_equal(a, b) for a, b in zip(whole[name]["h"], other[name]["h"], strict=True)]
        assert sorted(seen) == [False, *[True] * 5], "what is read last changes one step, at that end"
        assert seen.index(False) == (5 if name == "layer0.forward" else 0)


def test_a_run_begins_with_the_last_states_of_a_trace() -> None:
    assert main(["trace", "t.txt", *SMALL, "--line", "4", "-o", "first.npz"]) == 0
    first, then = read("first.npz")["layer0.forward"], traced("--initial", "first.npz", line=5)["layer0.forward"]
    for state in ("c", "h"):
        assert np.array_equal(then.initial[state], first[state][-1])
    assert np.array_equal(then["c"][-1], traced()["layer0.forward"]["c"][-1])


def test_a_backward_pass_begins_anew_in_each_chunk() -> None:
    chunks, whole = traced("--bidirectional", "--chunk", "3"), traced("--bidirectional")
    parts = [traced("--bidirectional", line=line)["layer0.backward"]["h"] for line in (4, 5)]
    assert np.array_equal(chunks["layer0.backward"]["h"], np.concatenate(parts))
    assert not np.array_equal(chunks["layer0.backward"]["h"], whole["layer0.backward"]["h"])
    assert np.array_equal(chunks["layer0.forward"]["h"], whole["layer0.forward"]["h"])


def test_all_values_but_the_input_are_written_or_only_those_that_are_asked_for() -> None:
    def written(*more: str) -> set[str]:
        traced(*more)
        return set(json.loads(Path("o.json").read_text())["passes"][0]["values"])

    assert written() == {"f", "i", "g", "c", "o", "h"}
    assert written("--values", "x,c") == {"x", "c"}


@pytest.mark.parametrize("name", ["layer0.forward", "layer0.backward"])
def test_names_without_a_pass_belong_to_the_one_that_is_named(name: str) -> None:
    asked = ["check", "t.txt", *SMALL, "--bidirectional", "--assert", f"c[0] == {name}.c[0]"]
    assert main([*asked, "--pass", name]) == 0
    assert main([*asked, "--pass", "layer0.backward" if name == "layer0.forward" else "layer0.forward"]) == 3


def test_gates_are_asked_of_the_first_pass_and_of_one_unit(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.txt").write_text("not bad\nnot good\nbad film\ngood film not\n" * 2)

    def said(*more: str) -> str:
        assert main(["find", "t.txt", "--model", "sentiment", "--gates", *more]) == 0
        return capsys.readouterr().out

    assert said() == said("--pass", "layer0.forward") != said("--pass", "layer0.backward")
    assert said() != said("--unit", "1") != said("--unit", "2")
    gate = {line: traced(line=line, network=("--model", "sentiment"))["layer0.forward"]["f"] for line in range(1, 5)}
    capsys.readouterr()
    lines = [line.split() for line in Path("t.txt").read_text().splitlines()[:4]]
    means = {
        word: np.mean([gate[n][t, 1] for n, line in enumerate(lines, 1) for t, one in enumerate(line) if one == word])
        for word in ("not", "bad", "good", "film")
    }
    best, least = max(means, key=lambda one: means[one]), min(means, key=lambda one: means[one])
    told = said("--unit", "1").split("layer0.forward.f, ")[1].split(":\n")[1].split("layer0.forward.")[0].splitlines()
    for line, words, token in ((told[0], "opens most", best), (told[1], "shuts most", least)):
        assert re.match(rf" *{words}: “{token}” {means[token]:.2f} \(×", line)


def test_a_report_tells_of_the_first_40_places_all_passes_and_the_8_largest_memories() -> None:
    Path("t.txt").write_text(" ".join(f"w{n}" for n in range(43)) + "\n")
    network = ("--cell", "lstm", "--hidden", "10", "--bidirectional")
    assert main(["report", "t.txt", *network, "-o", "r.html"]) == 0
    page = Path("r.html").read_text("utf-8")
    assert "t = 0 to 39 are told in full" in page
    trace = traced(network=network)
    for name in trace:
        last = trace[name]["c"][39 if name == "layer0.forward" else 0]
        largest = np.argsort(-np.abs(last), kind="stable")[:8]
        assert {int(one) for one in re.findall(rf"Unit (\d+) of {name}: C = ", page)} == set(largest.tolist())


def test_a_figure_is_of_the_first_pass_and_of_the_largest_memory_at_its_end() -> None:
    def drawn(*more: str) -> str:
        assert main(["figure", "t.txt", *SMALL, "--bidirectional", *more, "-o", "f.svg"]) == 0
        return Path("f.svg").read_text("utf-8")

    c = traced("--bidirectional")["layer0.forward"]["c"]
    unit = int(np.abs(c[-1]).argmax())
    assert drawn() == drawn("--pass", "layer0.forward", "--unit", str(unit), "--steps", "0:6")
    assert drawn() != drawn("--pass", "layer0.backward", "--unit", str(unit))
    titled = drawn("--title", "one of mine")
    places = dict(re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>([^<]*)</text>', titled)[::-1])
    (at,) = (float(y) for y, text in places.items() if text == "one of mine")
    assert at <= min(float(y) for y in places)


def test_what_is_told_as_json_is_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "t.txt", *SMALL, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["passes"]
    runs = [traced(line=line)["layer0.forward"] for line in range(1, 6)]
    for gate in ("f", "i", "o"):
        mean = np.concatenate([one[gate] for one in runs]).mean(axis=0)
        np.testing.assert_allclose(told["gates"][gate]["mean"], mean, atol=2e-6)


def test_training_takes_so_many_numbers_for_each_token() -> None:
    assert main(["train", "t.txt", "-o", "n.safetensors", "--epochs", "1", "--hidden", "2", "--embedding", "5"]) == 0
    assert traced(network=("--model", "n.safetensors"))["layer0.forward"].input_size == 5
    assert lstm_tui.load("n.safetensors").tensors()["embedding"].shape[1] == 5


def test_a_difference_as_large_as_the_tolerance_counts_as_none() -> None:
    rows = np.sin(np.arange(18.0)).reshape(6, 3)
    h = lstm_tui.trace(rows, model="forecast")["layer0.forward"]["h"].copy()
    h[1, 3] += 0.01
    savez("r.npz", {"input": rows, "layer0.forward/h": h})
    asked = ["verify", "forecast", "--reference", "r.npz"]
    assert [main([*asked, "--tolerance", size]) for size in ("0.011", "0.009")] == [0, 3]
    assert main(asked) == 3


def test_a_text_is_padded_with_id_0_where_its_vocabulary_has_no_padding() -> None:
    Path("t.txt").write_text("w3 w1 w4\n")
    Path("v.txt").write_text("".join(f"w{n}\n" for n in range(11)))
    file = ("--model", TAGGER, "--vocabulary", str(Path("v.txt").resolve()))
    padded = [traced("--pad", where, network=file).sequence.ids for where in ("pre:5", "post:5")]
    assert [present(one).tolist() for one in padded] == [[0, 0, 3, 1, 4], [3, 1, 4, 0, 0]]


def test_a_check_behind_a_text_in_quotes_is_of_that_text() -> None:
    Path("t.txt").write_text("bad\n")
    c = traced(network=("--model", "sentiment-forward"))["layer0.forward"]["c"][0, 0]
    Path("t.txt").write_text("not good\n")
    Path("c.txt").write_text(f'"bad": abs(c[0] - ({c:.7f})) < .0001\n')
    assert main(["check", "t.txt", "--model", "sentiment-forward", "--checks", "c.txt"]) == 0
    Path("c.txt").write_text(f"abs(c[0] - ({c:.7f})) < .0001\n")
    assert main(["check", "t.txt", "--model", "sentiment-forward", "--checks", "c.txt"]) == 3
