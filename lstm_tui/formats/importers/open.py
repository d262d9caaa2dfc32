"""The door for every file of a network: told apart by what is in it, opened, and said what was understood."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import field, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door, guarded
from lstm_tui.engine.errors import UsageError, UserError, nearest
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.importers.network_endings import ANY_OF_THEM
from lstm_tui.formats.importers.not_read import way_out
from lstm_tui.formats.io.files import HEADER_BYTES, NETWORK_BYTES, label, opened, read_bytes

if TYPE_CHECKING:
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.model.network import Network
    from lstm_tui.formats.importers.plan import Found, Plan
    from lstm_tui.formats.importers.torch.file import Checkpoint
    from lstm_tui.formats.importers.vocabularies import Texts

_SMALL = 64 << 20  # bytes from which a file is read only when it begins as a known kind
_HEAD = 1 << 12
_IN_PARTS = {"weight_norm": "kept as length and direction", "pruned": "kept whole beside a mask of what was pruned",
             "spectral_norm": "kept undivided beside the vectors of its spectral norm"}  # fmt: skip
_HDF5 = b"\x89HDF\r\n\x1a\n"


MOST_PADDED = 1_000_000
"""To how many tokens a text is padded at most."""


@dataclass(frozen=True)
class ImportOptions:
    """What a user says of a file beside its name.

    Attributes:
        settings: Decisions by key, as `--set` gives them.
        mapping: A mapping file, or None.
        network: Which of several networks of the file, or None.
        vocabulary: A file of tokens, the tokens by id, a mapping of them to ids, or None.
        tokens: What a text is split into, or None.
        pad: Where a text is padded, and to how many tokens, as the network was trained with; or None.
        classes: Names of the outputs; none where the file says them, or nobody does.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    mapping: str | None = None
    network: str | None = None
    vocabulary: str | tuple[str, ...] | Mapping[str, int] | None = None
    tokens: str | None = None
    pad: tuple[str, int] | None = None
    classes: tuple[str, ...] = ()


AS_IT_IS = ImportOptions()


def reading_of(
    decisions: object = None,
    mapping: str | Path | None = None,
    network: str | None = None,
    vocabulary: str | Path | Iterable[str] | Mapping[str, int] | None = None,
    tokens: str | None = None,
    pad: object = None,
    classes: Sequence[str] = (),
) -> ImportOptions:
    """Return what a caller from Python says of a file, as `lstm_tui.load` takes it.

    Raises:
        UserError: Decisions are no mapping of texts, the padding no side and count, the names no texts, or the
            vocabulary neither a file nor tokens.
    """
    given = {} if decisions is None else decisions
    if not isinstance(given, Mapping) or not all(isinstance(one, str) for pair in given.items() for one in pair):
        raise UserError('decisions are a mapping of texts, such as {"layer0.gate_order": "ifgo"}')
    names = tuple(classes) if isinstance(classes, Iterable) and not isinstance(classes, str) else (None,)
    if not all(isinstance(one, str) for one in names):
        raise UserError('classes= are names of the outputs, such as ("bad", "good")')
    called = tuple(str(one) for one in names)
    return ImportOptions(
        dict(given), _path_text(mapping), network, _vocabulary_of(vocabulary), tokens, _padding_of(pad), called
    )


def _vocabulary_of(given: object) -> str | tuple[str, ...] | Mapping[str, int] | None:
    """Return a vocabulary as a caller gives it: a file, tokens by id, tokens with their ids, or what has them."""
    given = getattr(given, "itos", given)
    if given is None or isinstance(given, str | Path):
        return None if given is None else str(given)
    if isinstance(given, Mapping):
        if all(isinstance(one, str) and isinstance(number, Integral) for one, number in given.items()):
            return {one: int(number) for one, number in given.items()}
        by_id = set(given) == set(range(len(given)))
        given = [given[number] for number in range(len(given))] if by_id else (None,)
    tokens = tuple(given) if isinstance(given, Iterable) and not isinstance(given, Set) else (None,)
    if not all(isinstance(one, str) for one in tokens):
        raise UserError('vocabulary= is a file, or the tokens by id, such as ["<pad>", "the", "movie"]')
    return tuple(str(one) for one in tokens)


