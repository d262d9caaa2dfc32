from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from made_traces import make_pass, make_series, make_trace
from present import present

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.cuts import TapeCut
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.runtime.resets import cut_holds
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.formats.file_endings import TRACES as FORMATS
from lstm_tui.formats.inputs.inputs import series_sequence, text_sequence
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.traces.trace_file import SCHEMA, read, write, write_stream

SCHEMA_CONTENT = json.loads(SCHEMA.read_text())


def of_schema(part: str | None = None) -> jsonschema.Draft202012Validator:
    """Return a validator of the whole schema, or of one of its parts, which lets nothing more in."""
    if part is None:
        return jsonschema.Draft202012Validator(SCHEMA_CONTENT)
    definitions = SCHEMA_CONTENT["$defs"]
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{part}", "$defs": definitions, "unevaluatedProperties": False}
    )


def refuse_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def check_schema(path: Path) -> None:
    """Validate a trace file of any format."""
    if path.suffix == ".json":
        of_schema().validate(json.loads(path.read_text(), parse_constant=refuse_constant))
    elif path.suffix == ".ndjson":
        lines = [json.loads(line, parse_constant=refuse_constant) for line in path.read_text().splitlines()]
        for line, part in zip(lines, ["header", *["step"] * (len(lines) - 2), "end"], strict=True):
            of_schema(part).validate(line)
    else:
        arrays = read_npz(path, kinds="fiubU")
        header = json.loads(arrays["header"].item(), parse_constant=refuse_constant)
        of_schema("header").validate(header)
        for entry in header["passes"]:
            for value in (*entry["values"], *entry.get("whole", [])):
                assert f"{entry['name']}/{value}" in arrays


def same(a: Array | None, b: Array | None) -> bool:
    """Say whether two arrays have the same bits, NaN aside, whose bits a text cannot hold."""
    if a is None or b is None:
        return a is b
    numbers = ~np.isnan(a)
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.array_equal(np.isnan(a), np.isnan(b))
        and a[numbers].tobytes() == b[numbers].tobytes()
    )


def check_same(trace: Trace, again: Trace) -> None:
    assert dict(again.model) == dict(trace.model)
    for name in ("kind", "tokens", "unknown", "file", "line", "columns"):
        assert getattr(again.sequence, name) == getattr(trace.sequence, name)
    assert (again.sequence.ids is None) == (trace.sequence.ids is None)
    assert trace.sequence.ids is None or np.array_equal(present(again.sequence.ids), trace.sequence.ids)
    assert same(again.sequence.x, trace.sequence.x)
    for name in ("interpreter", "dtype", "edits", "classes"):
        assert getattr(again, name) == getattr(trace, name)
    assert list(again) == list(trace)
    for name, passed in trace.items():
        other = again[name]
        assert other.cell.text == passed.cell.text
        for field in ("name", "direction", "input_size", "hidden_size"):
            assert getattr(other, field) == getattr(passed, field)
        assert list(other) == list(passed.cell.values)
        assert all(same(other[value], passed[value]) for value in other)
        assert other.initial.keys() == passed.initial.keys()
        assert all(same(other.initial[state], passed.initial[state]) for state in other.initial)
        assert not other[passed.cell.output].flags.writeable
    assert again.readout.keys() == trace.readout.keys()
    assert all(same(again.readout[value], trace.readout[value]) for value in trace.readout)
    assert same(again.output, trace.output)
    assert same(again.result, trace.result)
    assert again.network is None


