"""The table of doors leaves none out, and what the attack found is tried again."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path

import numpy as np
import pytest

from attack import doors
from attack.doors_table import NO_FILE, PACKAGE, options, rows
from attack.mutators import fitting, mutated
from attack.toml_mutator import as_toml, of_toml
from lstm_tui.cli.main import FAULT, main
from lstm_tui.debugger.commands import dispatch
from lstm_tui.debugger.commands.table import VERBS

assert dispatch
DOORS = {row.door for row in rows()}


def options_with_text() -> list[tuple[str, str]]:
    """Return each option whose value is a text that nothing checks while it is parsed, so that it may name a file."""
    return [(command, destination) for command, found in options().items() for destination in sorted(found)]


@pytest.mark.parametrize("option", options_with_text(), ids=" ".join)
def test_every_option_that_may_name_a_file_is_a_door(option: tuple[str, str]) -> None:
    command, destination = option
    if command == "serve":  # which gives them to `run`, and `--tour` to `tour`
        command, destination = ("tour", "lesson") if destination == "tour" else ("run", destination)
    assert destination in NO_FILE or (command, destination) in DOORS


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.touches_files], ids=lambda verb: verb.name)
def test_every_verb_that_touches_files_is_a_door(verb: object) -> None:
    assert ("verb", getattr(verb, "name", "")) in DOORS


@pytest.mark.slow
def test_every_seed_passes_through_its_door_as_it_is() -> None:
    """What is refused before it is read would say nothing of the code behind the door, however it is changed."""
    todo = [(row, name) for row in rows() if not row.writes for name in row.seeds]
    with doors.prepared() as room:
        inputs = [doors.Input(row, name, (room.pristine / name).read_bytes()) for row, name in todo]
        ended = list(room.run([one.given for one in inputs]))
    refused = {doors.command(one): end.seen for one, end in zip(inputs, ended, strict=True) if end.code not in (0, 3)}
    ids = "lstm-tui verify tagger.pt --reference reference.npz --vocabulary"  # is refused of ids
    assert {line: seen for line, seen in refused.items() if not line.startswith(ids)} == {}
    assert [end.seen for end in ended if end.broken] == []


@pytest.mark.parametrize(
    "kind", ["t.pt", "t.safetensors", "t.keras", "t.h5", "t.onnx", "t.npz", "t.npy", "t.json", "t.x", "t.toml"]
)
def test_a_mutator_changes_the_kind_it_is_meant_for_and_is_the_same_for_a_seed(kind: str, tmp_path: Path) -> None:
    frozen = Path(__file__).parents[1] / "formats" / "files"
    sources = {
        "t.pt": "torch_tagger.pt", "t.safetensors": "torch_tagger.safetensors", "t.keras": "keras_gru.keras",
        "t.h5": "keras_hard.h5", "t.onnx": "onnx_gru.onnx", "t.npz": "torch_expected.npz", "t.json": "keras2_hard.json",
    }  # fmt: skip
    np.save(tmp_path / "t.npy", np.ones((2, 3), np.float32))
    (tmp_path / "t.x").write_text("next\nprint c\n")
    (tmp_path / "t.toml").write_text('[equations]\nh = "tanh(W @ x)"\n')
    data = (frozen / sources[kind]).read_bytes() if kind in sources else (tmp_path / kind).read_bytes()
    changes = {fitting(data)(data, random.Random(seed)) for seed in range(12)}
    assert len(changes) > 2
    assert mutated(data, random.Random(3)) == mutated(data, random.Random(3))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.toml")), ids=lambda path: path.stem)
def test_a_tree_of_toml_is_written_as_it_is_read_and_stays_toml_when_it_is_changed(path: Path) -> None:
    data = path.read_bytes()
    tree = tomllib.loads(data.decode())
    assert tomllib.loads(as_toml(tree)) == tree
    assert fitting(data) is of_toml
    changed = [tomllib.loads(of_toml(data, random.Random(seed)).decode()) for seed in range(20)]
    assert sum(one != tree for one in changed) > 15


def _trace(folder: Path) -> dict[str, object]:
    (folder / "t.txt").write_text("on wait off wait\n")
    assert main(["trace", str(folder / "t.txt"), "--model", "tiny", "-o", str(folder / "t.json")]) == 0
    made: dict[str, object] = json.loads((folder / "t.json").read_text())
    return made


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(
    "output", [{}, {"dark": 0.1}, {"dark": 0.1, "light": 0.2, "z": 1}, [], [0.5], None, 7, {"dark": 1e300, "light": 0}]
)
def test_an_output_of_another_form_at_one_step_is_refused_by_name(
    step: int, output: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = _trace(tmp_path)
    content["steps"][step]["output"] = output  # type: ignore[index]
    (tmp_path / "t.json").write_text(json.dumps(content))
    capsys.readouterr()
    (tmp_path / "s.x").write_text("where\n")
    code = main(["open", str(tmp_path / "t.json"), "--batch", "-x", str(tmp_path / "s.x")])
    said = capsys.readouterr().err
    assert code == 1
    assert said.count("\n") == 1
    assert "output" in said
    assert FAULT not in said
    if step and output not in (None, 7) and output != {"dark": 1e300, "light": 0}:
        assert f"steps[{step}]" in said


def _onnx(path: Path, change: str) -> None:
    onnx = pytest.importorskip("onnx")
    frozen = Path(__file__).parents[1] / "formats" / "files" / "onnx_tagger_each.onnx"
    model = onnx.load(str(frozen))
    if change == "opset":
        model.opset_import[0].version = 0
    else:
        node = model.graph.node[-1]
        node.op_type = change
        del node.attribute[:]
    onnx.save(model, str(path))


@pytest.mark.parametrize(
    "change", ["opset", "Cast", "Transpose", "Concat", "Constant", "Gather", "Split", "Loop", "Nope"]
)
def test_an_onnx_file_whose_nodes_lack_what_they_need_is_told(
    change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _onnx(tmp_path / "m.onnx", change)
    code = main(["inspect", str(tmp_path / "m.onnx")])
    told = capsys.readouterr()
    assert code in (0, 1)
    assert FAULT not in told.err
    assert "Traceback" not in told.err
    assert code == 0 or told.err.count("\n") == 1
