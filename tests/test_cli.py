from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, untrained
from lstm_tui.formats.inputs.inputs import vocabulary
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.formats.traces.trace_file import read
from lstm_tui.models import bundled_names

UNTRAINED = ["--cell", "lstm", "--hidden", "4"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in a folder of its own that holds a text and some numbers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("The movie was not bad.\n\nIt was good.\n")
    (tmp_path / "w.csv").write_text("a,b\n1,2\n3,4.5\n5,6\n")
    return tmp_path


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lstm_tui", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": package_folder()},
        **options,
    )  # fmt: skip


def package_folder() -> str:
    return str(Path(lstm_tui.__file__).parent.parent)


def stdin_of(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_trace_goes_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "t.txt", *UNTRAINED, "--bidirectional", "-o", "o.json"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "lstm-tui: t.txt: holds 2 sequences, and line 1 was traced; --line N takes another\n"
    trace = read("o.json")
    assert trace.sequence.tokens == ("The", "movie", "was", "not", "bad", ".")
    assert (trace.sequence.file, trace.sequence.line) == ("t.txt", 1)
    assert trace.model["name"] == "untrained lstm"
    assert list(trace) == ["layer0.forward", "layer0.backward"]
    assert trace["layer0.forward"]["f"].shape == (6, 4)


@pytest.mark.parametrize("target", [[], ["-o", "-"]])
def test_a_trace_goes_to_standard_output(target: list[str], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["trace", "t.txt", *UNTRAINED, "--line", "3", *target]) == 0
    output = capsysbinary.readouterr()
    assert output.err == b""
    assert json.loads(output.out)["input"]["tokens"] == ["It", "was", "good", "."]


@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".npz"])
def test_every_format_holds_the_same(suffix: str) -> None:
    assert main(["trace", "w.csv", *UNTRAINED, "--dtype", "float64", "-o", f"o{suffix}"]) == 0
    assert main(["trace", "w.csv", *UNTRAINED, "--dtype", "float64", "-o", "other.json"]) == 0
    one, other = read(f"o{suffix}"), read("other.json")
    assert one.dtype == "float64"
    assert all(np.array_equal(one[name][value], other[name][value]) for name in one for value in one[name])


def test_part_of_a_trace() -> None:
    options = ["--values", "c,h", "--units", "1:3", "--steps", "2:4"]
    assert main(["trace", "t.txt", *UNTRAINED, *options, "-o", "o.json"]) == 0
    trace = read("o.json")
    assert trace.sequence.tokens == ("was", "not")
    assert {name: array.shape for name, array in trace["layer0.forward"].items()} == {"c": (2, 2), "h": (2, 2)}


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        (["--whole"], ["The", "movie", "was", "not", "bad", ".", "It", "was", "good", "."]),
        (["--line", "3"], ["It", "was", "good", "."]),
        (["--line", "3", "--tokens", "chars"], list("It was good.")),
        (["--line", "3", "--tokens", "bytes"], list("It was good.")),
    ],
)
def test_what_is_read(options: list[str], tokens: list[str]) -> None:
    assert main(["trace", "t.txt", *UNTRAINED, *options, "-o", "o.json"]) == 0
    assert list(read("o.json").sequence.tokens) == tokens


def test_standard_input_is_text_or_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin_of(monkeypatch, b"some text\n")
    assert main(["trace", "-", *UNTRAINED, "-o", "o.json"]) == 0
    trace = read("o.json")
    assert (trace.sequence.tokens, trace.sequence.file) == (("some", "text"), None)
    save(untrained(Untrained("gru"), None, 2), "numbers.safetensors")
    stdin_of(monkeypatch, b"1,2\n3,4\n")
    assert main(["trace", "-", "--model", "numbers.safetensors", "-o", "o.json"]) == 0
    assert read("o.json").sequence.kind == "numbers"


def test_an_untrained_network_is_described_by_options() -> None:
    options = ["--cell", "gru", "--hidden", "3", "--layers", "2", "--bidirectional", "--merge", "mul", "--seed", "5"]
    assert main(["trace", "t.txt", *options, "--without", "b_r,b_z", "-o", "o.json"]) == 0
    trace = read("o.json")
    assert list(trace) == ["layer0.forward", "layer0.backward", "layer1.forward", "layer1.backward"]
    assert trace["layer1.forward"].input_size == 3
    assert main(["trace", "t.txt", "--seed", "5", "-o", "p.json"]) == 0
    assert read("p.json")["layer0.forward"].hidden_size == 32


