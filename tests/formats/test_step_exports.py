"""Programs of torch.export that take one step: kept ones with what torch gave of them, and what is refused."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns.step_exports import HIDDEN, WIDTH
from campaigns.step_graphs import compared

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

FOLDER = Path(__file__).parent / "files" / "steps"
KEPT = sorted(FOLDER.glob("*.pt2"))
DICTIONARY = FOLDER / "export_coupled_a_dictionary.pt2"
TWICE = FOLDER / "export_lstmcell_h_twice.pt2"


def test_there_are_four() -> None:
    assert len(KEPT) >= 4


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_an_exported_step_steps_as_torch_does(path: Path) -> None:
    known = dict(np.load(path.with_suffix(".npz")))
    distance, cells = compared(path, {}, known)
    assert distance <= known["close"]
    for cell, wanted in zip(cells, known["cells"], strict=True):
        assert cell == wanted or not wanted


def facts_of(opened: Imported) -> dict[str, tuple[str, str]]:
    return {fact.key: (fact.value, fact.how) for fact in opened.report.facts}


def test_a_key_of_what_is_returned_says_which_state_it_is_and_an_order_alone_is_assumed() -> None:
    named, ordered = (facts_of(open_file(path)) for path in (DICTIONARY, TWICE))
    assert named["state.hidden"] == ("hidden.new", "inferred")
    assert named["state.cell"] == ("cell.new", "inferred")
    assert ordered["state.state_0"] == ("output.0", "assumed")
    assert any("state.state_0" in one for one in open_file(TWICE).report.remarks)


def test_which_output_is_the_state_is_decided_by_the_user() -> None:
    settings = {"state.state_0": "output.2", "state.state_1": "output.0"}
    turned = open_file(TWICE, ImportOptions(settings))
    assert facts_of(turned)["state.state_0"] == ("output.2", "set")
    assert turned.network.passes[0].cell.name != "lstm"
    with pytest.raises(UserError, match=r"state\.state_0"):
        open_file(TWICE, ImportOptions({"state.state_0": "output.7"}))


def changed(path: Path, made: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Write an archive again with its program changed."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, "w") as kept:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith("models/model.json"):
                whole = json.loads(data)
                change(whole["graph_module"])
                data = json.dumps(whole).encode()
            kept.writestr(name, data)
    return made


@pytest.mark.parametrize("op", ["sin", "cumsum", "bernoulli", "not_an_op"])
def test_an_op_without_an_equation_is_refused_by_name(tmp_path: Path, op: str) -> None:
    def put(module: dict[str, Any]) -> None:
        node = next(one for one in module["graph"]["nodes"] if ".tanh." in one["target"])
        node["target"] = f"torch.ops.aten.{op}.default"
        if op == "cumsum":
            node["inputs"].append({"name": "dim", "arg": {"as_int": 1}, "kind": 1})

    with pytest.raises(UserError) as said:
        open_file(changed(DICTIONARY, tmp_path / "m.pt2", put))
    assert f"({op})" in str(said.value).lower()
    assert "\n" not in str(said.value)


def renamed(module: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(module)
    for old, new in names.items():
        text = text.replace(f'"name": "{old}"', f'"name": "{new}"').replace(
            f'"{old}": {{"dtype"', f'"{new}": {{"dtype"'
        )
    return dict(json.loads(text))


def test_a_shape_alone_makes_no_state_and_the_way_out_leads_there(tmp_path: Path) -> None:
    def put(module: dict[str, Any]) -> None:
        made = renamed(module, {"hidden": "p", "cell": "q"})
        made["module_call_graph"] = []
        module.clear()
        module.update(made)

    path = changed(DICTIONARY, tmp_path / "m.pt2", put)
    with pytest.raises(UserError, match=r"--set state\.p=output\.1"):
        open_file(path)
    settings = {"state.p": "output.1", "state.q": "output.2"}
    known = dict(np.load(DICTIONARY.with_suffix(".npz")))
    distance, _ = compared(path, settings, known)
    assert distance <= known["close"]


@pytest.mark.parametrize("count", [1, 3])
def test_an_lstm_cell_begins_with_two_states(tmp_path: Path, count: int) -> None:
    def put(module: dict[str, Any]) -> None:
        node = next(one for one in module["graph"]["nodes"] if ".lstm_cell." in one["target"])
        states = node["inputs"][1]["arg"]["as_tensors"]
        states[:] = (states * 2)[:count]

    opened = open_file(changed(TWICE, tmp_path / "m.pt2", put))
    assert any(f"{count} states" in one for one in opened.report.remarks)


def test_a_state_that_says_it_is_huge_is_one_line(tmp_path: Path) -> None:
    def put(module: dict[str, Any]) -> None:
        for name in ("hidden", "cell"):
            module["graph"]["tensor_values"][name]["sizes"] = [{"as_int": 1 << 20}, {"as_int": 1 << 12}]

    with pytest.raises(UserError) as said:
        open_file(changed(DICTIONARY, tmp_path / "m.pt2", put))
    assert "\n" not in str(said.value)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "[1",
        "[]",
        "[1, 5]",
        "[1, {}]",
        '[1, {"type": "builtins.dict", "context": "7", "children_spec": []}]',
        '[1, {"type": "builtins.dict", "context": "[7, 8, 9]", "children_spec": []}]',
        '[1, {"type": "builtins.dict", "context": "{}", "children_spec": 4}]',
    ],
)
def test_what_is_returned_may_be_said_in_no_way_that_is_known(tmp_path: Path, spec: str) -> None:
    def put(module: dict[str, Any]) -> None:
        module["module_call_graph"][0]["signature"]["out_spec"] = spec

    opened = open_file(changed(DICTIONARY, tmp_path / "m.pt2", put))
    assert facts_of(opened)["state.hidden"] == ("output.1", "assumed")


def exported(tmp_path: Path, module: Any, *given: Any) -> Path:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module.eval(), given), tmp_path / "m.pt2")
    return tmp_path / "m.pt2"


@pytest.mark.slow
def test_a_layer_over_several_steps_is_no_step(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Layer(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(WIDTH, HIDDEN)

        def forward(self, x: Any, h: Any) -> Any:
            return self.rnn(x, h)

    opened = open_file(exported(tmp_path, Layer(), torch.zeros(5, 1, WIDTH), torch.zeros(1, 1, HIDDEN)))
    assert [one.cell.name for one in opened.network.passes] == ["gru"]
    assert "step" not in facts_of(opened)


@pytest.mark.slow
def test_a_cell_whose_step_has_no_equation_opens_by_itself_and_says_why(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Turned(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = torch.nn.GRUCell(WIDTH, HIDDEN)

        def forward(self, x: Any, h: Any) -> Any:
            return torch.sin(self.cell(x, h))

    opened = open_file(exported(tmp_path, Turned(), torch.zeros(1, WIDTH), torch.zeros(1, HIDDEN)))
    assert [one.cell.name for one in opened.network.passes] == ["gru"]
    assert any("(Sin)" in one for one in opened.report.remarks)
