from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network, spec_of
from lstm_tui.formats.importers.native import KEY, load, read_header, save


def check_line(error: UserError) -> None:
    assert str(error).isprintable()


def network(dtype: str = "float32", **changes: Any) -> Network:
    spec = {
        "name": "made up",
        "tokens": {"kind": "words", "vocabulary": ["<unk>", "naïve", "\x1b]52"], "lowercase": True},
        "embedding_size": 3,
        "layers": [
            {"cell": "lstm", "hidden_size": 4, "directions": ["forward", "backward"], "without": ["b_o"]},
            {"cell": "gru", "hidden_size": 2, "directions": ["forward"]},
        ],
        "readout": "dense",
        "classes": ["no", "yes"],
        "card": {"task": "none", "accuracy": 0.5},
    }
    return build_network({**spec, **changes}, seed=3, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_reads_back_bit_for_bit(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "n.safetensors"
    made = network(dtype)
    made.tensors()["embedding"][0] = [np.nan, np.inf, -0.0]
    save(made, path)
    again = load(path)
    assert spec_of(again) == spec_of(made)
    assert again.tensors().keys() == made.tensors().keys()
    for name, tensor in made.tensors().items():
        assert again.tensors()[name].dtype == dtype
        assert again.tensors()[name].tobytes() == tensor.tobytes()
    assert again.file == str(path)
    assert again.sha256 is not None


@pytest.mark.parametrize(
    ("number", "halves"), [(-0.0, True), (65504.0, True), (2**-24, True), (1e-8, False), (65520.0, False), (0.1, False)]
)
def test_a_large_table_of_halves_takes_half_the_space_and_loses_nothing(
    tmp_path: Path, number: float, halves: bool
) -> None:
    made = network(tokens={"kind": "bytes"}, embedding_size=8)
    table = made.tensors()["embedding"]
    table[...] = table.astype(np.float16)
    table[1, 2] = number
    save(made, tmp_path / "n.safetensors")
    with safe_open(tmp_path / "n.safetensors", "numpy") as kept:
        assert (kept.get_tensor("embedding").dtype == np.float16) == halves
    again = load(tmp_path / "n.safetensors").tensors()
    for name, tensor in made.tensors().items():
        assert again[name].dtype == np.float32
        assert again[name].tobytes() == tensor.tobytes()
    assert read_header(tmp_path / "n.safetensors")["parameters"] == made.parameter_count


def test_where_it_is_asked_is_kept_and_older_files_are_asked_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(network(asked="last"), path)
    assert load(path).asked == read_header(path)["asked"] == "last"
    save(network(), path)
    assert "asked" not in read_header(path)
    assert load(path).asked == "each"
    with pytest.raises(UserError, match="network made up: `asked` is each or last"):
        network(asked="never")


@pytest.mark.parametrize("cell", cell_names())
def test_every_cell_can_be_saved(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "n.safetensors"
    letters = {size.letter for size in load_cell(cell).sizes.values() if size.letter} - {"H", "I"}
    layer = {"cell": cell, "hidden_size": 4, "sizes": dict.fromkeys(letters, 2)}
    made = build_network({"name": cell, "input_size": 4, "layers": [layer, layer]})
    save(made, path)
    again = load(path).tensors()
    assert again.keys() == made.tensors().keys()
    assert all(np.array_equal(again[name], tensor) for name, tensor in made.tensors().items())
    assert read_header(path)["parameters"] == made.parameter_count


def test_the_file_is_safetensors_with_the_names_of_the_design(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(network(), path)
    with safe_open(path, "np") as file:
        assert {"embedding", "layer0.forward/W_f", "layer0.backward/U_o", "readout/V_y"} <= set(file.keys())
        assert json.loads(file.metadata()[KEY])["version"] == 1


def test_the_same_network_gives_the_same_bytes_and_an_ordinary_mode(tmp_path: Path) -> None:
    for name in "ab":
        save(network(), tmp_path / name)
    (tmp_path / "ordinary").touch()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "ordinary"]


def test_the_header_alone_describes_the_network(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    made = network()
    save(made, path)
    header = read_header(path)
    assert header.pop("parameters") == made.parameter_count
    assert made.embedding is not None
    assert header.pop("cost") == made.parameter_count - made.embedding.size
    assert header == spec_of(made)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 50, 0.3, 0.6, 0.99, -1])
def test_a_file_cut_short_is_one_line(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "n.safetensors"
    save(network(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    for read in (load, read_header):
        with pytest.raises(UserError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert str(error.value).isprintable()


def test_a_file_with_more_than_it_says_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(network(), path)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(UserError, match="damaged or cut short"):
        load(path)


SPEC_CHANGES: dict[str, tuple[str, str]] = {
    "no version": ('del s["version"]', "is damaged: version is missing"),
    "a later version": ('s["version"] = 2', "is of version 2, and this program reads 1; update lstm-tui"),
    "no name": ('del s["name"]', "is damaged: name is missing"),
    "no layers": ('s["layers"] = []', "is damaged: layers must be 1 to 1000"),
    "a layer that is none": ('s["layers"] = [1]', "is damaged: layers[0] must be an object"),
    "many layers": ('s["layers"] = s["layers"] * 5000', "is damaged: layers must be 1 to 1000"),
    "an unknown cell": ('s["layers"][0]["cell"] = "lstn"', "there is no cell lstn; did you mean lstm?"),
    "cell text": ('s["cells"]["lstm"] = "name = 1"', "lstm.toml:1:8: `name` must be text in quotes"),
    "cell text that is none": ('s["cells"]["lstm"] = 1', "is damaged: cells.lstm must be text"),
    "cells that are none": ('s["cells"] = []', "is damaged: cells must be an object"),
    "readout text": ('s["readouts"]["dense"] = "whole ="', "dense.toml:1:8: Invalid value"),
    "an unknown readout": ('s["readout"] = "denes"', "there is no readout denes; did you mean dense?"),
    "no hidden size": ('del s["layers"][0]["hidden_size"]', "is damaged: layers[0].hidden_size is missing"),
    "hidden size of no number": (
        's["layers"][0]["hidden_size"] = "4"',
        "is damaged: layers[0].hidden_size must be a whole number",
    ),
    "hidden size 0": ('s["layers"][0]["hidden_size"] = 0', "is damaged: layers[0].hidden_size must be at least 1"),
    "another hidden size": (
        's["layers"][0]["hidden_size"] = 5',
        "network made up: layer0.forward/W_f is 4×3; it should be 5×3",
    ),
    "a huge hidden size": (
        's["layers"][0]["hidden_size"] = 10**12',
        "network made up: 1000000000003000000000000 parameters; 500000000 is the most",
    ),
    "a large hidden size": (
        's["layers"][0]["hidden_size"] = 20000',
        "lstm.toml: 1600300000 parameters; 500000000 is the most",
    ),
    "a huge embedding": (
        's["embedding_size"] = 10**12',
        "network made up: 4000000000016 parameters; 500000000 is the most",
    ),
    "an embedding of 0": ('s["embedding_size"] = 0', "is damaged: embedding_size must be at least 1"),
    "directions": (
        's["layers"][0]["directions"] = ["up"]',
        "is damaged: layers[0].directions must be forward, backward or both",
    ),
    "directions twice": (
        's["layers"][0]["directions"] = ["forward", "forward"]',
        "is damaged: layers[0].directions must be forward, backward or both",
    ),
    "directions of lists": (
        's["layers"][0]["directions"] = [[], {}]',
        "is damaged: layers[0].directions[0] must be text",
    ),
    "merge": (
        's["layers"][0]["merge"] = "cat"',
        "network made up: layer 0: merge is concat, sum, average, mul",
    ),
    "merge of no text": ('s["layers"][0]["merge"] = ["sum"]', "is damaged: layers[0].merge must be text"),
    "sizes": ('s["layers"][0]["sizes"] = {"P": "x"}', "is damaged: layers[0].sizes.P must be a whole number"),
    "sizes of no object": ('s["layers"][0]["sizes"] = [1]', "is damaged: layers[0].sizes must be an object"),
    "without": ('s["layers"][0]["without"] = ["zz"]', "cell lstm: zz cannot be left out"),
    "without of lists": ('s["layers"][0]["without"] = [{}]', "is damaged: layers[0].without[0] must be text"),
    "without more": (
        's["layers"][0]["without"] = ["b_f"]',
        "network made up: it has no parameter layer0.backward/b_f; did you mean layer0.backward/W_f?",
    ),
    "tokens": ('s["tokens"] = []', "is damaged: tokens must be an object"),
    "kind": (
        's["tokens"]["kind"] = "syllables"',
        "is damaged: tokens.kind is 'syllables', and must be words or chars or bytes or pieces or numbers",
    ),
    "vocabulary": ('s["tokens"]["vocabulary"] = [1]', "is damaged: tokens.vocabulary[0] must be text"),
    "no vocabulary": ('s["tokens"]["vocabulary"] = None', "network made up: its vocabulary must be a list of tokens"),
    "a longer vocabulary": (
        's["tokens"]["vocabulary"].append("one more")',
        "network made up: embedding is 3×3; it should be 4×3",
    ),
    "classes": ('s["classes"] = [1]', "is damaged: classes[0] must be text"),
    "more classes": ('s["classes"] = ["a", "b", "c"]', "is damaged: classes must be as many as there are outputs"),
    "outputs": ('s["outputs"] = 10**12', "is damaged: classes must be as many as there are outputs"),
    "card": ('s["card"] = "text"', "is damaged: card must be an object"),
    "asked": ('s["asked"] = "sometimes"', "network made up: `asked` is each or last"),
    "asked of no text": ('s["asked"] = 1', "is damaged: asked must be text"),
    "hostile name": ('s["name"] = "\\x1b]52;c;aGk=\\x07\\n"; s["layers"] = []', "is damaged: layers must be 1 to 1000"),
    "not an object": ("s.clear()", "is damaged: version is missing"),
}
"""How a description is changed, written as Python, and what is said of it then."""


def rewritten(path: Path, change: str) -> None:
    """Carry out a change of a file's description, written as Python."""
    made = network()
    spec = spec_of(made)
    exec(change, {"s": spec})
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in made.tensors().items()}
    save_file(tensors, path, {KEY: json.dumps(spec)})


@pytest.mark.parametrize("change", SPEC_CHANGES)
def test_a_wrong_description_is_one_line(tmp_path: Path, change: str) -> None:
    path = tmp_path / "n.safetensors"
    made, says = SPEC_CHANGES[change]
    rewritten(path, made)
    with pytest.raises(UserError) as error:
        load(path)
    assert str(error.value) == f"{path}: {says}"


@pytest.mark.parametrize("change", ["missing", "more", "shape", "rank", "integers"])
def test_wrong_tensors_are_one_line_that_names_them(tmp_path: Path, change: str) -> None:
    path = tmp_path / "n.safetensors"
    made = network()
    tensors: dict[str, Any] = {name: np.ascontiguousarray(tensor) for name, tensor in made.tensors().items()}
    name = "layer0.forward/W_f"
    if change == "missing":
        del tensors[name]
    elif change == "more":
        tensors["layer0.forward/W_ff"] = tensors[name]
    elif change == "shape":
        tensors[name] = tensors[name].T.copy()
    elif change == "rank":
        tensors[name] = tensors[name].reshape(-1)
    else:
        tensors[name] = tensors[name].astype(np.int64)
    save_file(tensors, path, {KEY: json.dumps(spec_of(made))})
    with pytest.raises(UserError, match=r"layer0\.forward/W_f") as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "damaged" not in str(error.value)  # it is whole, and of another kind


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {KEY: "{"}, {KEY: "[]"}, {KEY: "3"}])
def test_other_safetensors_are_one_line(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "n.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path, metadata)
    for read in (load, read_header):
        with pytest.raises(UserError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert str(error.value).isprintable()


def with_header(header: bytes, size: int | None = None) -> bytes:
    return (len(header) if size is None else size).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    "data",
    [
        b"text, which is no network at all",
        with_header(b"{}", 2**63),
        with_header(b"{}", 50),
        with_header(b"{}"),
        with_header(b"{" + b'"a":{' * 50_000),
        with_header(b'{"__metadata__": {"lstm-tui": 3}}'),
        with_header(b'{"__metadata__": 3, "a": 3}'),
        with_header(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, "x"]}}'),
        with_header(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": []}}'),
        with_header(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": 4}}'),
        with_header(b'{"a": []}'),
        with_header(b"{\xff}"),
    ],
)
def test_hostile_headers_are_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "n.safetensors"
    path.write_bytes(data)
    for read in (load, read_header):
        with pytest.raises(UserError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert str(error.value).isprintable()


def test_any_byte_of_the_header_may_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(network(layers=[{"cell": "rnn", "hidden_size": 2}], embedding_size=1), path)
    data = path.read_bytes()
    size = 8 + int.from_bytes(data[:8], "little")
    for place in range(0, size, 3):
        changed = bytearray(data)
        changed[place] ^= 0x15
        path.write_bytes(changed)
        for read in (load, read_header):
            try:
                read(path)
            except UserError as error:
                check_line(error)


@pytest.mark.parametrize("name", ["missing.safetensors", "."])
def test_what_is_no_file_is_one_line(tmp_path: Path, name: str) -> None:
    for read in (load, read_header):
        with pytest.raises(UserError) as error:
            read(tmp_path / name)
        assert str(error.value).startswith(f"{tmp_path / name}: ")
