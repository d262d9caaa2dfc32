"""Programs of PyTorch: what their files say is said, and nothing a stranger writes into one does more than a line."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file
from lstm_tui.formats.importers.torch.exported import read_exported
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.numeric_series import read_series, series_from

FROZEN = Path(__file__).parent / "files" / "frozen"
PROGRAMS = sorted(path for path in FROZEN.iterdir() if path.suffix in (".pt", ".pt2"))
CLOSE = 1e-4
NOT_WHOLE = re.compile("program is not followed|by hand, which is not followed|steps it by hand or not at all|"
                       r"is cut: |takes its inputs directly|here it reads all|"
                       r"(?:computes? of it|layers compute|is not known): zeros here")  # fmt: skip
"""How it is said that a program, or a part of it, is not followed, so that it is not confirmed to be."""


def facts(opened: Imported) -> dict[str, tuple[str, str]]:
    """Return what was understood and how it is known, by key."""
    return {one.key: (one.value, one.how) for one in opened.report.facts}


def remarks(opened: Imported) -> str:
    """Return every warning."""
    return "; ".join(opened.network.remarks)


def called(*words: str) -> list[Path]:
    """Return frozen programs of these names."""
    return [path for path in PROGRAMS if path.stem.split("_")[1] in words]


def test_there_are_programs_of_every_form() -> None:
    assert {path.stem.rpartition("_")[2] for path in PROGRAMS} == {"trace", "script", "freeze", "export"}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_decides_and_not_its_bag_of_weights(path: Path) -> None:
    opened = open_file(path)
    known = facts(opened)
    whole = not NOT_WHOLE.search(remarks(opened))
    assert (known["program"] == ("followed", "confirmed")) == whole
    if "the program is not followed" in remarks(opened):
        assert known["program"][1] == "unknown"
        assert opened.network.readout is None
        assert "what stands around" in remarks(opened)
        return
    for key, (_, how) in known.items():
        said = key in ("input.x", "readout.output", "network") or key in remarks(opened).replace(
            " begins with ", ".initial_"
        )
        assert how == "confirmed" or said or (key == "program" and how == "inferred" and not whole), (key, how)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_no_frozen_program_names_the_machine_that_made_it(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        whole = b"".join(archive.read(one) for one in archive.namelist())
    for folder in (b"/work", b"/tmp", b"/home", b"site-packages"):
        assert folder not in whole


@pytest.mark.parametrize("path", called("swapped"), ids=lambda path: path.stem)
def test_the_batch_read_as_time_is_said(path: Path) -> None:
    opened = open_file(path)
    assert "sequences of one step: every token begins with an empty memory" in remarks(opened)
    assert facts(opened)["layer0.memory"] == ("empty at every token", "confirmed")


@pytest.mark.parametrize("path", called("convolved", "late"), ids=lambda path: path.stem)
def test_what_stands_before_a_layer_is_run_for_every_number_of_steps(path: Path) -> None:
    front = open_file(path).network.front
    assert front is not None
    for steps in (3, 9, 14):
        x = np.arange(steps)[:, None] % 2 if "convolved" in path.stem else np.ones((steps, 3), np.float32)
        made = front.run({front.inputs[0]: x})
        assert len(made) == ((steps + 1) // 2 if "convolved" in path.stem else steps)
        assert not made[0].any() or "late" not in path.stem
        assert np.all(made[1:] == 1) or "late" not in path.stem


def test_a_script_does_not_say_how_wide_a_step_is_of_which_it_reads_a_part() -> None:
    (path,) = [one for one in called("narrow") if one.stem.endswith("script")]
    fact = next(one for one in open_file(path).report.facts if one.key == "input.x")
    assert (fact.value, fact.how, fact.others) == ("batch,steps,2", "assumed", ("batch,steps,3",))
    assert "does not say how wide a step is" in remarks(open_file(path))
    case = np.load(path.with_suffix(".npz"))
    opened = open_file(path, ImportOptions({"input.x": "batch,steps,3"}))
    made = run(opened.network, Sequences(series_from(case["input x"]), opened.network)[0])
    np.testing.assert_allclose(present(made.ran).merged[-1], case["output output"][0], atol=CLOSE)


def test_what_is_not_the_same_for_every_length_is_no_number_of_the_file() -> None:
    for path in called("counted"):
        assert "it is not the same for every length" in remarks(open_file(path))
    for path in called("averaged"):
        assert facts(open_file(path))["readout.over"][0] == "mean"


def test_a_script_without_shapes_is_read_as_its_head_is_and_the_other_way_is_offered(tmp_path: Path) -> None:
    (path,) = called("confused")
    opened = open_file(path)
    fact = next(one for one in opened.report.facts if one.key == "input.x")
    assert (fact.how, fact.others) == ("assumed", ("steps,batch,3",))
    other = open_file(path, ImportOptions({"input.x": fact.others[0]}))
    assert "layer0.memory" not in facts(other)
    assert other.network.readout is not None
    assert other.network.readout.page.per_token
    with pytest.raises(UserError, match=r"input\.x=sideways"):
        open_file(path, ImportOptions({"input.x": "sideways"}))


@pytest.mark.parametrize("path", called("summed"), ids=lambda path: path.stem)
def test_what_is_not_understood_is_cut_by_name(path: Path) -> None:
    opened = open_file(path)
    assert opened.network.readout is None
    assert " is cut: " in remarks(opened)
    assert "readout" not in facts(opened)


def test_a_cell_that_is_stepped_by_hand_is_named_and_opens_by_itself() -> None:
    (path,) = called("decoder")
    opened = open_file(path)
    assert opened.names == ("encoder", "decoder")
    assert "decoder has the weights of a recurrent layer, and the program steps it by hand" in remarks(opened)
    alone = open_file(path, ImportOptions(network="decoder"))
    assert alone.network.readout is None
    assert "what stands around decoder is not known" in remarks(alone)


@pytest.mark.parametrize("path", called("last"), ids=lambda path: path.stem)
def test_the_weights_alone_decide_where_the_user_says_so(path: Path) -> None:
    opened = open_file(path, ImportOptions({"program": "weights"}))
    assert facts(opened)["program"] == ("weights", "set")
    assert "assumed" in {how for _, how in facts(opened).values()}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("steps", [2, 5])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_one_axis_that_is_longer_than_one_is_time(batch_first: bool, steps: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Plain(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(3, 4, batch_first=batch_first)

        def forward(self, x: Any) -> Any:
            return self.rnn(x)[0]

    model = Plain().eval()
    x = torch.randn((1, steps, 3) if batch_first else (steps, 1, 3))
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "m.pt2")
    opened = open_file(tmp_path / "m.pt2")
    assert facts(opened)["input.x"] == ("batch,steps,3" if batch_first else "steps,batch,3", "confirmed")
    made = run(opened.network, Sequences(series_from(x.reshape(steps, 3).numpy()), opened.network)[0])
    expected = model(x).detach().numpy().reshape(steps, 4)
    np.testing.assert_allclose(present(made.ran).merged[-1], expected, atol=CLOSE)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_program_may_give_back_what_it_was_given(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Both(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(3, 4)

        def forward(self, x: Any) -> Any:
            return self.rnn(x)[0], x

    model, x = Both().eval(), torch.randn(5, 1, 3)
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "m.pt2")
    opened = open_file(tmp_path / "m.pt2")
    made = run(opened.network, Sequences(series_from(x[:, 0].numpy()), opened.network)[0])
    np.testing.assert_allclose(present(made.ran).merged[-1], model(x)[0][:, 0].detach().numpy(), atol=CLOSE)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_front_that_gives_one_step_of_many_sequences_is_run(tmp_path: Path) -> None:
    """A convolution over time, and then the batch where the time should be."""
    torch = pytest.importorskip("torch")

    class Swapped(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv1d(3, 3, 3, padding=1)
            self.rnn = torch.nn.LSTM(3, 4)

        def forward(self, x: Any) -> Any:
            return self.rnn(self.conv(x.transpose(1, 2)).transpose(1, 2))[0]

    model, x = Swapped().eval(), torch.randn(1, 6, 3)
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "m.pt2")
    opened = open_file(tmp_path / "m.pt2")
    assert "sequences of one step: every token begins with an empty memory" in remarks(opened)
    made = run(opened.network, Sequences(series_from(x[0].numpy()), opened.network)[0])
    np.testing.assert_allclose(present(made.ran).merged[-1], model(x)[0].detach().numpy(), atol=CLOSE)


@pytest.mark.filterwarnings("ignore")  # tracing warns of every size that it takes for a constant
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside the series"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_last_state_that_stands_at_every_step_is_cut_by_name(
    axis: int, batch: int, beside: bool, tmp_path: Path
) -> None:
    """What every step needs of the last cannot be shown as it goes; the layer before it can."""
    torch = pytest.importorskip("torch")

    class Repeated(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(3, 4, batch_first=axis == 1)
            self.head = torch.nn.Linear(8 if beside else 4, 2)

        def forward(self, x: Any) -> Any:
            series, (h, _) = self.rnn(x)
            last = h[-1].unsqueeze(axis).expand(x.size(0), x.size(1), -1)
            return self.head(torch.cat([series, last], -1) if beside else last)

    model, x = Repeated().eval(), torch.randn((batch, 5, 3) if axis else (5, batch, 3))
    torch.jit.save(torch.jit.trace(model, x), tmp_path / "m.pt")
    opened = open_file(tmp_path / "m.pt")
    fact = next(one for one in opened.report.facts if one.key == "input.x")
    layout = "batch,steps,3" if axis else "steps,batch,3"
    is_open = batch > 1 and not beside  # with the axes taken the other way it can be followed as well
    assert (fact.how, {fact.value, *fact.others}) == (
        ("assumed", {"batch,steps,3", "steps,batch,3"}) if is_open else ("confirmed", {layout})
    )
    if fact.value != layout:
        opened = open_file(tmp_path / "m.pt", ImportOptions({"input.x": layout}))
    assert opened.network.readout is None
    assert "is cut: it gives a number for each token that needs all of them" in remarks(opened)
    first = x[0] if axis else x[:, 0]
    made = run(opened.network, Sequences(series_from(first.numpy()), opened.network)[0])
    expected = model.rnn(first.unsqueeze(axis ^ 1))[0].detach().numpy().reshape(5, 4)
    np.testing.assert_allclose(present(made.ran).merged[-1], expected, atol=CLOSE)


@pytest.mark.filterwarnings("ignore")  # tracing warns of every size that it takes for a constant
@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell"])
@pytest.mark.parametrize("batched", [False, True])
def test_a_cell_that_is_stepped_over_one_sequence_or_a_batch_is_a_layer(
    kind: str, batched: bool, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")

    class Stepped(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = getattr(torch.nn, kind)(3, 4), torch.nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            h = c = torch.zeros((1, 4) if batched else 4)
            made = []
            for t in range(x.size(0)):
                h, c = self.cell(x[t], (h, c)) if kind == "LSTMCell" else (self.cell(x[t], h), c)
                made.append(h)
            return self.head(torch.stack(made))

    model, x = Stepped().eval(), torch.randn((5, 1, 3) if batched else (5, 3))
    torch.jit.save(torch.jit.trace(model, x), tmp_path / "m.pt")
    opened = open_file(tmp_path / "m.pt")
    assert facts(opened)["program"] == ("followed", "confirmed")
    made = run(opened.network, Sequences(series_from(x.reshape(5, 3).numpy()), opened.network)[0])
    np.testing.assert_allclose(present(made.output), model(x).detach().numpy().reshape(5, 2), atol=CLOSE)


def test_ids_have_rows_of_places_added() -> None:
    for path in called("placed"):
        opened = open_file(path)
        assert facts(opened)["embedding"][1] == "confirmed"
        assert "the row of this place added" in opened.network.layers[0].passes[0].cell.text


# Strangers' files.


def changed(path: Path, to: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """Write a file whose members are changed."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(to, "w") as made:
        for name in archive.namelist():
            made.writestr(name, change(name, archive.read(name)))
    return to