def _path_text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


def _padding_of(pad: object) -> tuple[str, int] | None:
    """Return where a text is padded and to how many tokens, as a caller gives it."""
    if pad is None:
        return None
    if isinstance(pad, tuple | list) and len(pad) == 2:
        where, count = pad
        whole = isinstance(count, Integral) and not isinstance(count, bool) and 1 <= int(count) <= MOST_PADDED
        if isinstance(where, str) and where in ("pre", "post") and whole:
            return where, int(count)
    raise UserError(
        f'pad= is ("pre", N) or ("post", N) with a whole number from 1 to {MOST_PADDED}, not {visible(repr(pad))[:60]}'
    )


@dataclass(frozen=True)
class NetworkOrigin:
    """Where a network came from: what opens it again, and so what its numbers can be written back into.

    Attributes:
        path: Its file.
        reading: What the user said of it.
        layer: The one layer that was taken out of it, or None for all.
    """

    path: str
    reading: ImportOptions = AS_IT_IS
    layer: int | str | None = None


@dataclass(frozen=True)
class Imported:
    """A file that was understood.

    Attributes:
        network: What runs.
        report: What was understood.
        names: Of all networks of the file.
    """

    network: Network
    report: ImportReport
    names: tuple[str, ...] = ()


@door("a network")
def open_file(path: str | Path, reading: ImportOptions = AS_IT_IS) -> Imported:
    """Open a network of any format.

    Raises:
        UserError: It is of no known format, is damaged, or nothing in it can be run.
    """
    return read_once(path, reading)({})


@door("a network")
def read_once(path: str | Path, reading: ImportOptions = AS_IT_IS) -> Callable[[Mapping[str, str]], Imported]:
    """Read a file, and return what understands it with further decisions, as often as it is asked.

    Raises:
        UserError: It is of no known format or is damaged; later, that nothing in it can be run.
    """
    return understood(file_bytes(path), path, reading)


def understood(
    data: bytes, path: str | Path, reading: ImportOptions = AS_IT_IS
) -> Callable[[Mapping[str, str]], Imported]:
    """Return what understands a file of these bytes, as if they stood at a path.

    Args:
        data: The file.
        path: What it is called, and beside which other files of it are looked for.
        reading: What the user says of it.

    Raises:
        UserError: As `read_once`.
    """
    where = label(path)
    kind = kind_of(data)
    if kind == "native":
        opened = _native(data, path, reading, where)
        return lambda settings: opened
    with guarded(where, "a network"):
        found, said = _found(kind, data, path, reading, where)
    sha256 = hashlib.sha256(data + bytes.fromhex(said.beside)).hexdigest()

    def imported(settings: Mapping[str, str]) -> Imported:
        report = said.again(settings)
        with guarded(where, "a network"):
            network = _network(found, report, path, sha256, reading)
        network = replace(network, origin=NetworkOrigin(str(path), reading))
        return Imported(network, report, tuple(one.name for one in found))

    return imported


@door("the tensors of a network")
def read_tensors(path: str | Path) -> dict[str, Array]:
    """Return every tensor of a file by name, whether or not a network is found among them.

    Raises:
        UserError: It is of no known format, is damaged, or its format keeps no tensors by name.
    """
    where = label(path)
    data = file_bytes(path)
    kind = kind_of(data)
    with guarded(where, "tensors"):
        return _named_tensors(kind, data, path, ImportReport(where), where)