def with_special_numbers(trace: Trace) -> Trace:
    """Return a trace with everything that floating point has, in each kind of place."""
    special = [np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38, 1e-5, 16777216.0]

    def put(array: Array) -> Array:
        array = np.array(array)
        flat = array.reshape(-1)
        count = min(len(flat), len(special))
        with np.errstate(over="ignore", under="ignore"):
            flat[:count] = np.array(special[:count]).astype(array.dtype)
        return array

    passes = {
        name: replace(
            passed,
            arrays={**passed.arrays, "c": put(passed["c"]), "h": put(passed["h"][::-1])[::-1]},
            initial={state: put(row) for state, row in passed.initial.items()},
        )
        for name, passed in trace.items()
    }
    assert trace.output is not None
    output = put(trace.output)
    return replace(
        trace,
        passes=passes,
        readout={name: put(array) for name, array in trace.readout.items()},
        output=output,
        result=output[0],
    )


TRACES: dict[str, Callable[[], Trace]] = {
    "hostile tokens, both directions": make_trace,
    "float64": lambda: make_trace(dtype="float64"),
    "forward only": lambda: make_trace(both=False),
    "32 classes": lambda: make_trace(classes=32),
    "numbers": make_series,
    "numbers in float64": lambda: make_series(dtype="float64"),
    "one token": lambda: make_trace(("a",)),
    "no result": lambda: replace(make_trace(), output=None, result=None, readout={}),
    "classes of one name": lambda: replace(make_trace(), classes=("same", "same")),
    "not finite": lambda: with_special_numbers(make_trace()),
    "not finite in float64": lambda: with_special_numbers(make_trace(dtype="float64")),
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kind", TRACES)
def test_a_trace_reads_back_bit_for_bit_and_fits_the_schema(tmp_path: Path, kind: str, suffix: str) -> None:
    trace = TRACES[kind]()
    path = tmp_path / f"trace{suffix}"
    write(trace, path)
    check_schema(path)
    check_same(trace, read(path))


@pytest.mark.parametrize("cell", cell_names())
def test_a_run_of_every_cell_reads_back(tmp_path: Path, cell: str) -> None:
    layer = {"cell": cell, "hidden_size": 4, "directions": ["forward", "backward"], "merge": "sum", "sizes": {"P": 2}}
    if "P" not in {size.letter for size in load_cell(cell).sizes.values()}:
        del layer["sizes"]
    spec = {
        "name": "made up",
        "tokens": {"kind": "words", "vocabulary": ["<unk>", "The", "movie"]},
        "embedding_size": 4,
        "layers": [layer, {**layer, "directions": ["forward"]}],
        "readout": "dense",
        "classes": ["no", "yes"],
    }
    network = build_network(spec)
    assert network.tokens is not None
    trace = run(network, text_sequence("The movie was not bad", network.tokens, "a.txt", 3))
    for suffix in FORMATS:
        path = tmp_path / f"trace{suffix}"
        write(trace, path)
        check_schema(path)
        check_same(trace, read(path))


@pytest.mark.parametrize("suffix", FORMATS)
def test_of_many_classes_the_ten_largest_are_kept(tmp_path: Path, suffix: str) -> None:
    trace = make_trace(classes=33)
    assert trace.output is not None
    trace.output[2, 5] = np.nan
    path = tmp_path / f"trace{suffix}"
    write(trace, path)
    check_schema(path)
    again = read(path)
    assert again.classes == trace.classes
    assert again.output is not None
    for row, kept in zip(trace.output, again.output, strict=True):
        best = np.argsort(-np.where(np.isnan(row), -1, row))[:10]
        assert np.array_equal(kept[best], row[best])
        assert np.isnan(np.delete(kept, best)).all()


def test_the_document_says_how_many_classes_are_kept_and_orders_them(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write(make_trace(classes=33), path)
    content = json.loads(path.read_text())
    assert content["output_top"] == 10
    for output in [step["output"] for step in content["steps"]] + [content["result"]]:
        assert len(output) == 10
        assert list(output.values()) == sorted(output.values(), reverse=True)


def test_the_document_is_as_the_design_shows_it(tmp_path: Path) -> None:
    trace = make_trace(units=1)
    path = tmp_path / "trace.json"
    write(trace, path)
    content = json.loads(path.read_text())
    assert (content["format"], content["version"]) == ("lstm-tui-trace", 1)
    assert content["model"] == {"name": "made up", "file": None, "sha256": "0" * 64}
    assert content["engine"] == {"interpreter": "numpy", "dtype": "float32"}
    first = content["passes"][0]
    assert first["name"] == "layer0.forward"
    assert first["values"] == ["f", "i", "g", "c", "o", "h"]
    assert first["equations"][0] == "f = sigmoid(W_f @ x + U_f @ h + b_f)"
    step = content["steps"][1]
    assert (step["t"], step["token"]) == (1, "movie")
    assert list(step["values"]) == ["layer0.forward", "layer0.backward", "readout"]
    assert step["values"]["layer0.forward"]["f"] == [float(str(trace["layer0.forward"]["f"][1, 0]))]
    assert step["values"]["readout"]["a"] == [float(str(trace.readout["a"][1, 0]))]
    assert list(content["result"]) == ["class 0", "class 1"]


def test_what_is_not_finite_is_named_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write(with_special_numbers(make_trace()), path)
    content = json.loads(path.read_text())
    assert content["passes"][0]["nonfinite"][0] == ["layer0.forward", "h", 0, "nan"]
    assert content["passes"][0]["initial"]["h"][:2] == [None, None]
    assert ["layer0.forward", "c", 1, "inf"] in content["steps"][0]["nonfinite"]
    assert ["output", "output", 0, "nan"] in content["steps"][0]["nonfinite"]
    assert ["result", "result", 0, "nan"] in content["nonfinite"]
    assert ["readout", "z", 2, "-inf"] in content["nonfinite"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_excerpt_holds_what_was_asked_for_and_opens_again(tmp_path: Path, suffix: str) -> None:
    trace = make_trace()
    path = tmp_path / f"trace{suffix}"
    write(trace, path, values=["h", "c"], units=slice(1, 3), steps=slice(2, 5))
    check_schema(path)
    again = read(path)
    assert again.sequence.tokens == trace.sequence.tokens[2:5]
    assert again.sequence.unknown == (1,)
    assert len(again["layer0.forward"].arrays) == 2
    for name, passed in trace.items():
        assert same(again[name]["c"], passed["c"][2:5, 1:3])
        assert again[name].hidden_size == 2
    forward, backward = trace["layer0.forward"], trace["layer0.backward"]
    assert same(again["layer0.forward"].initial["c"], forward["c"][1, 1:3])
    assert same(again["layer0.backward"].initial["c"], backward["c"][5, 1:3])
    assert same(again.output, trace.output[2:5] if trace.output is not None else None)
    assert not again.readout


def test_the_input_of_a_pass_is_kept_when_it_is_named(tmp_path: Path) -> None:
    trace = make_trace()
    path = tmp_path / "trace.json"
    write(trace, path, values=["x", "h"])
    again = read(path)
    assert same(again["layer0.forward"].inputs["x"], trace["layer0.forward"].inputs["x"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"values": ["cc"]}, "there is no value 'cc'; did you mean c?"),
        ({"values": ["\x1b[2J"]}, "there is no value '␛"),
        ({"units": slice(4, 9)}, "units 4:9 are none; the widest pass has 4, counted from 0"),
        ({"steps": slice(99, None)}, "steps 99: are none; the tape has 10 tokens, counted from 0"),
    ],
)
def test_a_part_that_is_not_there_is_one_line(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as error:
        write(make_trace(), tmp_path / "trace.json", **options)
    assert str(error.value).startswith(says)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_interrupted_export_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace{suffix}"
    path.write_text("old")

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(make_trace(), path, progress=interrupt)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_progress_ends_at_the_whole(tmp_path: Path, suffix: str) -> None:
    calls: list[tuple[int, int]] = []
    write(make_trace(("a",) * 600), tmp_path / f"t{suffix}", progress=lambda done, total: calls.append((done, total)))
    assert len(calls) > 1
    assert calls[-1][0] == calls[-1][1]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_trace_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in "ab":
        write(make_trace(), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_stream_gets_the_same_document(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write(make_trace(), path)
    other = tmp_path / "stream"
    with other.open("wb") as stream:
        write_stream(make_trace(), stream)
    assert other.read_bytes() == path.read_bytes()


def test_a_file_made_by_hand_from_the_design_opens(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write(make_trace(units=1, both=False), path)
    content = json.loads(path.read_text())
    del content["cells"], content["classes"]
    content["passes"] = [entry for entry in content["passes"] if entry["name"] != "readout"]
    path.write_text(json.dumps(content))  # one line, as a formatter might leave it
    check_schema(path)
    again = read(path)
    assert again["layer0.forward"].cell.values == ("f", "i", "g", "c", "o", "h")
    assert again["layer0.forward"].cell.state == ("h", "c")
    assert again.classes == ()


def _damage(content: dict[str, Any], change: str) -> None:
    """Carry out one change of a trace's JSON, written as Python."""
    exec(change, {"c": content})


@pytest.mark.parametrize("suffix", [".json", ".ndjson", ".npz"])
@pytest.mark.parametrize("comes", [True, False])
def test_what_still_came_when_a_file_was_written_is_said_to_be_not_read_yet(
    tmp_path: Path, suffix: str, comes: bool
) -> None:
    path, trace = tmp_path / f"trace{suffix}", make_trace()
    write(trace, path, comes=comes)
    check_schema(path)
    again = read(path)
    said = [one for one in again.remarks if "was not read yet" in one]
    assert len(said) == comes
    assert not comes or f"behind its {len(trace.sequence)} tokens" in said[0]
    assert again.sequence.tokens == trace.sequence.tokens


DAMAGED = {
    'c["format"] = "other"': "is not a trace file; `lstm-tui trace FILE -o OUT.json` writes one",
    'c["version"] = 2': "is of version 2, and this program reads 1; update lstm-tui",
    'c["version"] = "1"': "version must be a whole number",
    'del c["passes"]': "passes is missing",
    'c["passes"] = []': "passes holds none",
    'c["passes"] = [1]': "passes[0] must be an object",
    'c["steps"] = []': "steps holds none",
    'c["steps"].pop()': "layer0.forward/f has the shape 9×4, and should have 10×4",
    'c["steps"][1]["values"]["layer0.forward"]["c"].pop()':
        "layer0.forward/c must be lists of numbers, equally long at every step",
    'c["steps"][1]["values"]["layer0.forward"]["c"] = "text"':
        "layer0.forward/c must be lists of numbers, equally long at every step",
    'c["steps"][1]["values"]["layer0.forward"]["c"][0] = [1]':
        "layer0.forward/c must be lists of numbers, equally long at every step",
    'c["steps"][1]["values"]["layer0.forward"]["c"][0] = "x"':
        "layer0.forward/c must be lists of numbers, equally long at every step",
    'del c["steps"][1]["values"]["layer0.forward"]["c"]': "layer0.forward/c is missing at some step",
    'c["steps"][1]["values"] = 3': "steps[1].values must be an object",
    'c["steps"][1]["output"] = 3': "steps[1].output must be an object or a list, at every step or at none",
    'c["steps"][1]["output"] = {"other": 1}': "steps[1].output holds 1 number, and steps[0].output 2",
    'c["steps"][1]["nonfinite"] = [["layer0.forward", "c", 99, "nan"]]':
        "steps[1].nonfinite names a place that is not there",
    'c["steps"][1]["nonfinite"] = [["layer0.forward", "zz", 0, "nan"]]':
        "steps[1].nonfinite names layer0.forward/zz, which is not there",
    'c["steps"][1]["nonfinite"] = [["layer0.forward", "c", 0, "huge"]]':
        'steps[1].nonfinite must say "nan", "inf" or "-inf"',
    'c["steps"][1]["nonfinite"] = [3]': "steps[1].nonfinite[0] must be a list",
    'c["steps"][1]["nonfinite"] = [["layer0.forward", "c"]]':
        "steps[1].nonfinite must be lists of pass, value, unit and word",
    'c["steps"][1]["nonfinite"] = [["layer0.forward", 1, 0, "nan"]]':
        "steps[1].nonfinite must be lists of pass, value, unit and word",
    'c["steps"][1]["nonfinite"] = [["layer0.forward", "c", True, "nan"]]':
        "steps[1].nonfinite must be lists of pass, value, unit and word",
    'c["nonfinite"] = [["result", "result", 5, "nan"]]': "nonfinite names a place that is not there",
    'c["engine"]["dtype"] = "float16"': "engine.dtype is 'float16', and must be float32 or float64",
    'c["input"]["tokens"] = []': "input must hold at least one token, and as many ids as tokens",
    'c["input"]["tokens"][0] = 1': "input.tokens[0] must be text",
    'c["input"]["ids"] = [1]': "input must hold at least one token, and as many ids as tokens",
    'c["input"]["ids"][0] = 10**30': "input.ids holds a number that is too large",
    'c["input"]["kind"] = "numbers"': "input of numbers needs a row of x at every step, and text none",
    'c["passes"][0]["cell"] = "other"; c["cells"] = {}; c["passes"][0]["equations"] = ["c = 1 +"]':
        "cell other:6:8: something is missing after `+`",
    'c["passes"][0]["cell"] = "a b"; c["cells"] = {}': "passes[0].equations must be one equation each",
    'c["passes"][0]["equations"] = [0]; c["cells"] = {}': "passes[0].equations[0] must be text",
    'c["cells"]["lstm"] = "name ="': "cell lstm:1:7: Invalid value",
    'c["cells"]["lstm"] = 3': "cells.lstm must be text",
    'c["passes"][0]["direction"] = "up"': "passes[0].direction is 'up', and must be forward or backward",
    'c["passes"][0]["hidden_size"] = 10**12': "layer0.forward/f has the shape 10×4, and should have 10×1000000000000",
    'c["passes"][0]["initial"] = {"h": ["x"]}': "passes[0].initial must be a list of numbers",
    'c["passes"][0]["initial"] = {"zz": [0.0]}': "passes[0].initial.zz is no state of lstm, or not 4 long",
    'c["passes"][0]["values"] = ["f", "nope"]': "layer0.forward/nope is missing at some step",
    'c["passes"][0]["values"] = []':
        "layer0.forward holds no value of its cell; write the file again with more --values",
    'c["passes"][0]["name"] = "\\x1b]52;c;aGk=\\x07"': "␛]52;c;aGk=␇/f is missing at some step",
    'c["selection"] = {"values": None, "units": None, "steps": [5, 99]}': "selection.steps is outside the tape",
    'c["selection"] = {"values": None, "units": None, "steps": []}': "selection.steps must be two numbers",
    'c["selection"] = 5': "selection must be an object",
    'c["not_read_yet"] = 5': "not_read_yet must be an object",
    'c["not_read_yet"] = {}': "not_read_yet.from is missing",
    'c["not_read_yet"] = {"from": 999}': "not_read_yet.from is not behind the last token",
    'c["classes"] = ["one"]': "output names a class that is not in `classes`",
}  # fmt: skip
"""What is changed, and what is said of it."""


@pytest.mark.parametrize("change", DAMAGED)
@pytest.mark.parametrize("suffix", [".json", ".ndjson"])
def test_a_damaged_trace_is_one_line_that_names_the_file(tmp_path: Path, change: str, suffix: str) -> None:
    path = tmp_path / "trace.json"
    write(make_trace(), path)
    content = json.loads(path.read_text())
    _damage(content, change)
    path = tmp_path / f"damaged{suffix}"
    if suffix == ".json":
        path.write_text(json.dumps(content, indent=1))
    else:
        end = {key: content.pop(key) for key in ("result", "readout", "nonfinite") if key in content}
        lines = [content, *content.pop("steps"), end]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert check_refused(path).removeprefix(f"{path}: ").removeprefix("is damaged: ") == DAMAGED[change]


def test_a_member_of_an_npz_may_be_longer_than_two_gigabytes(tmp_path: Path) -> None:
    """Its length has room for that before it is known."""
    write(make_trace(), tmp_path / "t.npz")
    with zipfile.ZipFile(tmp_path / "t.npz") as archive:
        assert {one.extract_version for one in archive.infolist()} == {zipfile.ZIP64_VERSION}


def test_a_state_that_a_cut_sets_back_is_as_long_as_the_state(tmp_path: Path) -> None:
    layers = [{"cell": "lstm", "hidden_size": 4, "directions": ["forward"], "merge": "concat"}]
    network = build_network({"name": "cut", "input_size": 2, "layers": layers})
    path = tmp_path / "trace.json"
    sequence = series_sequence(np.ones((5, 2))).with_cuts((TapeCut("reset", (3,)),))
    write(run(network, sequence, holds=cut_holds(network, sequence.cuts, len(sequence))), path)
    assert read(path)["layer0.forward"].resets.spans == (range(3, 4),)
    content = json.loads(path.read_text())
    content["passes"][0]["reset_to"]["h"].pop()
    path.write_text(json.dumps(content))
    assert check_refused(path).endswith("is damaged: passes[0].reset_to.h must be 4 numbers")


def check_refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    assert path.name in message
    assert message.isprintable()
    return message


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.99])
def test_a_trace_that_is_cut_short_is_one_line(tmp_path: Path, suffix: str, part: float) -> None:
    path = tmp_path / f"trace{suffix}"
    write(make_trace(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    check_refused(path)


@pytest.mark.parametrize("content", ["", "some text\n", "{}", '{"format": "lstm-tui-trace"', "[]", "[" * 10000])
def test_another_file_is_no_trace(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    check_refused(path)


@pytest.mark.parametrize("change", ["missing", "shape", "dtype", "rank", "classes", "no header", "header"])
def test_damaged_arrays_are_one_line(tmp_path: Path, change: str) -> None:
    path = tmp_path / "trace.npz"
    write(make_trace(classes=40), path)
    arrays: dict[str, Any] = read_npz(path, kinds="fiubU")
    name = "layer0.forward/c"
    if change == "missing":
        del arrays[name]
    elif change == "shape":
        arrays[name] = arrays[name][:3]
    elif change == "dtype":
        arrays[name] = arrays[name].astype(np.float64)
    elif change == "rank":
        arrays[name] = arrays[name][0]
    elif change == "classes":
        arrays["output_classes"] = arrays["output_classes"] + 40
    elif change == "no header":
        del arrays["header"]
    else:
        arrays["header"] = np.array("{")
    np.savez(path, **arrays)
    check_refused(path)


def test_numbers_have_the_input_of_their_lowest_pass(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = make_series()
    write(trace, path)
    again = read(path)
    assert trace.sequence.x is not None
    assert same(again["layer0.forward"].inputs["x"], trace.sequence.x.astype(np.float32))


def test_a_pass_without_the_state_of_its_excerpt_has_no_initial(tmp_path: Path) -> None:
    trace = make_trace()
    passed: PassTrace = make_pass("forward", 10, 4)
    passed = replace(passed, arrays={name: array for name, array in passed.arrays.items() if name != "c"})
    path = tmp_path / "trace.json"
    write(replace(trace, passes={passed.name: passed}), path, steps=slice(3, 5))
    assert list(read(path)[passed.name].initial) == ["h"]
