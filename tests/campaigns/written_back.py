"""Random small networks edited, written back into their own files, and run by the frameworks that made them.

`python -m tests.campaigns.written_back --count 20 --seed 1` edits every number of every network that is right, opens
the written file with its own framework and compares what that gives with the edited network here; beside it, every
number of the file that nothing was said of has to be as it was. Exits with 1 where one differs.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import pickletools
import random
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.importers.open import Imported, open_file
from lstm_tui.formats.write_back.write_back import WrittenBack, written_back

from .bag_files import FAMILIES as BAGS
from .graphs import FAMILIES as GRAPHS
from .graphs import maker_of
from .verdicts import RIGHT, Case, compared

FAMILIES = {**GRAPHS, **BAGS}
SAME, PARTLY, NOT_COMPARED, REFUSED, DIFFERS = (
    "the same", "the same but for what is refused", "not compared", "refused", "DIFFERS",
)  # fmt: skip
_PICKLES = 5  # with which PyTorch's form of before 1.6 begins: magic, protocol, system, what is saved, keys
VERDICTS = (SAME, PARTLY, NOT_COMPARED, REFUSED, DIFFERS)


def main() -> int:
    """Run the campaign and print its table; 1 where a framework says something else of a written file."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.written_back", description=__doc__)
    parser.add_argument("family", nargs="*", help=f"one of: {', '.join(FAMILIES)} (default: all that are installed)")
    parser.add_argument("--count", type=int, default=20, help="files of each family (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same files (default: 0)")
    parser.add_argument("--only", type=int, help="number of one file, to see it again")
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    print(f"| network | files | {' | '.join(VERDICTS)} |\n|---|{'---|' * (len(VERDICTS) + 1)}")
    findings: list[str] = []
    for family in given.family or FAMILIES:
        missing = [one for one in FAMILIES[family][1] if importlib.util.find_spec(one) is None]
        if missing:
            print(f"{family} is left out: {', '.join(missing)} not installed", file=sys.stderr)
            continue
        counts: Counter[str] = Counter()
        for number in range(given.count) if given.only is None else [given.only]:
            try:
                case = maker_of(family, FAMILIES)(random.Random(f"{family} {given.seed} {number}"))
            except Exception:  # what a framework refuses to build is no network
                continue
            try:
                verdict, why = judged(case, random.Random(number))
            except Exception:
                verdict, why = DIFFERS, traceback.format_exc(limit=-4)
            counts[verdict] += 1
            if verdict == DIFFERS or given.only is not None:
                findings.append(f"{verdict}: {family} number {number}: {why}\n    {case.told}")
        print(f"| {family} | {sum(counts.values())} | {' | '.join(str(counts[one]) for one in VERDICTS)} |", flush=True)
    print("\n".join(["", *findings]))
    return int(any(one.startswith(DIFFERS) for one in findings))


def judged(case: Case, draw: random.Random) -> tuple[str, str]:
    """Return what became of an edited network in its own file, and why."""
    assert case.run is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = case.write(folder)
        try:
            opened = open_file(path)
        except UserError as error:
            return NOT_COMPARED, str(error)
        as_it_was = compared(case, opened, folder, path)[0]
        before = written_back(opened.network.copy()).data
        try:
            made, edited, refused = written(opened.network, draw.randrange(1 << 30))
        except UserError as error:
            return REFUSED, str(error)
        off = numbers_changed(before, made.data)
        if off != made.changed:
            return DIFFERS, f"{off} numbers of the file changed, and {made.changed} is said: {made.tensors}"
        for one in folder.iterdir():
            if one.name == f"{path.name}.data":
                one.unlink()
        path.write_bytes(made.data)
        try:
            said = case.run(path)
        except Exception:
            if _runs(case):
                raise
            return NOT_COMPARED, "its own framework does not open the file as it was"
        again = replace(case, outputs=said, states={})
        verdict, why = compared(again, Imported(edited, opened.report), folder, path)
        if verdict != RIGHT:
            return (NOT_COMPARED, why) if verdict == as_it_was else (DIFFERS, why)
        return (PARTLY if refused else SAME), ", ".join(refused)


def _runs(case: Case) -> bool:
    """Say whether the framework opens its own file before anything is changed."""
    assert case.run is not None
    with tempfile.TemporaryDirectory() as name:
        try:
            case.run(case.write(Path(name)))
        except Exception:
            return False
    return True


