"""An ONNX file read: its nodes in order, those of `If` bodies in their place, and its tensors.

Tensors of an ONNX file that lie in a file beside it, as PyTorch exports them: never above its folder.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.feature_extractor import MOST_NUMBERS
from lstm_tui.formats.importers.onnx.graph import Branch, OnnxRunner
from lstm_tui.formats.importers.onnx.quantised import dequantised
from lstm_tui.formats.importers.onnx.vocabulary import encoders, texts_of_file
from lstm_tui.formats.importers.program.bodies import BODIES, Body
from lstm_tui.formats.importers.program.graph import CHOICE, RECURRENT, ProgramGraph, ProgramNode, label
from lstm_tui.formats.io.files import NETWORK_BYTES, reason, size_text


class Outside:
    """The folder of an ONNX file, and how much was read from files in it."""

    def __init__(self, path: str | Path, where: str) -> None:
        """Take the file."""
        self._folder = Path(path).parent.resolve()
        self._where = where
        self._read = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The hash of all that was read; empty where nothing was."""
        return self._hash.hexdigest() if self._read else ""

    def fetch(self, tensor: Any, size: int) -> None:
        """Put the bytes of a tensor that lies elsewhere into it.

        Args:
            tensor: Of the file.
            size: Its bytes, as its shape says.

        Raises:
            UserError: The place is outside the folder, is not there, or too short.
        """
        name = visible(tensor.name or "a constant")
        said = {one.key: one.value for one in tensor.external_data}
        location = said.get("location", "")
        path = self._path(location, name)
        try:
            offset, length = int(said.get("offset", 0)), int(said.get("length", size))
            if offset < 0 or length != size:
                raise UserError(f"{self._where}: {name} says it is {size} bytes, and {length} in {visible(location)}")
            self._read += size
            if self._read > NETWORK_BYTES:
                raise UserError(f"{self._where}: its tensors are more than {size_text(NETWORK_BYTES)}")
            with path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size < offset + size:
                    raise UserError(
                        f"{self._where}: {visible(location)}, where {name} lies, is cut short; get it again"
                    )
                stream.seek(offset)
                data = stream.read(size)
        except OSError as error:
            raise UserError(f"{self._where}: {name} lies in {visible(location)} beside it: {reason(error)}") from error
        except ValueError as error:
            raise UserError(f"{self._where}: the place of {name} in {visible(location)} is no number") from error
        self._hash.update(data)
        tensor.raw_data = data
        tensor.data_location = 0
        del tensor.external_data[:]

    def _path(self, location: str, name: str) -> Path:
        try:
            path = (self._folder / location).resolve()
            inside = path.is_relative_to(self._folder) and path != self._folder
            if inside and not path.exists():
                raise FileNotFoundError(location)
        except (OSError, ValueError, RuntimeError) as error:  # a name that holds NUL, a link to itself
            why = reason(error) if isinstance(error, OSError) else "no name of a file"
            raise UserError(f"{self._where}: {name} lies in {visible(location)} beside it: {why}") from error
        if not inside or not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{self._where}: {name} lies in {visible(location)}, which is no file in its folder")
        return path


MOST_NODES = 100_000
_IDS = 7  # TensorProto.INT64
MOST_RECURRENT = 200
_DEEPEST = 16


