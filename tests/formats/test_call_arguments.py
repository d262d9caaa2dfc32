"""What functions of PyTorch are given: every parameter has a kind, and what is of another is refused by its name."""

from __future__ import annotations

import inspect
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.torch.call_arguments import HARMLESS, KINDS, check_one
from lstm_tui.formats.importers.torch.program_builder import Budget, ProgramBuilder, TensorRef, tensors_in
from lstm_tui.formats.importers.torch.program_ops import _OPS, call
from lstm_tui.formats.importers.torch.recurrent_calls import RECURRENT_CALLS

FROZEN = Path(__file__).parent / "files" / "frozen"
NO_KIND_TAKES = {"a list of a list of a list": [[[]]], "a dictionary": {}, "an object": object()}


def parameters(name: str) -> list[inspect.Parameter]:
    return list(inspect.signature(_OPS[name]).parameters.values())[1:]


@pytest.mark.parametrize("name", _OPS)
def test_every_parameter_of_every_function_has_a_kind(name: str) -> None:
    for one in parameters(name):
        if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            assert one.name in KINDS or one.name in HARMLESS, one.name


@pytest.mark.parametrize("value", NO_KIND_TAKES.values(), ids=NO_KIND_TAKES)
@pytest.mark.parametrize("name", [one for one in KINDS if one != "listed"])
def test_no_argument_may_be_of_a_kind_that_none_has(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedNode, match=f"f takes .* as {name}, and is given"):
        check_one("f", name, value)


@pytest.mark.parametrize("name", _OPS)
def test_a_function_that_is_given_what_it_does_not_take_names_it(name: str) -> None:
    """Each of its parameters in turn is a dictionary, which none may be."""
    named = [one for one in parameters(name) if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    for number, one in enumerate(named):
        if one.name == "listed":
            continue
        b = ProgramBuilder(Budget())
        x = TensorRef("x", np.ones((2, 3, 4), np.float32), True)
        b.inputs["x"] = (1, (2, 3, 4))
        fits: list[Any] = [next(y for y in (x, [x], 1, "a", [None]) if KINDS[each.name][0](y)) for each in named]
        fits[number] = {}
        words = {each.name: value for each, value in zip(named, fits, strict=True) if each.kind is each.KEYWORD_ONLY}
        made = tensors_in(call(b, name, fits[: len(fits) - len(words)], words))
        assert made
        assert all(each.array is None and f" as {one.name}, and is given " in each.why for each in made), made


@pytest.mark.parametrize("name", RECURRENT_CALLS)
@pytest.mark.parametrize(
    ("argument", "value"),
    [("num_layers", 0), ("num_layers", "x"), ("dropout", "x"), ("train", []), ("params", []), ("hx", 3), ("input", 1)],
)
def test_a_recurrent_call_names_what_it_does_not_take(name: str, argument: str, value: Any) -> None:
    b = ProgramBuilder(Budget())
    x = TensorRef("x", np.ones((2, 1, 3), np.float32), True)
    state = TensorRef("h", np.zeros((1, 1, 4), np.float32))
    said: dict[str, Any] = {
        "input": x, "hx": [state, state] if name == "lstm" else state, "params": [state], "has_biases": True,
        "num_layers": 1, "dropout": 0.0, "train": False, "bidirectional": False, "batch_first": False,
    }  # fmt: skip
    call(b, name, list({**said, argument: value}.values()), {})
    assert any(f" as {argument}, and is given " in one for one in b.refused), b.refused


@pytest.mark.parametrize("size", ["x", None, [], {}, -1, {"as_int": -1}, {"as_int": "x"}, {"as_int": 1 << 60}])
def test_an_input_of_an_export_whose_size_is_none_is_refused_by_name(size: Any, tmp_path: Path) -> None:
    path = FROZEN / "program_heads_export.pt2"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "m.pt2", "w") as made:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith("model.json"):
                whole = json.loads(data)
                whole["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][1] = size
                data = json.dumps(whole).encode()
            made.writestr(name, data)
    with pytest.raises(UserError, match="its input x has a size that is none"):
        open_file(tmp_path / "m.pt2")
