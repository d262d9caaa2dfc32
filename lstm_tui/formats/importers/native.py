"""A network in one self-describing file: safetensors with everything else that is needed in its header."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.spec import OWN
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import HEADER_BYTES, NETWORK_BYTES, label, opened, read_bytes, size_text
from lstm_tui.formats.io.json import Fields, decode, encode

if TYPE_CHECKING:
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.model.network import Network

KEY = "lstm-tui"
VERSION = 1
MOST_LAYERS = 1000
LARGE = 1024
"""From how many numbers on a tensor is kept in half the space where that loses nothing."""
_DESCRIPTION_LIMIT = 24 << 20  # it stands in the header as a text, escaped once more
_DTYPES = {"F16": 2, "F32": 4, "F64": 8}


@door("a network")
def load(path: str | Path) -> Network:
    """Return the network of a file.

    Raises:
        UserError: It is no such file, is damaged or cut short, or does not hold what its header says.
    """
    return from_bytes(read_bytes(path, NETWORK_BYTES), path)


def from_bytes(data: bytes, path: str | Path) -> Network:
    """Return the network of the bytes of a file.

    Args:
        data: The file.
        path: What it is called.

    Raises:
        UserError: It is no such file, is damaged or cut short, or does not hold what its header says.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    from lstm_tui.engine.model.network import build_network

    where = label(path)
    content = _header(data, len(data), where)
    spec = _spec(content, where)
    _check_tensors(content, where)
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{where}: is damaged or cut short: {visible(str(error))}") from error
    dtype = max(np.dtype("float32"), *(tensor.dtype for tensor in tensors.values()))
    try:
        return build_network(spec, tensors, dtype=dtype, file=str(path), sha256=hashlib.sha256(data).hexdigest())
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{where}: describes a network that does not fit into memory") from error


def save(network: Network, path: str | Path) -> None:
    """Write a network; the file appears complete or not at all, and the same network gives the same bytes.

    A large tensor of float32 whose numbers are all float16 numbers is kept as those, with nothing lost.

    Raises:
        UserError: It cannot be written.
    """
    import numpy as np
    from safetensors.numpy import save as save_tensors

    from lstm_tui.engine.model.network import spec_of
    from lstm_tui.formats.io.files import replacing

    if network.front is not None:
        raise UserError(
            f"{visible(network.name)}: what stands before its first recurrent layer cannot be saved in a file that "
            "describes itself"
        )
    tensors = {name: np.ascontiguousarray(_kept(tensor)) for name, tensor in network.tensors().items()}
    header = encode(spec_of(network)).decode()
    if len(header.encode()) > _DESCRIPTION_LIMIT:
        size, limit = (size_text(one) for one in (len(header.encode()), _DESCRIPTION_LIMIT))
        raise UserError(f"{visible(network.name)}: its description, tokens included, is {size}; the limit is {limit}")
    data = save_tensors(tensors, {KEY: header})
    with replacing(path) as stream:
        stream.write(data)


def holds(network: Network, data: bytes) -> bool:
    """Say whether the numbers of a network fit into the tensors of a file of ours as they lie in it, bit for bit."""
    header = _header(data, len(data), network.name)
    return all(
        (entry := header.get(name)) is not None
        and entry["shape"] == list(tensor.shape)
        and (entry["dtype"] != "F16" or _kept(tensor).dtype.itemsize == _DTYPES["F16"])
        for name, tensor in network.tensors().items()
    )


def _kept(tensor: Array) -> Array:
    """Return a tensor as its file holds it: of float16 where it is large, of float32, and loses nothing by it."""
    import numpy as np

    if tensor.dtype != np.float32 or tensor.size < LARGE:
        return tensor
    with np.errstate(over="ignore"):  # a number too large for a half becomes infinite, which is not equal
        halves = tensor.astype(np.float16)
    return halves if np.array_equal(halves, tensor) else tensor


@door("a network")
def read_header(path: str | Path) -> dict[str, Any]:
    """Return what a file says of its network without reading the weights.

    Two counts are added: `parameters`, and `cost`, those that are multiplied for every token.

    Raises:
        UserError: It is no such file.
    """
    where = label(path)
    with opened(path, NETWORK_BYTES) as (stream, _):
        size = int.from_bytes(stream.read(8), "little")
        stream.seek(0)
        data = stream.read(8 + min(size, HEADER_BYTES))
        length = stream.seek(0, 2)
    content = _header(data, length, where)
    spec = _spec(content, where)
    counts = _check_tensors(content, where)
    total = sum(counts.values())
    if any("mask" in text for text in spec.get("cells", {}).values()):  # what a mask keeps at 0 is no parameter
        total = load(path).parameter_count
    return {**spec, "parameters": total, "cost": total - counts.get("embedding", 0)}