def read_graph(data: bytes, where: str, branch: Branch, outside: Outside) -> ProgramGraph:
    """Return the nodes of a model, those of `If` bodies in their place.

    Args:
        data: The file.
        where: What messages call it.
        branch: Says which body of an `If` with recurrent nodes is taken, `then_branch` or `else_branch`, from its
            name, the graph with both bodies, and the name of its condition.
        outside: Where tensors are read that lie in a file beside it.

    Raises:
        UserError: It is damaged, refers to files elsewhere, or its nodes read each other in a circle; or onnx is
            missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise UserError(f"{where}: looks like ONNX, which needs onnx: pip install 'lstm-tui[onnx]'") from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf and onnx raise classes of their own
        raise UserError(f"{where}: is of no format known here, or a damaged ONNX file") from error
    if not model.graph.node:
        raise UserError(f"{where}: is of no format known here, or an ONNX file without nodes")
    for one in model.opset_import:
        if one.version < 1:
            domain = visible(one.domain or "ai.onnx")
            raise UserError(f"{where}: says its operators are those of {domain} {one.version}; the first is 1")
    whole = _graph(onnx, model, where, {}, outside)
    taken: dict[str, str] = {}
    for node in whole.nodes:
        if node.op_type == CHOICE and node.name in whole.choices:
            taken[node.name] = branch(node.name, whole, node.input[0])
    return _graph(onnx, model, where, taken, outside) if taken else whole


def _graph(onnx: Any, model: Any, where: str, taken: Mapping[str, str], outside: Outside) -> ProgramGraph:
    nodes: list[Any] = []
    constants: dict[str, Array] = {}
    choices: set[str] = set()
    _flatten(onnx, model.graph, nodes, constants, taken, choices, where, 0, outside)
    nodes, rounded = dequantised(onnx, nodes, constants)
    notes = {one.key: one.value for one in model.metadata_props}
    lists = texts_of_file(notes, [node for node in nodes if not isinstance(node, ProgramNode)], constants)
    kinds = {one.name: int(one.type.tensor_type.elem_type) for one in model.graph.input}
    looked_up = {one.input: one for one in encoders(nodes, kinds, [one.name for one in model.graph.output])}
    dropped = {id(node) for one in looked_up.values() for node in (one.node, *one.drops)}
    nodes = [node for node in nodes if id(node) not in dropped]
    given = {}
    axes = {}
    for one in model.graph.input:
        if one.name not in constants:
            tensor = one.type.tensor_type
            shape = tuple(each.dim_value if each.HasField("dim_value") else None for each in tensor.shape.dim)
            encoder = looked_up.get(one.name)  # the ids it makes are what is given, for a text is split here
            name, kind = (one.name, int(tensor.elem_type)) if encoder is None else (encoder.node.output[0], _IDS)
            given[name] = (kind, shape)
            axes[name] = tuple(str(each.dim_param) for each in tensor.shape.dim)
    if sum(node.op_type in RECURRENT for node in nodes) > MOST_RECURRENT:
        raise UserError(f"{where}: has more than {MOST_RECURRENT} recurrent nodes")
    graph = ProgramGraph(
        _in_order(nodes, where), constants, given, [one.name for one in model.graph.output],
        f"{model.producer_name} {model.producer_version}".strip(), list(model.opset_import), choices, axes,
        run=OnnxRunner(list(model.opset_import)), rounded=rounded, texts=lists,
        encoders={one.node.output[0]: one for one in looked_up.values()},
    )  # fmt: skip
    graph.made_by = {name: node for node in graph.nodes for name in node.output if name}
    return graph


def _flatten(
    onnx: Any, graph: Any, nodes: list[Any], constants: dict[str, Array], taken: Mapping[str, str],
    choices: set[str], where: str, depth: int, outside: Outside,
) -> None:  # fmt: skip
    if depth > _DEEPEST:
        raise UserError(f"{where}: has graphs nested deeper than {_DEEPEST}")
    for tensor in graph.initializer:
        constants[tensor.name] = tensor_array(onnx, tensor, where, outside)
    for node in graph.node:
        if len(nodes) > MOST_NODES:
            raise UserError(f"{where}: has more than {MOST_NODES} nodes")
        bodies = {one.name: one.g for one in node.attribute if one.type == onnx.AttributeProto.GRAPH}
        if node.op_type == "If" and set(bodies) == {"then_branch", "else_branch"} and node.input:
            name = node.name or node.output[0]
            steps = any(_has_recurrent(onnx, body, 0) for body in bodies.values())
            chosen = [taken[name]] if name in taken else ["then_branch", "else_branch"]
            for one in chosen:
                _flatten(onnx, bodies[one], nodes, constants, taken, choices, where, depth + 1, outside)
            inside = [[each.name for each in bodies[one].output] for one in chosen]
            if any(len(each) != len(node.output) for each in inside):
                raise UserError(f"{where}: the bodies of {label(node)} do not give what it says")
            if len(chosen) == 1:
                for outside, result in zip(node.output, inside[0], strict=True):
                    nodes.append(onnx.helper.make_node("Identity", [result], [outside], name=f"{name} {chosen[0]}"))
            else:
                nodes.append(onnx.helper.make_node(CHOICE, [node.input[0], *inside[0], *inside[1]], node.output, name))
                choices.update([name] if steps else [])
        elif node.op_type == "Constant" and any(one.name == "value" for one in node.attribute):
            tensor = next(one.t for one in node.attribute if one.name == "value")
            constants[node.output[0]] = tensor_array(onnx, tensor, where, outside)
        elif node.op_type in BODIES and "body" in bodies:
            nodes.append(_with_body(onnx, node, bodies["body"], choices, where, depth + 1, outside))
        else:
            nodes.append(node)


def _with_body(
    onnx: Any, node: Any, graph: Any, choices: set[str], where: str, depth: int, outside: Outside
) -> ProgramNode:
    """Return a loop with its body read."""
    inside: list[Any] = []
    constants: dict[str, Array] = {}
    _flatten(onnx, graph, inside, constants, {}, choices, where, depth, outside)
    told = {
        one.name: onnx.helper.get_attribute_value(one)
        for one in node.attribute if one.type in (onnx.AttributeProto.INT, onnx.AttributeProto.INTS)
    }  # fmt: skip
    body = Body(
        node.op_type == "Loop", tuple(node.input), tuple(one.name for one in graph.input),
        tuple(one.name for one in graph.output), _in_order(inside, where), constants, told,
    )  # fmt: skip
    return body.node(node.name or (node.output[0] if node.output else ""), node.output)


def _has_recurrent(onnx: Any, graph: Any, depth: int) -> bool:
    return depth <= _DEEPEST and any(
        node.op_type in RECURRENT
        or any(
            _has_recurrent(onnx, one.g, depth + 1) for one in node.attribute if one.type == onnx.AttributeProto.GRAPH
        )
        for node in graph.node
    )


def tensor_array(onnx: Any, tensor: Any, where: str, outside: Outside) -> Array:
    """Return a tensor of the file.

    Raises:
        UserError: It lies in a file that is not beside it, or is damaged.
    """
    name = visible(tensor.name or "a constant")
    try:
        count = math.prod(tensor.dims)
        if count > MOST_NUMBERS * 8 or min(tensor.dims, default=0) < 0:
            raise UserError(f"{where}: {name} says it is {size_text(abs(count) * 4)}")
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            outside.fetch(tensor, count * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
        array = onnx.numpy_helper.to_array(tensor)
        return np.asarray(array.astype(np.float32) if array.dtype.kind not in "fiubcSUO" else array)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise UserError(f"{where}: {name} is damaged or cut short: {visible(str(error)[:120])}") from error


def _in_order(nodes: list[Any], where: str) -> list[Any]:
    made: dict[str, int] = {}
    for n, node in enumerate(nodes):
        for name in node.output:
            if name and name in made:
                raise UserError(f"{where}: two nodes make {visible(name)}")
            if name:
                made[name] = n
    waits = [{made[one] for one in node.input if one in made} for node in nodes]
    readers: dict[int, list[int]] = {}
    for n, below in enumerate(waits):
        for one in below:
            readers.setdefault(one, []).append(n)
    ready = [n for n, below in enumerate(waits) if not below]
    order: list[Any] = []
    for n in ready:  # grows while it is read
        order.append(nodes[n])
        for reader in readers.get(n, ()):
            waits[reader].discard(n)
            if not waits[reader]:
                ready.append(reader)
    if len(order) < len(nodes):
        stuck = next(node for n, node in enumerate(nodes) if waits[n])
        raise UserError(f"{where}: its nodes read each other in a circle: {label(stuck)}")
    return order