def _named_tensors(kind: str, data: bytes, path: str | Path, report: ImportReport, where: str) -> dict[str, Array]:
    """Return the tensors of a file that a mapping can name."""
    if kind in ("keras", "hdf5"):
        from lstm_tui.formats.importers.keras.hdf5 import read_hdf5

        if kind == "keras":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                member = archive.getinfo("model.weights.h5")
                if member.file_size > NETWORK_BYTES:
                    raise UserError(f"{where}: unpacks to more than is read")
                data = archive.read(member)
        report.format = "HDF5: arrays by path"
        return {name: one for name, one in read_hdf5(data, where).arrays.items() if one.dtype.kind == "f"}
    if kind == "onnx":
        from lstm_tui.formats.importers.onnx.file import Outside, read_graph

        report.format = "ONNX: its tensors by name, its graph is not followed"
        graph = read_graph(data, where, lambda name, whole, condition: "then_branch", Outside(path, where))
        return {name: one for name, one in graph.constants.items() if one.dtype.kind == "f"}
    if kind in ("safetensors", "torch", "npz"):
        from lstm_tui.formats.importers.torch.reparametrised import joined

        tensors, in_parts = joined(_tensors(kind, data, path, report, where).tensors)
        for key, names in in_parts.items():
            report.say(key, ", ".join(names), "confirmed", f"{_IN_PARTS[key]}, put together here")
        return tensors
    raise UserError(f"{where}: keeps no tensors that a mapping file could name")


def _network(
    found: list[Found], report: ImportReport, path: str | Path, sha256: str, reading: ImportOptions
) -> Network:
    chosen = _choose(found, reading.network, report.file)
    if len(found) > 1:
        others = ", ".join(visible(one.name) for one in found if one is not chosen)
        report.say("network", chosen.name, "set" if reading.network else "assumed", f"--network takes {others}")
    if reading.classes:
        report.say("classes", ", ".join(map(visible, reading.classes)), "set", "--classes")
    plan = chosen.plan(report)
    plan = _read_with(replace(plan, name=_name(path, chosen.name)), reading, report)
    report.check_settings()
    from lstm_tui.formats.importers.assemble import assemble

    network = assemble(plan, report, str(path), sha256)
    return network.with_classes(reading.classes) if reading.classes else network


def _read_with(plan: Plan, reading: ImportOptions, report: ImportReport) -> Plan:
    """Return a plan that reads text as the user says."""
    rows = 0 if plan.embedding is None else len(plan.embedding)
    if plan.front is not None:
        rows = max(getattr(plan.front, "ids", {}).values(), default=0)
    if reading.vocabulary is None:
        if reading.pad is not None and not rows:
            raise UserError(f"{report.file}: reads no ids, so there is nothing to pad")
        return replace(plan, pad=reading.pad)
    if not rows:
        raise UserError(f"{report.file}: reads no ids, so it needs no vocabulary")
    from lstm_tui.formats.inputs.vocabulary_file import read_vocabulary

    tokens, pad_id = read_vocabulary(reading.vocabulary, reading.tokens, rows, report, reading.pad is None)
    return replace(plan, tokens=tokens, pad=reading.pad, pad_id=pad_id)


@door("a network")
def file_bytes(path: str | Path) -> bytes:
    """Return the content of a file; a large one is read only where its first bytes are those of a network.

    Raises:
        UserError: It cannot be read, or is too large.
    """
    where = label(path)
    if told := way_out(path):
        raise UserError(f"{where}: {told}")
    if os.path.isfile(path) and os.path.getsize(path) > _SMALL:
        with opened(path, NETWORK_BYTES) as (stream, _):
            if kind_of(stream.read(_HEAD)) == "unknown":
                raise _no_format(where)
    return read_bytes(path, NETWORK_BYTES)


def _no_format(where: str) -> UserError:
    return UserError(f"{where}: is of no format known here; give {ANY_OF_THEM}")