def test_a_cell_of_ones_own() -> None:
    Path("my.toml").write_text(
        'name = "my"\ntitle = "mine"\nsource = "me"\nstate = ["h"]\nequations = \'\'\'\nh = tanh(W_h @ x + h)\n\'\'\'\n'
    )
    assert main(["trace", "t.txt", "--cell", "my.toml", "-o", "o.json"]) == 0
    assert read("o.json")["layer0.forward"].cell.title == "mine"


def test_state_is_carried_from_line_to_line() -> None:
    for name, options in (("fresh", []), ("carried", ["--carry"])):
        assert main(["trace", "t.txt", *UNTRAINED, "--line", "3", *options, "-o", f"{name}.json"]) == 0
    assert main(["trace", "t.txt", *UNTRAINED, "--line", "1", "-o", "first.json"]) == 0
    first, fresh, carried = (read(f"{name}.json")["layer0.forward"] for name in ("first", "fresh", "carried"))
    assert np.array_equal(carried.initial["c"], first["c"][-1])
    assert not fresh.initial["c"].any()
    assert not np.array_equal(fresh["c"], carried["c"])


def test_initial_states_come_from_a_file() -> None:
    savez("s.npz", {"layer0.forward/c": np.full(4, 0.5)})
    assert main(["trace", "t.txt", *UNTRAINED, "--initial", "s.npz", "-o", "o.json"]) == 0
    assert read("o.json")["layer0.forward"].initial["c"].tolist() == [0.5] * 4


def test_a_layer_alone_reads_numbers() -> None:
    save(untrained(Untrained("gru", 2), vocabulary(text_from("a b"), "words")), "m.safetensors")
    assert main(["trace", "w.csv", "--model", "m.safetensors", "--layer", "0", "-o", "o.json"]) == 0
    assert read("o.json").model["name"] == "untrained gru, layer 0"


def test_both_interpreters_make_a_run() -> None:
    for name in ("numpy", "numba"):
        assert main(["trace", "t.txt", *UNTRAINED, "--interpreter", name, "-o", f"{name}.json"]) == 0
        assert read(f"{name}.json").interpreter == name
    a, b = (read(f"{name}.json")["layer0.forward"]["h"] for name in ("numpy", "numba"))
    assert np.allclose(a, b, atol=1e-6)


