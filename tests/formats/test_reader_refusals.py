"""What a reader of files refuses is one line that names what is wrong, over what each of its parts can be given."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.captures import capture_file
from lstm_tui.formats.importers.autoencoder import autoencoder_of
from lstm_tui.formats.importers.gate_layouts import BiasReading, peepholes
from lstm_tui.formats.importers.keras import gate_layouts as keras_layouts
from lstm_tui.formats.importers.keras.graph import KerasNode, read_graph
from lstm_tui.formats.importers.mapping_file import read_mapping
from lstm_tui.formats.importers.open import reading_of
from lstm_tui.formats.inputs import sound
from lstm_tui.formats.io.messages import read_message
from lstm_tui.formats.streams import recorded_stream
from lstm_tui.formats.streams.recorded_stream import read_recorded_stream

UNITS, ROWS = 3, 5
DICTIONARY: dict[str, Array] = {
    "W_enc": np.ones((UNITS, ROWS)), "b_enc": np.ones(ROWS), "W_dec": np.ones((ROWS, UNITS)), "b_dec": np.ones(UNITS)
}  # fmt: skip
DICTIONARIES: list[tuple[Mapping[str, Any], str]] = [
    ({"W_enc": None}, "f: holds no encoder, such as W_enc or encoder.weight; there are b_enc, W_dec, b_dec"),
    ({"b_dec": np.ones(4)}, "f: b_dec has 4 numbers, and the value 3 units"),
    ({"W_enc": np.ones((4, 5))}, "f: W_enc is 4×5, and the value has 3 units"),
    ({"W_enc": np.ones(3)}, "f: W_enc is 3, and the value has 3 units"),
    ({"W_enc": np.ones((3, 4))}, "f: W_enc is 3×4, for a dictionary of 5 rows"),
    ({"W_dec": np.ones((6, 3))}, "f: W_dec is 6×3, for a dictionary of 5 rows"),
    ({"W_enc": np.full((3, 5), "a")}, "f: W_enc holds text, not numbers"),
    ({"b_enc": np.full(5, np.nan)}, "f: a number of b_enc is not finite, or immense"),
    ({"threshold": np.ones(4)}, "f: threshold has 4 numbers, for 5 rows"),
    ({"log_threshold": np.ones((2, 2))}, "f: log_threshold has 4 numbers, for 5 rows"),
    ({"k": np.array(6)}, "f: k is no number of rows from 1 to 5"),
    ({"k": np.array([2, 3])}, "f: k is no number of rows from 1 to 5"),
    ({"activation": np.array("topk")}, "f: says topk and not how many: it holds no k"),
    ({"activation": np.array("JumpReLU")}, "f: says JumpReLU and holds no threshold"),
    ({"activation": np.array("gelu")}, "f: activation is `gelu`; known are relu, standard, jumprelu, topk, top"),
    ({"b_gate": np.ones(5)}, "f: b_gate is of a gated autoencoder, whose rows are no sum behind a ReLU"),
]


@pytest.mark.parametrize(("changed", "said"), DICTIONARIES, ids=[said for _, said in DICTIONARIES])
def test_a_dictionary_that_fits_no_value_says_why(changed: Mapping[str, Any], said: str) -> None:
    whole = autoencoder_of(DICTIONARY, "f", UNITS)
    assert (whole.encoder.shape, whole.activation) == ((ROWS, UNITS), "relu")
    made = {name: one for name, one in {**DICTIONARY, **changed}.items() if one is not None}
    with pytest.raises(UserError) as refused:
        autoencoder_of(made, "f", UNITS)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"decisions": ["a"]}, "decisions are a mapping of texts, such as"),
        ({"decisions": {"layer0.gate_order": 3}}, "decisions are a mapping of texts, such as"),
        ({"classes": "bad"}, "classes= are names of the outputs, such as"),
        ({"classes": ("bad", 1)}, "classes= are names of the outputs, such as"),
        ({"vocabulary": {"a", "b"}}, "vocabulary= is a file, or the tokens by id, such as"),
        ({"vocabulary": ["a", 1]}, "vocabulary= is a file, or the tokens by id, such as"),
        ({"vocabulary": {0: "a", 2: "b"}}, "vocabulary= is a file, or the tokens by id, such as"),
    ],
)
def test_what_python_says_of_a_file_is_of_the_kind_that_is_asked_for(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refused:
        reading_of(**given)
    assert str(refused.value).startswith(said)


def dense(name: str, **more: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": name, "units": 2}, "name": name, **more}


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (None, "f: describes no layers"),
        ("layers", "f: describes no layers"),
        ({"layers": 3}, "f: describes no layers"),
        ({"layers": [3]}, "f: describes no layers"),
        ({"layers": [dense("a"), dense("a")]}, "f: has two layers called a"),
        ({"layers": [dense("a")] * 10_001}, "f: describes no layers"),
        ({"layers": []}, "f: describes no output"),
    ],
)
@pytest.mark.parametrize("kind", ["Sequential", "Functional"])
def test_a_description_of_keras_that_is_none_says_what_is_missing(inside: Any, said: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        read_graph({"class_name": kind, "config": inside}, "f")


@pytest.mark.parametrize("depth", [1, 7, 8, 9, 40])
def test_models_in_models_are_taken_apart_eight_deep(depth: int) -> None:
    made = dense("a")
    for n in range(depth):
        made = {"class_name": "Sequential", "config": {"name": f"m{n}", "layers": [made]}, "name": f"m{n}"}
    graph = read_graph({"class_name": "Sequential", "config": {"layers": [made]}}, "f")
    (node,) = graph.nodes.values()
    assert node.kind == ("Dense" if depth <= 8 else "Sequential")


@pytest.mark.parametrize("content", ["layers = [", "\x00", "a = 1\na = 2", b"a = '\xff'", "[" * 3000])
def test_a_mapping_that_is_no_toml_is_refused(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"m\.toml: is no TOML that can be read: "):
        read_mapping(path)


def test_what_is_no_capture_says_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(UserError, match=r"is no capture; `lstm_tui\.capture\(…\)\.save\(FILE\)` writes one"):
        capture_file.read(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(5,), (2, 3), (7,)])
def test_peepholes_for_other_units_are_refused(shape: tuple[int, ...]) -> None:
    assert set(peepholes(np.arange(12.0), 4)) == {"p_i", "p_o", "p_f"}
    with pytest.raises(UserError, match=r"^peepholes should be 12 numbers, and are (5|2×3|7)$"):
        peepholes(np.ones(shape), 4)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(3, 8), (2, 7), (8,)], "weights of .+ fit no LSTM"),
        ([(3, 8), (2, 8), (7,)], "a bias of 7 fits no LSTM of 2 units"),
        ([(3, 8), (2, 8), (2, 8)], "a bias of 2×8 fits no LSTM of 2 units"),
    ],
)
def test_weights_of_keras_for_other_units_are_refused(shapes: list[tuple[int, ...]], said: str) -> None:
    node = KerasNode("a", "LSTM", {"units": 2})
    with pytest.raises(keras_layouts.UnsupportedLayer, match=said):
        keras_layouts.unpacked(
            "lstm", node, [np.ones(shape, np.float32) for shape in shapes], (), "ifco", BiasReading("both")
        )


def wave(format_of: bytes | None, samples: bytes | None, size: int | None = None) -> bytes:
    parts = b"" if format_of is None else b"fmt " + struct.pack("<I", len(format_of)) + format_of
    if samples is not None:
        parts += b"data" + struct.pack("<I", len(samples) if size is None else size) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def form(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, block: int | None = None) -> bytes:
    block = channels * bits // 8 if block is None else block
    return struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"RIFX....WAVE", "is not a .wav file: it does not begin with RIFF and WAVE"),
        (b"RIFF....AVI ", "is not a .wav file: it does not begin with RIFF and WAVE"),
        (wave(None, b"ab"), "says nothing of its samples before they come; is it damaged?"),
        (wave(form()[:8], b"ab"), "says nothing of its samples before they come; is it damaged?"),
        (wave(form(), None), "holds no samples; is it cut short?"),
        (wave(form(channels=0), b"ab"), "says it has 0 channels at 8000 samples a second"),
        (wave(form(rate=0), b"ab"), "says it has 1 channel at 0 samples a second"),
        (wave(form(bits=12), b"ab"), "its samples are of 12 bits and kind 1; PCM of 8, 16, 24 or 32 bits"),
        (wave(form(tag=17), b"ab"), "its samples are of 16 bits and kind 17; PCM of 8, 16, 24 or 32 bits"),
        (wave(form(block=3), b"abc"), "a sample of all channels takes 2 bytes, and it says 3"),
        (wave(form(), b"abcd", 9), "should hold 9 bytes of samples, and holds 4; is it cut short?"),
        (wave(form(), b"a"), "holds no sample"),
        (wave(form(), bytes(10)), "holds 5 samples, and 4 is the most; cut it"),
    ],
)
def test_a_sound_that_cannot_be_read_says_why(
    data: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "MOST_SAMPLES", 4)
    path = tmp_path / "s.wav"
    path.write_bytes(wave(form(), struct.pack("<4h", 0, 16384, -16384, -32768)))
    assert sound.read_sound(path).samples.tolist() == [0, 0.5, -0.5, -1]
    path.write_bytes(data)
    with pytest.raises(UserError) as refused:
        sound.read_sound(path)
    assert f"s.wav: {said}" in str(refused.value)


STREAM: dict[str, Array] = {f"{kind}/{n}": np.ones((2, 3)) for kind in ("input", "output") for n in range(3)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"input/0": None}, "holds no input/0, and later ones; chunks count from 0"),
        ({"input/1": None}, "holds no input/1, and later ones; chunks count from 0"),
        ({"input/2": None}, "holds what came of chunk 2, and no input/2"),
        ({"output/x": np.ones(2)}, "output/x names no chunk; chunks count from 0"),
        ({"input/-1": np.ones(2)}, "input/-1 names no chunk; chunks count from 0"),
        ({f"input/{n}": None for n in range(3)}, "should hold input/0, input/1 … or `input` (chunks first), and"),
        (
            {f"input/{n}": None for n in range(3)} | {"input": np.array(1.0)},
            "`input` should hold at most 100000 chunks",
        ),
        ({"input": np.ones((3, 2))}, "holds both `input` and input/0; give the chunks one way"),
        ({"stream": np.array(["a", "b"])}, "`stream` should name the stream of each of the 3 chunks"),
        ({"state/h": np.ones((2, 4))}, "state/h should hold a state behind each chunk"),
        ({f"output/{n}": None for n in range(3)}, "holds no outputs and no states: there is nothing to compare"),
    ],
)
def test_a_recording_without_a_chunk_says_which(changed: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    savez(path, STREAM)
    assert len(read_recorded_stream(path).chunks) == 3
    savez(path, {name: one for name, one in {**STREAM, **changed}.items() if one is not None})
    with pytest.raises(UserError) as refused:
        read_recorded_stream(path)
    assert f"r.npz: {said}" in str(refused.value)


def test_lines_of_a_recording_are_lists_of_numbers_and_not_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.jsonl"
    line = b'{"input": [[1, 2]], "output": [[3]]}\n'
    for data, said in (
        (b'{"input": [[1, 2], [3]], "output": [[3]]}\n', "should be lists of numbers, of one length each"),
        (line * 5, "holds more than 3 chunks; record a part of them"),
        (line + b" " * 400, "lines of JSON may be .+ long together; give a .npz"),
    ):
        path.write_bytes(line)
        monkeypatch.setattr(recorded_stream, "MOST_CHUNKS", 3)
        monkeypatch.setattr(recorded_stream, "LINES_LIMIT", 300)
        assert len(read_recorded_stream(path).chunks) == 1
        path.write_bytes(data)
        with pytest.raises(UserError, match=said):
            read_recorded_stream(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Content-Length: 9\r\n\r\n{}", "f: ends inside a message"),
        (b"Content-Length: 2\r\n\r\n[]", "f: a message is no JSON object"),
        (b"Content-Length: 999999999\r\n\r\n{}", "f: a message is longer than "),
        (b"Content-Type: x\r\n\r\n{}", "f: is no message of the Debug Adapter Protocol: its Content-Length is missing"),
        (b"A: b\r\n" * 1000, "f: a message has more than "),
    ],
)
def test_what_is_no_message_says_why(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"Content-Length: 2\r\n\r\n{}")
    with path.open("rb", buffering=0) as file:
        assert read_message(file, "f") == {}
    path.write_bytes(content)
    with path.open("rb", buffering=0) as file, pytest.raises(UserError, match=f"^{said}"):
        read_message(file, "f")