def line_or_network(path: Path) -> str:
    """Return the one line a file is refused with, or its warnings."""
    try:
        said = open_file(path).network.remarks
    except UserError as error:
        said = (str(error),)
    for one in said:
        assert one.isprintable(), repr(one)
        assert "it says what is not understood" not in one
    return "; ".join(said)


def test_code_longer_than_code_is_leaves_the_weights(tmp_path: Path) -> None:
    def longer(name: str, data: bytes) -> bytes:
        return data + b"\n# " + b"x" * 5_000_000 if name.endswith("__torch__.py") else data

    line_or_network(changed(FROZEN / "program_last_trace.pt", tmp_path / "m.pt", longer))


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_changed_code_is_refused_or_said(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A few characters of the code are others: it opens, or says in a line why not."""
    path = data.draw(st.sampled_from([one for one in PROGRAMS if one.suffix == ".pt"]))
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        name = data.draw(st.sampled_from(names))
        text = archive.read(name).decode()
    at = data.draw(st.integers(0, max(len(text) - 1, 0)))
    end = min(len(text), at + data.draw(st.integers(0, 12)))
    piece = data.draw(st.text("()[]{}.,:=-_ \n0123456789abcxyzCONSTANTStorchself\"'", max_size=8))
    other = text[:at] + piece + text[end:]
    folder = tmp_path_factory.mktemp("changed")
    line_or_network(changed(path, folder / "m.pt", lambda one, kept: other.encode() if one == name else kept))
    shutil.rmtree(folder)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_changed_graph_is_refused_or_said(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One value somewhere in the JSON of an exported program is another."""
    path = data.draw(st.sampled_from([one for one in PROGRAMS if one.suffix == ".pt2"]))
    with zipfile.ZipFile(path) as archive:
        name = next(one for one in archive.namelist() if one.endswith("model.json"))
        whole = json.loads(archive.read(name))
    places = list(_places(whole))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(st.sampled_from([None, -1, 0, 3, 10**12, "x", "\x1b[2J", [], {}, True, 1e308, [[[]]]]))
    folder = tmp_path_factory.mktemp("changed")
    line_or_network(
        changed(path, folder / "m.pt2", lambda one, kept: json.dumps(whole).encode() if one == name else kept)
    )
    shutil.rmtree(folder)


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(items):
        yield value, key
        yield from _places(one)


def older(path: Path, to: Path) -> Path:
    """Write an export as PyTorch before 2.8 did: one archive of torch.save for the tensors beside the program."""
    torch = pytest.importorskip("torch")
    with zipfile.ZipFile(path) as archive:
        name = next(one for one in archive.namelist() if one.endswith("model.json"))
        whole = json.loads(archive.read(name))
        held = read_exported(archive.namelist(), lambda one, _: archive.read(one), "it").tensors
    for node in whole["graph_module"]["graph"]["nodes"]:
        for one in node["inputs"]:
            one.pop("kind", None)
    state, nothing = io.BytesIO(), io.BytesIO()
    torch.save({key: torch.from_numpy(one.copy()) for key, one in held.items()}, state)
    torch.save({}, nothing)
    with zipfile.ZipFile(to, "w") as made:
        made.writestr("serialized_exported_program.json", json.dumps(whole))
        made.writestr("serialized_state_dict.pt", state.getvalue())
        made.writestr("serialized_constants.pt", nothing.getvalue())
        made.writestr("serialized_example_inputs.pt", b"")
        made.writestr("version", "8.5")
    return to


@pytest.mark.parametrize("path", [one for one in PROGRAMS if one.suffix == ".pt2"], ids=lambda path: path.stem)
def test_an_older_export_is_the_same_network(path: Path, tmp_path: Path) -> None:
    now, before = open_file(path), open_file(older(path, tmp_path / "m.pt2"))
    assert facts(now) == facts(before)
    assert remarks(now) == remarks(before)
    for one, other in zip(now.network.layers, before.network.layers, strict=True):
        for a, b in zip(one.passes, other.passes, strict=True):
            assert a.cell.text == b.cell.text
            np.testing.assert_array_equal(a.flat, b.flat)


@pytest.mark.parametrize("data", [b"", b"{}", b"PK", b"\x80\x02}q\x00."])
def test_an_older_export_that_is_damaged_is_one_line(data: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as made:
        made.writestr("serialized_exported_program.json", "{}")
        made.writestr("serialized_state_dict.pt", data)
    with pytest.raises(UserError, match=r"damaged|lacks|not read|cannot"):
        open_file(tmp_path / "m.pt2")


def test_an_export_that_lacks_a_tensor_is_refused_by_name(tmp_path: Path) -> None:
    path = FROZEN / "program_last_export.pt2"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "m.pt2", "w") as made:
        for name in archive.namelist():
            if not name.endswith("weight_1"):
                made.writestr(name, archive.read(name))
    with pytest.raises(UserError, match="weight_1"):
        open_file(tmp_path / "m.pt2")


# What torch itself makes.

FUNCTIONS: dict[str, str] = {
    "relu": "torch.relu(x)", "tanh": "torch.tanh(x)", "sigmoid": "torch.sigmoid(x)", "silu": "F.silu(x)",
    "gelu": "F.gelu(x)", "gelu tanh": "F.gelu(x, approximate='tanh')", "elu": "F.elu(x, 0.7)",
    "leaky": "F.leaky_relu(x, 0.3)", "selu": "F.selu(x)", "softplus": "F.softplus(x)", "softsign": "F.softsign(x)",
    "hardtanh": "F.hardtanh(x, -0.5, 0.7)", "hardswish": "F.hardswish(x)", "hardsigmoid": "F.hardsigmoid(x)",
    "relu6": "F.relu6(x * 5.0)", "clamp": "torch.clamp(x, -0.4, 0.6)", "square": "x * x", "pow": "x ** 2",
    "softmax": "torch.softmax(x, -1)", "log softmax": "torch.log_softmax(x, -1)", "glu": "F.glu(x, -1)",
    "layer norm": "F.layer_norm(x, [4], eps=1e-3)", "mean": "x.mean(1)", "sum": "x.sum(1)", "amax": "x.amax(1)",
    "amin": "x.amin(1)", "max": "torch.max(x, 1)[0]", "min": "torch.min(x, 1)[0]", "flip": "torch.flip(x, [1])",
    "chunk": "torch.cat(torch.chunk(x, 2, -1)[::-1], -1)", "stack": "torch.stack([x[:, 0], x[:, -1]], 1).flatten(1)",
    "narrow": "x.narrow(2, 1, 2)", "sub": "1.0 - x", "rsub": "torch.rsub(x, 2.0)", "div": "x / 2.0",
    "alpha": "torch.add(x, x, alpha=3)", "split": "torch.split(x, [1, 3], -1)[1]", "unbind": "torch.unbind(x, 1)[0]",
    "expand": "x + torch.ones(4).expand(x.size(0), x.size(1), 4)", "permute": "x.permute(1, 0, 2).permute(1, 0, 2)",
    "view": "x.view(x.size(0), -1, 2, 2).reshape(x.size(0), x.size(1), 4)", "transpose": "x.transpose(1, 2).mean(2)",
    "abs": "x.abs()", "exp": "torch.exp(-x)", "max of two": "torch.maximum(x, -x)", "index": "x[:, -1, :2]",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", ["trace", "script", "export"])
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32"])
def test_a_program_that_rounds_every_number_is_said_to(kind: str, how: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(3, 4, batch_first=True).to(getattr(torch, kind)).eval()
    x, path = torch.zeros(1, 6, 3, dtype=getattr(torch, kind)), tmp_path / ("m.pt2" if how == "export" else "m.pt")
    if how == "export":
        torch.export.save(torch.export.export(module, (x,)), str(path))
    else:
        made = torch.jit.script(module) if how == "script" else torch.jit.trace(module, (x,), check_trace=False)
        made.save(str(path))
    assert (f"its numbers are {kind}" in remarks(open_file(path))) == (kind != "float32")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch itself, which says of each of its ways to save that there is another
@pytest.mark.parametrize("how", ["script", "trace", "export"])
@pytest.mark.parametrize("text", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_above_a_layer_gives_what_torch_gives(text: str, how: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    import linecache

    source = f"class M(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.rnn = torch.nn.GRU(3, 4, batch_first=True)\n    def forward(self, x):\n        x = self.rnn(x)[0]\n        return {text}\n"  # noqa: E501
    name = f"<{how} {text}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space: dict[str, Any] = {"torch": torch, "F": torch.nn.functional, "__name__": "made"}
    exec(compile(source, name, "exec"), space)
    torch.manual_seed(1)
    module, x = space["M"]().eval(), torch.randn(1, 6, 3)
    path = tmp_path / ("m.pt2" if how == "export" else "m.pt")
    if how == "export":
        torch.export.save(torch.export.export(module, (x,)), str(path))
    else:
        made = torch.jit.script(module) if how == "script" else torch.jit.trace(module, (x,), check_trace=False)
        made.save(str(path))
    with torch.no_grad():
        wanted = module(x)[0].numpy()
    opened = open_file(path)
    if " is cut: " in remarks(opened):
        return
    held = io.BytesIO()
    np.save(held, x[0].numpy())
    (tmp_path / "x.npy").write_bytes(held.getvalue())
    trace = run(opened.network, Sequences(read_series(tmp_path / "x.npy"), opened.network)[0])
    assert trace.ran is not None
    readout = opened.network.readout
    mine = trace.ran.merged[-1] if readout is None else trace.output if readout.page.per_token else trace.result
    assert mine is not None
    assert mine.size == wanted.size
    if "from the end" in remarks(opened):
        wanted = wanted[::-1]
    np.testing.assert_allclose(mine.reshape(-1), wanted.reshape(-1), atol=CLOSE)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("reads", [[(0,), (1,), (2, 0)], [(0,), (1, 0), (2, 1, 0)], [(0,), (0, 1), (2, 0)]], ids=str)
def test_layers_read_states_of_any_layers_below(reads: list[tuple[int, ...]], tmp_path: Path) -> None:
    """What goes past a layer may be a state alone, such as of a skip over two layers."""
    torch = pytest.importorskip("torch")

    class Skips(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.GRU(3, 4, batch_first=True)
            self.above = torch.nn.ModuleList(torch.nn.GRU(4 * len(one), 4, batch_first=True) for one in reads)

        def forward(self, x: Any) -> Any:
            shown = [self.first(x)[0]]
            for layer, below in zip(self.above, reads, strict=True):
                shown.append(layer(torch.cat([shown[n] for n in below], 2))[0])
            return shown[-1]

    model, x = Skips().eval(), torch.randn(1, 6, 3)
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "m.pt2")
    opened = open_file(tmp_path / "m.pt2")
    made = run(opened.network, Sequences(series_from(x[0].numpy()), opened.network)[0])
    np.testing.assert_allclose(present(made.ran).merged[-1], model(x)[0].detach().numpy(), atol=CLOSE)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("sizes", "said"), [
    ((3, 6, 4), "exported for several sequences at once, x of 3×6×4"), ((1, 6, 4), ""), ((6, 1, 4), ""),
])  # fmt: skip
def test_a_program_of_several_sequences_at_once_is_never_said_to_begin_every_token_anew(
    first: bool, sizes: tuple[int, ...], said: str, tmp_path: Path
) -> None:
    """An export keeps the size of its batch: one sequence alone fits only where steps are taken for sequences."""
    torch = pytest.importorskip("torch")

    class Model(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(4, 5, batch_first=first)
            self.fc = torch.nn.Linear(5, 2)

        def forward(self, x: Any) -> Any:
            return self.fc(self.rnn(x)[0])

    torch.export.save(torch.export.export(Model().eval(), (torch.randn(*sizes),)), str(tmp_path / "m.pt2"))
    remarks = open_file(tmp_path / "m.pt2").network.remarks
    anew = any("every token begins with an empty memory" in one for one in remarks)
    assert anew == (not said and (sizes[0] == 1) != first)
    assert any(said in one for one in remarks) if said else not any("not followed" in one for one in remarks)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("beside", ["residual", "decoder", "cell", "cell alone"])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_program_is_confirmed_to_be_followed_only_where_no_warning_says_otherwise(
    beside: str, batch: int, tmp_path: Path
) -> None:
    """Beside layers that are followed: a residual of one that is not, a decoder, a cell that is stepped by hand."""
    torch: Any = pytest.importorskip("torch")
    nn: Any = torch.nn

    class Model(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one: Any = nn.LSTM(4, 4, batch_first=True) if beside != "cell alone" else None
            self.two: Any = nn.LSTM(4, 4, batch_first=True) if beside in ("residual", "decoder") else None
            self.cell: Any = nn.LSTMCell(4, 4) if beside.startswith("cell") else None
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            y, states = (x, None) if beside == "cell alone" else self.one(x)
            if beside == "residual":
                return self.fc(self.two(x + y)[0])
            if beside == "decoder":
                return self.fc(self.two(torch.flip(x, [1]), states)[0])
            h = c = torch.zeros(batch, 4)
            shown = []
            for step in y.unbind(1):
                h, c = self.cell(step, (h, c))
                shown.append(self.fc(h))
            return torch.stack(shown, 1)

    torch.export.save(torch.export.export(Model().eval(), (torch.randn(batch, 6, 4),)), str(tmp_path / "m.pt2"))
    opened = open_file(tmp_path / "m.pt2")
    confirmed = facts(opened)["program"] == ("followed", "confirmed")
    assert confirmed == (not NOT_WHOLE.search(remarks(opened)))
    if batch == 1 and beside != "decoder":
        assert confirmed


@pytest.mark.filterwarnings("ignore")  # tracing warns of every size that it takes for a constant
@pytest.mark.parametrize("bent", [False, True], ids=["as it is", "through a dense layer"])
@pytest.mark.parametrize("width", [4, 7])
def test_the_numbers_of_a_step_are_never_taken_for_the_tape(width: int, bent: bool, tmp_path: Path) -> None:
    """Of an answer that is cut either way: one layer reads the steps, one reads them from the end and stays so."""
    torch = pytest.importorskip("torch")

    class Unturned(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dense = torch.nn.Linear(width, width)
            self.one, self.other = (torch.nn.GRU(width, 3, batch_first=True) for _ in range(2))

        def forward(self, x: Any) -> Any:
            x = self.dense(x) if bent else x
            return torch.cat([self.one(x)[0], self.other(x.flip(1))[0]], 2)

    model, x = Unturned().eval(), torch.randn(1, 7, width)
    torch.jit.save(torch.jit.trace(model, x), tmp_path / "m.pt")
    opened = open_file(tmp_path / "m.pt")
    assert facts(opened)["input.x"][0] == f"batch,steps,{width}"
    made = run(opened.network, Sequences(series_from(x[0].numpy()), opened.network)[0])
    expected = model.one(model.dense(x) if bent else x)[0][0].detach().numpy()
    np.testing.assert_allclose(present(made.ran).merged[-1], expected, atol=CLOSE)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("free", [("time",), ("batch",), ("time", "batch")], ids="+".join)
@pytest.mark.parametrize("stepped", [True, False])
def test_an_export_with_open_axes_gives_what_one_sequence_gives(
    stepped: bool, free: tuple[str, ...], first: bool, tmp_path: Path
) -> None:
    """Of three sequences at once; where their number stays in the file, what is not understood is cut and said."""
    torch = pytest.importorskip("torch")

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.RNNCell(3, 4) if stepped else torch.nn.RNN(3, 4, batch_first=first)
            self.fc = torch.nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            if not stepped:
                return self.fc(self.rnn(x)[0])
            h, shown = x.new_zeros(x.shape[0 if first else 1], 4), []
            for step in x.unbind(1 if first else 0):
                h = self.rnn(step, h)
                shown.append(h)
            return self.fc(torch.stack(shown, 1 if first else 0))

    model = Model().eval()
    x = torch.randn(*((3, 6, 3) if first else (6, 3, 3)))
    axes = {"time": 1 if first else 0, "batch": 0 if first else 1}
    auto = {axes[one]: torch.export.Dim.AUTO for one in free}
    torch.export.save(torch.export.export(model, (x,), dynamic_shapes=(auto,)), str(tmp_path / "m.pt2"))
    opened = open_file(tmp_path / "m.pt2")
    one = x[0] if first else x[:, 0]
    wanted = model(x)[0] if first else model(x)[:, 0]
    if opened.network.readout is None:
        assert "batch" not in free
        assert "takes its inputs directly" in remarks(opened)
        return
    made = run(opened.network, Sequences(series_from(one.numpy()), opened.network)[0])
    np.testing.assert_allclose(present(made.output), wanted.detach().numpy(), atol=CLOSE)