def kind_of(data: bytes) -> str:
    """Return the kind of a file by what is in it: native, safetensors, torch, npz, keras, hdf5, onnx or unknown."""
    if data[8:9] == b"{":
        size = int.from_bytes(data[:8], "little")
        return "native" if b'"lstm-tui"' in data[8 : 8 + min(size, HEADER_BYTES)] else "safetensors"
    if data.startswith(_HDF5):
        return "hdf5"
    if data.startswith(b"PK"):
        return _kind_of_zip(data)
    from lstm_tui.formats.importers.torch.file import is_torch

    if is_torch(data):
        return "torch"
    return "onnx" if data[:1] == b"\x08" else "unknown"


def _kind_of_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:  # a damaged archive fails in a dozen ways; reading it says so
        return "torch"
    if "model.weights.h5" in names and "config.json" in names:
        return "keras"
    return "npz" if any(name.endswith(".npy") for name in names[:100]) else "torch"


def _found(
    kind: str, data: bytes, path: str | Path, reading: ImportOptions, where: str
) -> tuple[list[Found], ImportReport]:
    mapping = None
    settings = dict(reading.settings)
    if reading.mapping is not None:
        from lstm_tui.formats.importers.mapping_file import read_mapping, settings_of

        mapping = read_mapping(reading.mapping)
        settings = settings_of(mapping) | settings
    report = ImportReport(where, settings=settings)
    if mapping is not None and "layer" in mapping.content:
        from lstm_tui.formats.importers.mapping_file import find_mapped

        tensors = _named_tensors(kind, data, path, report, where)
        return [find_mapped(mapping, tensors, Path(str(reading.mapping)).parent)], report
    if kind in ("keras", "hdf5"):
        return _keras(kind, data, path, report, where), report
    if kind == "onnx":
        from lstm_tui.formats.importers.onnx.plan import find_onnx

        return find_onnx(data, path, where, report), report
    if kind in ("safetensors", "torch", "npz"):
        from lstm_tui.formats.importers.state_dict import find_networks
        from lstm_tui.formats.importers.torch.reparametrised import joined

        held = _tensors(kind, data, path, report, where)
        tensors, modules, lists = held.tensors, held.modules, held.lists
        program = held.script or held.exported
        if program is not None:
            from lstm_tui.formats.importers.torch.program import find_program

            found = find_program(program, tensors, lists, where, report)
            if found is not None:
                return found, report
        from lstm_tui.formats.importers.released.layouts import find_released

        if released := find_released(tensors, where):
            return released, report
        tensors, in_parts = joined(tensors)
        for key, names in in_parts.items():
            report.say(key, ", ".join(names), "confirmed", f"{_IN_PARTS[key]}, put together here")
        return find_networks(tensors, where, modules, report, lists), report
    raise _no_format(where)


def _keras(kind: str, data: bytes, path: str | Path, report: ImportReport, where: str) -> list[Found]:
    from lstm_tui.formats.importers.keras.file import read_h5, read_keras

    if kind == "keras":
        file = read_keras(data, where)
    else:
        file = read_h5(data, path, where, report.settings.get("description"))
    report.format = f"Keras {file.version or file.generation}: " + (
        "weights alone" if file.config is None else "layers and weights"
    )
    if file.config is None:
        from lstm_tui.formats.importers.keras.weights import find_keras_weights

        return find_keras_weights(file, where)
    from lstm_tui.formats.importers.keras.plan import find_keras

    return find_keras(file, where)