def test_cells_are_listed_shown_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cells"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in listed for name in cell_names())
    assert main(["cells", "show", "attention_dot"]) == 0
    assert "a = softmax_steps(e)" in capsys.readouterr().out
    Path("r.toml").write_text(
        'title = "t"\nresult = "y"\nwhole = "y = softmax(V_y @ mean_steps(h))"\nsizes = { y = "K" }\n'
    )
    assert main(["cells", "check", "r.toml"]) == 0
    assert "its result y is there once" in capsys.readouterr().out
    Path("r.toml").write_text('title = "t"\nresult = "y"\nwhole = "y = softmax(V_y @ mean_step(h))"\n')
    assert main(["cells", "check", "r.toml"]) == 1
    assert "r.toml:3:28: there is no function `mean_step`; did you mean mean_steps?" in capsys.readouterr().err
    for name in cell_names():
        assert main(["cells", "show", name]) == 0
        shown = capsys.readouterr().out
        assert load_cell(name).text.strip().split("\n")[0] in shown
        assert all(f"\n{parameter} " in shown for parameter in load_cell(name).parameters)
    assert main(["cells", "show", "lstm_projected"]) == 0
    shown = capsys.readouterr().out
    assert "U_p        P×H" in shown
    assert "W_f        H×I" in shown
    assert "P by --size P=N" in shown
    assert main(["cells", "show", "layernorm_lstm"]) == 0
    assert "4H×I" in capsys.readouterr().out
    assert main(["cells", "show", "lstm"]) == 0
    assert "c = f * c + i * g" in capsys.readouterr().out
    Path("my.toml").write_text(
        'name = "my"\ntitle = "mine"\nsource = "me"\nstate = ["h"]\nequations = """\nh = x +\n"""\n'
    )
    assert main(["cells", "check", "my.toml"]) == 1
    assert capsys.readouterr().err.startswith("lstm-tui: my.toml:6:")
    text = load_cell("decoder_dot").text.replace('"decoder_dot"', '"my"').replace("a @ M", "M @ a")
    Path("my.toml").write_text(text)  # what only its sizes show is not called fine either
    assert main(["cells", "check", "my.toml"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("text", "told"), [("a", "1 step\n"), ("a b", "2 steps\n")])
def test_one_step_is_not_told_as_several(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.txt").write_text(text)
    assert main(["stats", str(tmp_path / "t.txt"), "--hidden", "2"]) == 0
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("name", cell_names())
def test_a_size_that_a_cell_has_not_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_text("a b")
    letters = load_cell(name).free_letters
    unused = next(letter for letter in "ABCDEFGJKLMNOPQRSTUVWXYZ" if letter not in letters)
    fine = [word for letter in letters for word in ("--size", f"{letter}=4")]
    for letter in (unused, "H"):
        assert main(["stats", str(tmp_path / "t.txt"), "--cell", name, *fine, "--size", f"{letter}=4"]) == 2
        assert f"has no free size {letter}" in capsys.readouterr().err


@pytest.mark.parametrize("name", cell_names())
def test_every_cell_passes_its_check(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cells", "check", name]) == 0
    assert f"{name}: fine" in capsys.readouterr().out


def test_models_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    from lstm_tui.models import bundled_names

    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in listed for name in bundled_names())
    save(untrained(Untrained("gru", 2), None, 3), "m.safetensors")
    assert main(["models", "m.safetensors"]) == 0
    described = capsys.readouterr().out
    assert "reads: numbers, 3 a step" in described
    assert "layers: gru 2" in described


def test_info_tells_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    told = {words[0]: words[1:] for words in (line.split() for line in capsys.readouterr().out.splitlines())}
    assert told["numpy"] == [np.__version__]
    assert told["engine"][0] == "numba,"
    assert {"python", "package", "terminal", "encoding"} <= told.keys()
    assert told["models"] == ", ".join(bundled_names()).split()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("settings", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "dumb"}, "no"),
    ],
)
def test_info_tells_the_colours_of_a_terminal(
    settings: dict[str, str], colours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    output = _Terminal()
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["info"]) == 0
    (line,) = [line for line in output.getvalue().splitlines() if line.split()[:1] == ["terminal"]]
    assert f", {colours} colours, on standard " in line
    assert "output" in line.rpartition(" on standard ")[2]


def test_the_version_is_that_of_the_package() -> None:
    import tomllib

    content = tomllib.loads(Path(package_folder(), "pyproject.toml").read_text())
    assert content["project"]["version"] == lstm_tui.__version__


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["nonsense"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom lstm_tui.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "slow = {'numba', 'textual', 'rich', 'numpy', 'safetensors', 'json'} & set(sys.modules)\n"
        "print('slow:', slow or 'none')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": package_folder()}
    )
    assert done.stdout.endswith("slow: none\n")


def test_importing_the_package_loads_nothing_slow() -> None:
    code = "import sys, lstm_tui; print({'numba', 'textual', 'numpy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": package_folder()}
    )
    assert done.stdout == "set()\n"