def _header(data: bytes, length: int, where: str) -> dict[str, Any]:
    """Return the JSON header of a safetensors file, whose first eight bytes are its size."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or data[8:9] != b"{" or size < 2:
        raise UserError(f"{where}: is not a safetensors file; give a network saved by this program")
    if size > HEADER_BYTES:
        raise UserError(f"{where}: is damaged: its header says it is {size_text(size)} long")
    if length < 8 + size:
        raise UserError(f"{where}: is cut short: it ends inside its header; get it again")
    content = decode(data[8 : 8 + size].rstrip(b" "), f"{where}: header")
    last = max(map(_end, content.values()), default=0)
    if length < 8 + size + last:
        raise UserError(f"{where}: is cut short: {size_text(8 + size + last - length)} are missing; get it again")
    return dict(content)


def _end(entry: Any) -> int:
    """Return where a tensor ends in the data, as far as its entry says."""
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    end = offsets[-1] if isinstance(offsets, list) and offsets else 0
    return end if isinstance(end, int) else 0


def _spec(content: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the description of the network, its fields checked for type."""
    metadata = content.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get(KEY), str):
        raise UserError(
            f"{where}: is safetensors without the description of a network (metadata `{KEY}`), "
            "so its layers are unknown; give a network saved by this program"
        )
    spec = decode(metadata[KEY], f"{where}: metadata")
    fields = Fields(spec, where)
    version = fields.get("version", int)
    if version != VERSION:
        raise UserError(f"{where}: is of version {version}, and this program reads {VERSION}; update lstm-tui")
    fields.get("name", str)
    for key in ("embedding_size", "input_size", "outputs"):
        if (size := fields.maybe(key, int)) is not None and size < 1:
            raise fields.damaged(key, "must be at least 1")
    fields.maybe("card", dict)
    fields.maybe("readout", str)
    fields.maybe("asked", str)
    classes = fields.items("classes", str) if "classes" in fields.content else []
    if classes and fields.maybe("outputs", int) not in (None, len(classes)):
        raise fields.damaged("classes", "must be as many as there are outputs")
    if fields.maybe("tokens", dict) is not None:
        tokens = fields.inside("tokens")
        tokens.choice("kind", ("words", "chars", "bytes", "pieces", "numbers"))
        tokens.maybe("lowercase", bool)
        tokens.maybe("tokenizer", str)
        if tokens.maybe("vocabulary", list) is not None:
            tokens.items("vocabulary", str)
    for key in ("cells", "readouts"):
        texts = fields.inside(key) if key in fields.content else fields
        for name in texts.content if key in fields.content else ():
            texts.get(name, str)
    layers = list(fields.each("layers"))
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise fields.damaged("layers", f"must be 1 to {MOST_LAYERS}")
    for layer in layers:
        _check_layer(layer)
    return dict(fields.content)


def _check_layer(layer: Fields) -> None:
    layer.get("cell", str)
    own = layer.inside(OWN) if layer.maybe(OWN, dict) else None  # of a pass that differs
    for direction in own.content if own is not None else ():
        assert own is not None
        if direction not in ("forward", "backward"):
            raise own.damaged(direction, "must be forward or backward")
        if (size := own.inside(direction).maybe("hidden_size", int)) is not None and size < 1:
            raise own.inside(direction).damaged("hidden_size", "must be at least 1")
    if layer.get("hidden_size", int) < 1:
        raise layer.damaged("hidden_size", "must be at least 1")
    directions = layer.items("directions", str)
    if directions not in (["forward"], ["backward"], ["forward", "backward"]):
        raise layer.damaged("directions", "must be forward, backward or both")
    layer.maybe("merge", str)
    if layer.maybe("sizes", dict):
        sizes = layer.inside("sizes")
        for letter in sizes.content:
            if sizes.get(letter, int) < 1:
                raise sizes.damaged(letter, "must be at least 1")
    if "without" in layer.content:
        layer.items("without", str)


def _check_tensors(content: dict[str, Any], where: str) -> dict[str, int]:
    """Check what the header says of the tensors and return how many numbers each holds."""
    counts = {}
    header = Fields(content, where)
    for name in content:
        if name == "__metadata__":
            continue
        tensor = header.inside(name)
        dtype = tensor.get("dtype", str)
        if dtype not in _DTYPES:
            said = f"{visible(name[:80])} holds {visible(dtype[:20])}"
            raise UserError(f"{where}: {said}; in a file that describes itself numbers are F32, F64 or F16")
        count = 1
        for length in tensor.items("shape", int):
            count *= length
        start, end = [*tensor.items("data_offsets", int), 0, 0][:2]
        if count < 0 or end - start != count * _DTYPES[dtype]:
            raise header.damaged(name, "is not as long as its shape says")
        counts[name] = count
    return counts