def _tensors(kind: str, data: bytes, path: str | Path, report: ImportReport, where: str) -> Checkpoint:
    """Return what a file holds: tensors by name, and what stands beside them."""
    from lstm_tui.formats.importers.torch.file import Checkpoint, read_torch
    from lstm_tui.formats.importers.vocabularies import texts_in_notes, texts_of

    if kind == "safetensors":
        from lstm_tui.formats.importers.safetensors_file import read_safetensors

        tensors, notes = read_safetensors(data, where)
        report.format = "safetensors: names, shapes and numbers"
        return Checkpoint(tensors, lists=texts_in_notes(notes))
    if kind == "npz":
        from lstm_tui.formats.io.npy import unpacked

        tensors = unpacked(data, where, NETWORK_BYTES, "fiubU")
        if "header" in tensors and tensors["header"].dtype.kind == "U":
            raise UserError(f"{where}: is a trace; show it with `lstm-tui open`")
        report.format = "NumPy arrays by name"
        texts = {name: one for name, one in tensors.items() if one.dtype.kind == "U"}
        lists: dict[str, Texts] = {}
        for name, one in texts.items():
            found = texts_of([str(text) for text in one], name) if one.ndim == 1 else None
            lists |= texts_in_notes({name: str(one)}) if one.ndim == 0 else {} if found is None else {name: found}
        return Checkpoint({name: one for name, one in tensors.items() if name not in texts}, lists=lists)
    wanted = report.settings.get("container")
    checkpoint = read_torch(data, where, wanted)
    report.format = "PyTorch or pickled arrays, read without running anything in it"
    if checkpoint.script is not None:
        report.format = "TorchScript: weights and program, read without running anything in it"
    if checkpoint.exported is not None:
        version = visible(checkpoint.exported.version)
        report.format = f"torch.export of PyTorch {version}: weights and graph, read without running anything in it"
    if checkpoint.container:
        how: How = "inferred" if checkpoint.together else "confirmed"
        why = "each holds a part of a network" if checkpoint.together else "weights stand there"
        report.choose("container", checkpoint.container, checkpoint.others, how, why, matters=False)
    for key in checkpoint.beside:
        report.warnings.append(
            f"{visible(key)} holds matrices and stands beside {visible(checkpoint.container)}: it is not read"
        )
    return checkpoint


def _choose(found: list[Found], wanted: str | None, where: str) -> Found:
    if wanted is None:
        return found[0]
    names = [one.name for one in found]
    for one in found:
        if wanted == one.name:
            return one
    alike = [one for one in found if one.name and (wanted.startswith(one.name) or one.name.startswith(wanted))]
    if len(alike) == 1:
        return alike[0]
    if len(found) == 1:
        raise UserError(f"{where}: holds one network, so --network has nothing to choose")
    near = nearest(wanted, names)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(map(visible, names))}"
    raise UserError(f"{where}: has no network {visible(wanted)!r}; {hint}")


def _name(path: str | Path, network: str) -> str:
    stem = Path(path).stem
    return f"{stem} {network}".strip() if network else stem


def _native(data: bytes, path: str | Path, reading: ImportOptions, where: str) -> Imported:
    from lstm_tui.formats.importers.native import from_bytes

    if reading != replace(AS_IT_IS, classes=reading.classes):
        raise UsageError(f"{where}: describes itself, so nothing else can be said of it but --classes")
    network = replace(from_bytes(data, path), origin=NetworkOrigin(str(path), reading))
    if reading.classes:
        network = network.with_classes(reading.classes)
    report = ImportReport(where, "a network saved by this program, which describes itself")
    imported = network.card.get("imported")
    if isinstance(imported, Mapping):  # converted: what was understood of the file it came from is no more certain now
        report.recall(imported)
        return Imported(network, report, (network.name,))
    if network.tokens is not None and network.tokens.definition:
        count = len(network.tokens.vocabulary)
        report.say("tokens", f"{count} pieces, split by a tokenizer", "confirmed", "the header")
    for n, layer in enumerate(network.layers):
        first = layer.passes[0]
        report.say(f"layer{n}.cell", first.cell.name, "confirmed", "the header")
        report.say(
            f"layer{n}.size", f"{first.program.input_size} → {first.program.hidden_size}", "confirmed", "the header"
        )
        report.say(f"layer{n}.directions", " + ".join(one.direction for one in layer.passes), "confirmed", "the header")
        if len(layer.passes) > 1:
            report.say(f"layer{n}.merge", layer.merge, "confirmed", "the header")
    report.say("readout", "none" if network.readout is None else network.readout.page.name, "confirmed", "the header")
    return Imported(network, report, (network.name,))