def test_a_trace_loads_neither_numba_nor_textual(folder: Path) -> None:
    code = (
        "import sys\nfrom lstm_tui.cli import main\n"
        "assert main(['trace', 't.txt', '--cell', 'lstm', '--line', '1', '-o', 'o.json']) == 0\n"
        "print({'numba', 'textual'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": package_folder()}
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["trace"],
        ["trace", "t.txt", "--line", "0"],
        ["trace", "t.txt", "--line", "x"],
        ["trace", "t.txt", "--hidden", "0"],
        ["trace", "t.txt", "--hidden", "99999999"],
        ["trace", "t.txt", "--hidden", "١"],
        ["trace", "t.txt", "--size", "P"],
        ["trace", "t.txt", "--size", "p=3"],
        ["trace", "t.txt", "--merge", "cat"],
        ["trace", "t.txt", "--dtype", "float16"],
        ["trace", "t.txt", "--model", "m", "--cell", "lstm"],
        ["trace", "t.txt", "--model", "m", "--bidirectional"],
        ["trace", "t.txt", "--tokens", "chars"],
        ["trace", "t.txt", "--whole", "--line", "2"],
        ["trace", "t.txt", "--cell", "lstm", "--layer", "0"],
        ["cells", "show"],
        ["cells", "check"],
        ["cells", "other"],
        ["open"],
    ],
)
def test_what_the_argument_parser_refuses_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("lstm-tui")


def test_without_anything_a_story_is_opened_and_a_run_without_a_file_opens_the_sample() -> None:
    from lstm_tui.cli.arguments import parse

    for arguments, model in (([], "story"), (["--debug"], "story"), (["--light"], "story"), (["run"], None)):
        options = parse(arguments)
        assert (options.module, options.file, options.model, options.untrained) == ("run", None, model, False)
        assert options.debug == (arguments == ["--debug"])


def test_debug_shows_a_traceback() -> None:
    done = command("trace", "missing.txt", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", "trace", "t.txt", "--cell", "lstm", "--hidden", "512", "--line", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": package_folder()},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["cells"], ["trace", "t.txt", "--cell", "lstm", "--line", "1"]])
def test_a_full_standard_output_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lstm_tui", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": package_folder()},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "lstm-tui: standard output: cannot be written: no space left on device\n"


def test_a_terminal_that_knows_ascii_alone_gets_the_rest() -> None:
    environment = {**os.environ, "PYTHONPATH": package_folder(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "lstm_tui", "cells", "check", "lstm"], capture_output=True, check=True, env=environment
    )
    assert b"lstm: fine" in done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_export_leaves_nothing(folder: Path, number: int, code: int) -> None:
    (folder / "long.txt").write_text("word " * 4000)
    environment = {**os.environ, "PYTHONPATH": package_folder()}
    arguments = ["trace", "long.txt", "--cell", "lstm", "--hidden", "100", "--interpreter", "numpy", "-o", "o.json"]
    with subprocess.Popen(
        [sys.executable, "-m", "lstm_tui", *arguments], stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stderr is not None
        deadline = time.monotonic() + 60
        while not list(folder.glob(".o.json.*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == b""
    assert sorted(path.name for path in folder.iterdir()) == ["long.txt", "t.txt", "w.csv"]


def test_edits_of_a_recipe_are_made_before_the_run_and_travel_with_it(tmp_path: Path) -> None:
    text, recipe = tmp_path / "text.txt", tmp_path / "recipe.txt"
    text.write_text("the movie was not bad\n")
    recipe.write_text('# what if\nreplace 3 "movie"\nset layer0.forward.f[0] @ : = 0\n')
    common = ["trace", str(text), "--cell", "lstm", "--hidden", "3", "--edits", str(recipe)]
    edited = json.loads(command(*common).stdout)
    assert edited["edits"] == ['replace 3 "movie"', "set layer0.forward.f[0] @ : = 0.0"]
    assert edited["input"]["tokens"][3] == "movie"
    assert [step["values"]["layer0.forward"]["f"][0] for step in edited["steps"]] == [0.0] * 5
    baseline = json.loads(command(*common, "--baseline").stdout)
    assert baseline["edits"] == []
    assert baseline["input"]["tokens"][3] == "not"


def test_a_recipe_with_a_mistake_is_one_line_that_names_it(tmp_path: Path) -> None:
    text, recipe = tmp_path / "text.txt", tmp_path / "recipe.txt"
    text.write_text("the movie\n")
    recipe.write_text("delete 0\ndelte 1\n")
    ended = command("trace", str(text), "--cell", "lstm", "--edits", str(recipe))
    assert ended.returncode == 1
    assert "recipe.txt:2: `delte 1` is no edit" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["trace", "--line", "0"], ["frob"], ["run", "--frob"], ["open"]])
def test_a_refused_argument_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("lstm-tui")
    assert said.count("\n") == 1
