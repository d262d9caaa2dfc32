"""Files of networks from people who mean harm, or whose disk was full: one line each, and nothing is run or filled."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import open_file

FILES = Path(__file__).parent / "files"
ROOM = 64 << 20  # bytes that refusing a small file may take
PROTOCOL = b"\x80\x02"


class Runs:
    """What runs a command when it is unpickled by Python."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call[0], self.call[1:]


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def named(name: str) -> bytes:
    module, _, rest = name.rpartition(".")
    return b"c" + module.encode() + b"\n" + rest.encode() + b"\n"


def zipped(pickled: bytes, storages: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)
    return stream.getvalue()


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def stored(count: int, kind: str = "torch.FloatStorage") -> bytes:
    return b"(" + text("storage") + named(kind) + text("0") + text("cpu") + number(count) + b"tQ"


def tensor(shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, count: int = 16, **how: str) -> bytes:
    """Return the pickle of one tensor by the name of a recurrent one."""
    sizes = b"".join(b"(" + b"".join(map(number, one)) + b"t" for one in (shape, stride))
    view = b"(" + stored(count, how.get("kind", "torch.FloatStorage")) + number(offset) + sizes + b"\x89Nt"
    made = named(how.get("call", "torch._utils._rebuild_tensor_v2")) + view + b"R"
    return PROTOCOL + b"}" + text("l.weight_hh_l0") + made + b"s."


def safetensors(header: dict[str, Any] | bytes, data: bytes = b"", size: int | None = None) -> bytes:
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(written) if size is None else size) + written + data


def gates(rows: int, hidden: int, **more: Any) -> bytes:
    arrays = {"l.weight_ih_l0": np.ones((rows, 2), np.float32), "l.weight_hh_l0": np.ones((rows, hidden), np.float32)}
    return pickle.dumps(arrays | more)


def nested(count: int) -> bytes:
    return PROTOCOL + b"]" * count + b"a" * (count - 1) + b"."


def laughs(depth: int) -> bytes:
    level = b"]q\x00"
    for _ in range(depth):
        level += b"]q\x01(h\x00h\x00h\x00h\x00eq\x00"
    return PROTOCOL + level + b"."


