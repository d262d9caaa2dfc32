"""What files of PyTorch hold that is not read is refused in words that say what: pickles, exports, weights by name."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_torch_programs import FROZEN, called, changed

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.torch import exported
from lstm_tui.formats.importers.torch.file import _legacy_storage
from lstm_tui.formats.importers.torch.front import ProgramFront
from lstm_tui.formats.importers.torch.pickled_arrays import make
from lstm_tui.formats.importers.torch.program_builder import Budget, ProgramBuilder, ProgramStopped
from lstm_tui.formats.importers.torch.safe_unpickler import PickleMachine


class Made:
    """Is made with named arguments, as its class wants."""

    def __new__(cls, **_: Any) -> Made:
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (), {"a": 1}


def test_a_pickle_that_ends_nowhere_or_names_arguments_is_refused() -> None:
    def machine() -> PickleMachine:
        return PickleMachine("f", lambda name, arguments: name)

    assert machine().read(pickle.dumps([1, "a", {2: 3.5}], 2)) == [1, "a", {2: 3.5}]
    for data in (b"", b"N", b"I1\n", pickle.dumps([1, 2], 2)[:-1]):
        with pytest.raises(UserError, match=r"^f: its pickle is damaged or cut short \(ValueError\); save the weights"):
            machine().read(data)
    with pytest.raises(UserError, match=r"^f: its pickle makes an object with named arguments; save the weights as"):
        machine().read(pickle.dumps(Made(), 4))
    with pytest.raises(ValueError, match="an array has no dtype"):
        make("numpy.core.numeric._frombuffer", (b"abcd", "f4", (1,), "C"))


def test_storages_that_are_views_of_others_are_refused() -> None:
    with pytest.raises(UserError, match=r"f: shares storages as PyTorch before 0\.4 did, which is not read; save it"):
        _legacy_storage(("storage", "FloatStorage", "0", "cpu", 4, ("1", 0, 2)), "f")


EXPORT = FROZEN / "program_last_export.pt2"


def exported_with(change: Callable[[dict[str, Any]], Any], to: Path, member: str = "model.json") -> Path:
    """Write an export in one of whose members something is changed."""

    def made(name: str, data: bytes) -> bytes:
        if not name.endswith(member):
            return data
        whole = json.loads(data)
        change(whole)
        return json.dumps(whole).encode()

    return changed(EXPORT, to, made)


@pytest.mark.parametrize(
    ("member", "change", "said"),
    [
        ("model.json", lambda whole: whole.pop("graph_module"), "is damaged: its program is not as torch.export"),
        ("model.json", lambda whole: whole["graph_module"]["graph"].pop("tensor_values"), "is damaged: its program is"),
        ("weights_config.json", lambda whole: next(iter(whole["config"].values())).update(use_pickle=True),
         "is kept in a form that is not read; save the state_dict()"),
        ("weights_config.json", lambda whole: next(iter(whole["config"].values()))["tensor_meta"].update(dtype=99),
         "is kept in a form that is not read; save the state_dict()"),
        ("weights_config.json", lambda whole: whole.pop("config"), "is damaged: its tensors are not listed as torch"),
    ],
)  # fmt: skip
def test_an_export_that_is_not_as_it_is_written_is_refused(
    member: str, change: Callable[[dict[str, Any]], Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        open_file(exported_with(change, tmp_path / "m.pt2", member))
    assert said in str(refused.value)


def test_an_export_without_a_member_names_it(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    with zipfile.ZipFile(EXPORT) as archive, zipfile.ZipFile(path, "w") as made:
        for name in archive.namelist():
            if not name.endswith("weight_0"):
                made.writestr(name, archive.read(name))
    with pytest.raises(UserError, match=r"m\.pt2: lacks .*weight_0; get it again"):
        open_file(path)
    with pytest.raises(UserError, match=r"f: was exported by a PyTorch before 2\.8, and is not written back: save it"):
        exported.stored_tensors(["serialized_exported_program.json"], lambda name, most: b"", "f")


@pytest.mark.parametrize(("name", "args"), [("floordiv", [1, 0]), ("add", [1, "a"]), ("neg", []), ("mod", [3, 0])])
def test_an_operator_that_cannot_take_its_numbers_stops_the_program(name: str, args: list[Any]) -> None:
    assert exported._made(ProgramBuilder(Budget()), "_operator.floordiv", [7, 2], {}) == 3
    with pytest.raises(ProgramStopped, match=f"_operator.{name} is given what it cannot take"):
        exported._made(ProgramBuilder(Budget()), f"_operator.{name}", args, {})


@pytest.mark.parametrize(
    ("kind", "value"),
    [("as_int", "1"), ("as_int", 1.5), ("as_bool", 1), ("as_string", 3), ("as_floats", [1.0, "a"]), ("as_float", [1])],
)
def test_an_argument_of_another_kind_is_named_by_its_kind(kind: str, value: Any) -> None:
    assert exported._argument({"as_int": 3}, {}) == 3
    with pytest.raises(UnsupportedNode, match=f"what stands there as {kind[3:]} is none"):
        exported._argument({kind: value}, {})


def test_a_layer_without_one_of_its_weights_names_it(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    whole = {"rnn.weight_ih_l0": np.ones((8, 3), np.float32), "rnn.weight_hh_l0": np.ones((8, 2), np.float32)}
    save_file(whole, path)
    assert open_file(path).network.input_size == 3
    for lost in ("weight_ih", "weight_hh"):
        save_file({name: one for name, one in whole.items() if lost not in name}, path)
        with pytest.raises(UserError, match=f"w.safetensors: rnn has no {lost} of layer 0; is it a file of weights"):
            open_file(path)
    save_file({}, path)
    with pytest.raises(UserError, match=r"holds no tensors by name; save the model's state_dict\(\)"):
        open_file(path)


def test_a_front_is_run_for_as_many_steps_as_its_file_takes() -> None:
    front = next(open_file(path).network.front for path in called("convolved"))
    assert isinstance(front, ProgramFront)
    (name,) = front.inputs
    fixed = replace(front, layouts={name: replace(front.layouts[name], fixed=4)})
    x = np.zeros((5, 1), np.int64)
    with pytest.raises(UserError, match=f"{name} has 5 steps, and the file was made for 4"):
        fixed.run({name: x})
    wider = replace(front, width=front.width + 1)
    with pytest.raises(UserError, match=r" is given .+ of it, and no series"):
        wider.run({name: x})