def written(opened: Network, seed: int) -> tuple[WrittenBack, Network, list[str]]:
    """Write back a network every number of which is another, but for those that cannot be put back, which are named."""
    numbers, edited = np.random.default_rng(seed), opened.copy()
    for one in edited.tensors().values():
        one += numbers.normal(0, 0.3, one.shape).astype(one.dtype)
    edited.apply_masks()
    refused: list[str] = []
    while True:
        try:
            return written_back(edited), edited, refused
        except UserError as error:
            left = [name for name in edited.tensors() if name not in refused]
            named = [name for name in left if f"{name}[" in str(error)] or [
                name for name in left if name.startswith("readout/") and name.split("/")[1][0] in "Vsb"
            ]
            if not named:
                raise
            for name in named:
                refused.append(name)
                edited.tensors()[name][...] = opened.tensors()[name]


def numbers_changed(before: bytes, after: bytes) -> int:
    """Return how many numbers of a file differ from those of another; all else of both is the same.

    Raises:
        AssertionError: Something that is no number differs.
    """
    one, other = dict(parts_of(before)), dict(parts_of(after))
    assert one.keys() == other.keys(), one.keys() ^ other.keys()
    changed = 0
    for name, numbers in one.items():
        now = other[name]
        assert (numbers.shape, numbers.dtype) == (now.shape, now.dtype), name
        differ = int(np.sum(numbers.view(f"u{numbers.itemsize}") != now.view(f"u{now.itemsize}")))
        assert not differ or numbers.dtype.kind == "f" or name.startswith("words"), f"{name} changed"
        changed += differ
    return changed


def parts_of(data: bytes, name: str = "") -> Iterator[tuple[str, Array]]:
    """Yield everything in a file: arrays of numbers by their names, and what is none as bytes."""
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for one in archive.infolist():
                yield f"entry {name}{one.filename}", _bytes(repr((one.date_time, one.compress_type, one.file_size)))
                yield from parts_of(archive.read(one), f"{name}{one.filename}/")
    elif data[:4] == b"\x89HDF":
        yield from _hdf5(data, name)
    elif not name and data[8:9] == b"{":  # safetensors, whose length before that may begin as anything
        size = 8 + int.from_bytes(data[:8], "little")
        yield "header", np.frombuffer(data[:size], np.uint8)
        yield "words", np.frombuffer(data[size:], np.uint32)
    elif not name and data[:1] == b"\x80":  # PyTorch's form of before 1.6: pickles, then storages behind their lengths
        stream = io.BytesIO(data)
        for _ in range(_PICKLES):
            list(pickletools.genops(stream))
        yield "pickles", np.frombuffer(data[: stream.tell()], np.uint8)
        yield "words", np.frombuffer(data[stream.tell() :], np.uint32)
    elif name.endswith(".npy/"):
        yield name, np.load(io.BytesIO(data)).ravel()
    elif name:  # a storage of PyTorch, all of whose numbers are 32 bits wide here, or something that is no number
        numbers = any(one in name for one in ("/data/", "/constants/", "/weights/")) and not len(data) % 4
        yield (f"words {name}", np.frombuffer(data, np.uint32)) if numbers else (name, np.frombuffer(data, np.uint8))
    else:
        yield from _onnx(data)


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8)


def _hdf5(data: bytes, name: str) -> Iterator[tuple[str, Array]]:
    import h5py

    found: list[tuple[str, Array]] = []

    def visit(path: str, one: Any) -> None:
        for key, value in one.attrs.items():
            found.append((f"{name}{path} @{key}", _bytes(repr(np.asarray(value).tolist()))))
        if isinstance(one, h5py.Dataset):
            value = np.asarray(one[()])
            found.append((f"{name}{path}", value.ravel() if value.dtype.kind == "f" else _bytes(repr(value.tolist()))))

    with h5py.File(io.BytesIO(data), "r") as file:
        visit("", file)
        file.visititems(visit)
    yield from found


def _onnx(data: bytes) -> Iterator[tuple[str, Array]]:
    import onnx

    model = onnx.load_model_from_string(data)
    waiting, count = [model.graph], 0
    while waiting:
        graph = waiting.pop()
        tensors = list(graph.initializer)
        for node in graph.node:
            for one in node.attribute:
                waiting += [one.g] if one.type == onnx.AttributeProto.GRAPH else []
                tensors += [one.t] if one.type == onnx.AttributeProto.TENSOR else []
        for tensor in tensors:
            count += 1
            yield f"tensor {count} {tensor.name}", onnx.numpy_helper.to_array(tensor).ravel()
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
    yield "all else", np.frombuffer(model.SerializeToString(deterministic=True), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