def cyclic() -> bytes:
    return PROTOCOL + b"}q\x00" + text("self") + b"h\x00s."


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a pickle that runs a command": (lambda: pickle.dumps(Runs(os.system, "true"), 2), "would call posix.system"),
    "the newest protocol": (lambda: pickle.dumps(Runs(os.system, "true"), 5), "would call posix.system"),
    "the oldest protocol": (lambda: b"cposix\nsystem\n(S'true'\ntR.", "would call posix.system"),
    "a command inside a .pt": (lambda: zipped(pickle.dumps(Runs(os.system, "x"), 2)), "would call posix.system"),
    "eval": (lambda: pickle.dumps(Runs(eval, "1"), 4), "would call builtins.eval"),
    "getattr": (lambda: pickle.dumps(Runs(getattr, "a", "b"), 4), "would call builtins.getattr"),
    "a function of a stranger": (
        lambda: PROTOCOL + named("stranger.f") + b")R.",
        "would call stranger.f: it is not weights alone",
    ),
    "a process by its class": (lambda: PROTOCOL + named("subprocess.Popen") + b")\x81.", "would call subprocess.Popen"),
    "a tensor that loads another pickle": (
        lambda: PROTOCOL + named("torch.storage._load_from_bytes") + b"(" + text("x") + b"tR.",
        "would call torch.storage._load_from_bytes",
    ),
    "an escape sequence in a name": (lambda: PROTOCOL + named("a.b\x1b]0;x\x07") + b")R.", "would call a.b␛"),
    "a memo of four thousand million": (lambda: PROTOCOL + b"]r\xff\xff\xff\xff.", "holds no tensors"),
    "text of an exabyte": (lambda: b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"x.", "damaged or cut short"),
    "bytes of four gigabytes": (lambda: b"\x80\x03B" + struct.pack("<I", 0xFFFFFFF0) + b"x.", "damaged or cut short"),
    "a pickle without an end": (lambda: PROTOCOL + b"]]]", "cut short"),
    "noise": (lambda: PROTOCOL + bytes(range(256)), "pickle"),
    "an empty stack": (lambda: PROTOCOL + b"0.", "damaged"),
    "a hundred thousand lists in each other": (lambda: nested(100_000), "holds no tensors"),
    "a thousand million million laughs": (lambda: laughs(60), "holds no tensors"),
    "a dictionary that holds itself": (cyclic, "holds no tensors"),
    "a tensor beyond its storage": (
        lambda: zipped(tensor((4, 4), (4, 1), 9), {"0": bytes(64)}),
        "it reaches beyond its storage",
    ),
    "a tensor of a million million": (
        lambda: zipped(tensor((1 << 20, 1 << 20), (0, 0)), {"0": bytes(64)}),
        "l.weight_hh_l0 is damaged: 1099511627776 numbers",
    ),
    "a stride below zero": (lambda: zipped(tensor((4, 4), (-4, 1)), {"0": bytes(64)}), "a size below 0"),
    "a storage that is not there": (lambda: zipped(tensor((4, 4), (4, 1))), "lacks archive/data/0"),
    "a storage larger than it says": (
        lambda: zipped(tensor((4, 4), (4, 1)), {"0": bytes(8 << 20)}, zipfile.ZIP_DEFLATED),
        "unpacks to 8 MB",
    ),
    "a quantised storage": (
        lambda: zipped(tensor((4, 4), (4, 1), kind="torch.QInt8Storage"), {"0": bytes(64)}),
        "holds torch.QInt8Storage: quantised",
    ),
    "a quantised tensor": (
        lambda: zipped(tensor((4, 4), (4, 1), call="torch._utils._rebuild_qtensor"), {"0": bytes(64)}),
        "another kind (qtensor)",
    ),
    "a sparse tensor": (
        lambda: zipped(tensor((4, 4), (4, 1), call="torch._utils._rebuild_sparse_tensor"), {"0": bytes(64)}),
        "another kind (sparse_tensor)",
    ),
    "a zip of something else": (lambda: _zip({"readme.txt": b"x"}), "without data.pkl"),
    "half a .pt": (lambda: (FILES / "torch_tagger.pt").read_bytes()[:3000], "damaged or cut short"),
    "half a legacy file": (
        lambda: (FILES / "torch_gru_both_legacy.pth").read_bytes()[:-100],
        "damaged or cut short in its storages",
    ),
    "half a safetensors": (lambda: (FILES / "torch_tagger.safetensors").read_bytes()[:-100], "cut short"),
    "a header of terabytes": (lambda: safetensors(b"{}", size=1 << 42), "its header says it is"),
    "a header that is cut": (lambda: safetensors(b"{}", size=1 << 20), "ends inside its header"),
    "a tensor of terabytes": (
        lambda: safetensors({"l.weight_hh_l0": {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 8]}}),
        "is not as long as its shape says",
    ),
    "a tensor beyond the file": (
        lambda: safetensors({"l.weight_hh_l0": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}),
        "cut short",
    ),
    "numbers of eight bits": (
        lambda: safetensors({"l.weight_hh_l0": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"x"),
        "holds F8_E4M3 numbers",
    ),
    "integers for weights": (
        lambda: pickle.dumps({f"l.weight_{one}_l0": np.ones((8, 2), np.int8) for one in ("ih", "hh")}),
        "is int8: quantised weights are not read",
    ),
    "no units": (lambda: gates(0, 0), "it should be a matrix"),
    "a shape of no cell": (lambda: gates(10, 4), "no cell has weight_ih 10×2, weight_hh 10×4"),
    "a bias of another length": (lambda: gates(8, 2, **{"l.bias_ih_l0": np.ones(7, np.float32)}), "no cell has"),
    "a layer without the one below": (
        lambda: pickle.dumps({f"l.weight_{one}_l1": np.ones((8, 2), np.float32) for one in ("ih", "hh")}),
        "has no layer 0, and one above it",
    ),
    "one matrix alone": (lambda: pickle.dumps({"l.weight_hh_l0": np.ones((8, 2), np.float32)}), "has no weight_ih"),
    "objects in an array": (lambda: pickle.dumps({"a": np.array([{}, []], dtype=object)}), "an array of objects"),
    "nothing recurrent": (
        lambda: pickle.dumps({"fc.weight": np.ones((2, 2), np.float32)}),
        "no recurrent layer is known by the names of its tensors (fc.weight)",
    ),
    "text": (lambda: b"the movie was not bad\n", "is of no format"),
}


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize("case", HOSTILE)
def test_one_line_and_little_memory(case: str, tmp_path: Path) -> None:
    build, says = HOSTILE[case]
    path = tmp_path / "model.bin"
    path.write_bytes(build())
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            open_file(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert says in message
    assert message.isprintable()
    assert message.startswith(str(path))
    assert peak < ROOM


def test_an_object_array_in_an_npz_is_refused(tmp_path: Path) -> None:
    savez(tmp_path / "w.npz", {"l.weight_hh_l0": np.array([Runs(os.system, "true")], dtype=object)})
    with pytest.raises(UserError, match="holds object, not numbers"):
        open_file(tmp_path / "w.npz")


@pytest.mark.parametrize("name", ["torch_tagger.pt", "torch_gru_both_legacy.pth", "torch_tagger_bf16.safetensors"])
def test_a_file_cut_anywhere_is_one_line(name: str, tmp_path: Path) -> None:
    data = (FILES / name).read_bytes()
    path = tmp_path / name
    for length in range(1, len(data) - 1, max(len(data) // 60, 1)):
        path.write_bytes(data[:length])
        with pytest.raises(UserError) as caught:
            open_file(path)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("places", [50, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["torch_tagger.pt", "torch_gru_both_legacy.pth", "torch_rnn_relu_module.pt"])
def test_a_flipped_byte_is_one_line_or_another_number(name: str, places: int, tmp_path: Path) -> None:
    data = bytearray((FILES / name).read_bytes())
    path = tmp_path / name
    for place in range(0, len(data), max(len(data) // places, 1)):
        kept, data[place] = data[place], data[place] ^ 0x55
        path.write_bytes(data)
        with suppress(UserError):  # which is one line by itself; any other error is a mistake of ours
            open_file(path)
        data[place] = kept


def test_weights_that_are_no_numbers_are_opened_and_said(tmp_path: Path) -> None:
    arrays = pickle.loads(gates(8, 2))
    arrays["l.weight_hh_l0"][3, 1] = np.nan
    (tmp_path / "nan.pkl").write_bytes(pickle.dumps(arrays))
    network = open_file(tmp_path / "nan.pkl").network
    assert any("layer0.forward/U_" in remark for remark in network.remarks)


@pytest.mark.parametrize(
    ("package", "data", "extra"),
    [("h5py", b"\x89HDF\r\n\x1a\n" + bytes(64), "keras"), ("onnx", b"\x08\x08" + bytes(64), "onnx")],
)
def test_a_missing_extra_is_named_with_its_command(
    package: str, data: bytes, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(UserError, match=rf"pip install 'lstm-tui\[{extra}\]'"):
        open_file(tmp_path / "model")


def test_a_zip_bomb_of_keras_is_refused_by_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lstm_tui.formats.importers.keras import file as keras_file

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b"{}")
        archive.writestr("model.weights.h5", bytes(1 << 22))
    (tmp_path / "m.keras").write_bytes(stream.getvalue())
    monkeypatch.setattr(keras_file, "NETWORK_BYTES", 1 << 20)
    with pytest.raises(UserError, match="unpacks to 4 MB; the limit is 1 MB"):
        open_file(tmp_path / "m.keras")
