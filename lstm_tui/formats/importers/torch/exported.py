"""Programs of torch.export: a graph of ATen calls as JSON and the tensors it reads, each in a member of a zip."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.torch.call_arguments import axis_of, is_number, is_whole, is_wholes
from lstm_tui.formats.importers.torch.pickled_arrays import HALVES, Storage, Tensor, view
from lstm_tui.formats.importers.torch.program_builder import (
    InputShape,
    ProgramBuilder,
    ProgramStopped,
    TensorRef,
    tensors_in,
)
from lstm_tui.formats.importers.torch.program_ops import call
from lstm_tui.formats.io.json import decode

OLDER = "serialized_exported_program.json"
"""The program of an archive of before 2.8."""
OLDER_TENSORS = ("serialized_state_dict.pt", "serialized_constants.pt")
MOST_JSON = 64 << 20
_MOST_BYTES = 1 << 30
_MOST_CALLS = 100_000
MOST_SIZE = 1 << 31
_DTYPES = {1: "|u1", 2: "|i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f2", 7: "<f4", 8: "<f8", 12: "|b1", 13: "bfloat16"}
"""Kinds of numbers as torch.export counts them."""
_NUMBERED = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 12: 11, 13: 15}
"""The same as PyTorch's functions count them."""
_ONNX = {3: 5, 4: 6, 5: 7, 6: 10, 7: 1, 8: 11, 12: 9, 1: 2, 2: 3}
"""The same as ONNX counts them."""
Content = Callable[[str, int], bytes]
"""Returns a member of the archive by its name, no larger than a number of bytes; raises UserError."""


@dataclass(frozen=True, eq=False)
class ExportedArchive:
    """What an archive of torch.export holds.

    Attributes:
        tensors: Parameters, buffers and constants by the module's own names.
        given: The module's name of what each such input of the graph is, by the input's name.
        inputs: Name of each input that is given from outside, its kind as ONNX counts them, and its sizes.
        calls: Calls of the graph, in order.
        outputs: Names of the values it gives.
        returned: What each of them is called for people: its key in a dictionary, or which it is of what is returned.
        version: Of the PyTorch that wrote it.
        half: The kind of its numbers that have half the bits; empty where there are none.
    """

    tensors: dict[str, Array]
    given: Mapping[str, str]
    inputs: Sequence[tuple[str, int, tuple[int | None, ...]]]
    calls: Sequence[Mapping[str, Any]]
    outputs: Sequence[str]
    version: str = ""
    half: str = ""
    returned: Sequence[str] = ()

    def follow(self, b: ProgramBuilder, shapes: Mapping[str, InputShape]) -> None:
        """Follow the graph once, for inputs of given shapes.

        Raises:
            ProgramStopped: It is not followed to its end.
        """
        known: dict[str, Any] = {name: b.constant(self.tensors[own], own) for name, own in self.given.items()}
        for name, kind, _ in self.inputs:
            known[name] = b.input(name, shapes.get(name, InputShape(kind)))
        for each in self.calls:
            try:
                self._call(b, each, known)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, UnsupportedNode) as error:
                what = str(error) if isinstance(error, UnsupportedNode) else "it is not as torch.export writes it"
                target = each.get("target") if isinstance(each, Mapping) else None
                raise ProgramStopped(f"its call of {visible(str(target)[:80])} is not followed: {what}") from error
        if b.one_step:
            names: dict[str, str] = {}
            for name, called in zip(self.outputs, self.returned, strict=True):
                names.setdefault(name, called)  # what is returned twice, as state and as answer, is one output
            for name, called in names.items():
                if isinstance(known.get(name), TensorRef):
                    b.output(_free(called, b, ".new"), known[name])
            return
        for name in self.outputs:
            if isinstance(known.get(name), TensorRef):
                b.output(_free(name, b), known[name])

    def _call(self, b: ProgramBuilder, each: Mapping[str, Any], known: dict[str, Any]) -> None:
        target = str(each["target"])
        args, kwargs = [], {}
        for one in each["inputs"]:
            value = _argument(one["arg"], known)
            if one.get("kind", 2 if one["name"] in _BY_NAME_ALONE else 1) == 2:
                kwargs[str(one["name"])] = value
            else:
                args.append(value)
        made = _made(b, target, args, kwargs)
        names = [_names(one) for one in each["outputs"]]
        if len(names) == 1:
            self._keep(names[0], made, known)
            return
        if not isinstance(made, list | tuple):
            made = [made] * len(names)
        for name, part in zip(names, made, strict=False):
            self._keep(name, part, known)

    def _keep(self, names: str | list[str], made: Any, known: dict[str, Any]) -> None:
        if isinstance(names, str):
            known[names] = made[0] if isinstance(made, tuple) else made
            return
        parts = made if isinstance(made, list | tuple) else [made] * len(names)
        known.update(zip(names, parts, strict=False))


def _free(name: str, b: ProgramBuilder, more: str = "_again") -> str:
    while name in b.outputs or name in b.inputs or name in b.constants:
        name += more
    return name


def _made(b: ProgramBuilder, target: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    parts = target.split(".")
    if target.startswith("torch.ops.aten.") and len(parts) > 3:
        name = parts[3]
        if name in ("sym_size", "sym_numel") and args and isinstance(args[0], TensorRef):
            if args[0].array is None:
                return b.unknown(name, [args[0]], args[0].why)
            sizes = args[0].array.shape
            return math.prod(sizes) if name == "sym_numel" else sizes[axis_of(args[0], args[1])]
        return call(b, name, args, kwargs)
    if target.startswith("_operator.") and parts[-1] in _OPERATORS and not tensors_in(args):
        try:
            return _OPERATORS[parts[-1]](*args)
        except (TypeError, ArithmeticError, ValueError, IndexError) as error:
            raise ProgramStopped(f"{visible(target)} is given what it cannot take") from error
    if parts[-1] == "getitem" and len(args) == 2 and isinstance(args[0], list | tuple):
        return args[0][args[1]]
    return b.unknown(parts[-2] if len(parts) > 2 else target, [*args, *kwargs.values()],
                     f"{visible(target[:80])} is not known here")  # fmt: skip


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
    "mod": operator.mod, "neg": operator.neg, "eq": operator.eq, "ne": operator.ne, "lt": operator.lt,
    "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip


def _argument(arg: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Return what an argument is: of the kind that its key says.

    Raises:
        UnsupportedNode: It is of another.
    """
    (kind, value), *_ = arg.items()
    if kind == "as_float" and isinstance(value, str) and value in _NO_JSON:
        return _NO_JSON[value]
    if kind in _KINDS and not _KINDS[kind](value):
        raise UnsupportedNode(f"what stands there as {kind.removeprefix('as_')} is none")
    if kind in ("as_tensor", "as_custom_obj"):
        return known[value["name"]]
    if kind == "as_tensors":
        return [known[one["name"]] for one in value]
    if kind in ("as_optional_tensors", "as_sym_ints", "as_nested_tensors"):
        return [_argument(one, known) for one in value]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return _argument(value, known)
    if kind == "as_optional_tensor":
        return _argument(value, known)
    if kind == "as_name":
        return known[value]
    if kind == "as_none":
        return None
    if kind == "as_scalar_type":
        return _NUMBERED.get(value, -1)
    if kind in ("as_device", "as_layout", "as_memory_format"):
        return None
    return value


_BY_NAME_ALONE = frozenset((
    "dtype", "layout", "device", "pin_memory", "memory_format", "generator", "non_blocking", "copy", "alpha", "beta",
    "rounding_mode", "correction", "approximate", "implicit",
))  # fmt: skip
"""Arguments that ATen takes by name alone; archives of before 2.7 do not say which those are."""
_NO_JSON = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
"""Numbers that JSON has no words for."""
_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "as_int": lambda value: is_whole(value) and not isinstance(value, bool),
    "as_ints": lambda value: isinstance(value, list) and is_wholes(value),
    "as_float": is_number,
    "as_floats": lambda value: isinstance(value, list) and all(is_number(one) for one in value),
    "as_bool": lambda value: isinstance(value, bool),
    "as_bools": lambda value: isinstance(value, list) and all(isinstance(one, bool) for one in value),
    "as_string": lambda value: isinstance(value, str),
    "as_strings": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "as_scalar_type": lambda value: is_whole(value) and not isinstance(value, bool),
}
"""Whether a value is of the kind that its key says, where the key says one."""


def _names(one: Mapping[str, Any]) -> str | list[str]:
    (kind, value), *_ = one.items()
    if kind == "as_tensors":
        return [str(each["name"]) for each in value]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return str(value.get("as_name", ""))
    return str(value["name"]) if isinstance(value, Mapping) and "name" in value else ""


def read_exported(names: Sequence[str], content: Content, where: str) -> ExportedArchive:
    """Return what an archive holds.

    Args:
        names: Of its members.
        content: Returns one of them.
        where: What messages call the file.

    Raises:
        UserError: It is damaged, or of a form that is not read.
    """
    model = _model(names, where)
    try:
        tensors = _read(stored_tensors(names, content, where), content, where)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        raise UserError(f"{where}: is damaged: its tensors are not listed as torch.export lists them") from error
    return _archive(content(model, MOST_JSON), tensors, where)


def read_older(content: Content, tensors: Mapping[str, Array], where: str) -> ExportedArchive:
    """Return what an archive of PyTorch before 2.8 holds, whose tensors are an archive of torch.save inside it.

    Args:
        content: Returns one of its members.
        tensors: Of its state and its constants, by name.
        where: What messages call the file.

    Raises:
        UserError: It is damaged, or of a form that is not read.
    """
    return _archive(content(OLDER, MOST_JSON), tensors, where)


def _archive(text: bytes, tensors: Mapping[str, Array], where: str) -> ExportedArchive:
    try:
        program = decode(text, where)
        graph, signature = program["graph_module"]["graph"], program["graph_module"]["signature"]
        if len(graph["nodes"]) > _MOST_CALLS:
            raise UserError(f"{where}: has more than {_MOST_CALLS} calls")
        given, inputs = _inputs(graph, signature, tensors, where)
        specs = signature["output_specs"]
        given_back = [n for n, one in enumerate(specs) if "as_tensor" in one.get("user_output", {}).get("arg", {})]
        outputs = [str(specs[n]["user_output"]["arg"]["as_tensor"]["name"]) for n in given_back]
        called = _returned(program["graph_module"], len(specs))
        if any("buffer_mutation" in one for one in signature["output_specs"]):
            raise UserError(f"{where}: its program changes its own buffers from call to call, which is not followed")
        version = str(program.get("torch_version", ""))
        kinds = [one["dtype"] for one in graph["tensor_values"].values()]
        half = next((HALVES[_DTYPES[one]] for one in kinds if _DTYPES.get(one) in HALVES), "")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        raise UserError(f"{where}: is damaged: its program is not as torch.export writes it") from error
    return ExportedArchive(dict(tensors), given, inputs, graph["nodes"], outputs, version, half,
                           [called[n] for n in given_back])  # fmt: skip


def _returned(module: Mapping[str, Any], count: int) -> list[str]:
    """Return what each output is called: the key of a dictionary that is returned, or which it is, counted from 0."""
    plain = [f"output.{n}" for n in range(count)]
    try:
        calls = [one for one in module["module_call_graph"] if one["fqn"] == ""]
        _, spec = decode(calls[0]["signature"]["out_spec"], "")
        keys = decode(spec["context"], "") if spec["type"] == "builtins.dict" else []
        leaves = all(not one["children_spec"] for one in spec["children_spec"])
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError, UserError):
        return plain
    if not isinstance(keys, list) or not leaves or len(keys) != count:
        return plain
    return [str(one) for one in keys] if all(isinstance(one, str) and one for one in keys) else plain


def _inputs(
    graph: Mapping[str, Any], signature: Mapping[str, Any], tensors: Mapping[str, Array], where: str
) -> tuple[dict[str, str], list[tuple[str, int, tuple[int | None, ...]]]]:
    given: dict[str, str] = {}
    inputs: list[tuple[str, int, tuple[int | None, ...]]] = []
    for one in signature["input_specs"]:
        (kind, said), *_ = one.items()
        if kind == "user_input":
            if "as_tensor" not in said["arg"]:
                continue
            name = str(said["arg"]["as_tensor"]["name"])
            meta = graph["tensor_values"][name]
            sizes = tuple(_size_of(one, name, where) for one in meta["sizes"])
            inputs.append((name, _ONNX.get(meta["dtype"], 1), sizes))
        elif kind in ("parameter", "buffer", "tensor_constant"):
            own = str(said.get("parameter_name") or said.get("buffer_name") or said.get("tensor_constant_name"))
            if own not in tensors:
                raise UserError(f"{where}: lacks the tensor {visible(own)}; get it again")
            given[str(said["arg"]["name"])] = own
        else:
            raise UserError(f"{where}: its program reads {visible(str(kind))}, which is not followed")
    return given, inputs


def _size_of(said: Any, name: str, where: str) -> int | None:
    """Return a size of an input; None where it is free.

    Raises:
        UserError: It is no size.
    """
    if isinstance(said, Mapping) and "as_expr" in said:
        return None
    size = said.get("as_int") if isinstance(said, Mapping) else None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MOST_SIZE:
        raise UserError(f"{where}: is damaged: its input {visible(name)} has a size that is none; export it again")
    return size


def _model(names: Sequence[str], where: str) -> str:
    """Return the member that holds the program."""
    models = [name for name in names if name.endswith("/models/model.json")]
    if not models:
        models = [name for name in names if "/models/" in name and name.endswith(".json")]
    if not models:
        raise UserError(
            f"{where}: was exported by a PyTorch before 2.8, and is not written back: save it again, or give the "
            "module's state_dict()"
        )
    return models[0]


def stored_tensors(names: Sequence[str], content: Content, where: str) -> dict[str, Tensor]:
    """Return every tensor of an archive, its storage keyed by the member that holds it.

    Args:
        names: Of its members.
        content: Returns one of them.
        where: What messages call the file.

    Raises:
        UserError: It is of a form that is not read.
    """
    model = _model(names, where)
    folder, stem = model.partition("models/")[0], model.rpartition("/")[2].removesuffix(".json")
    made: dict[str, Tensor] = {}
    for kind in ("weights", "constants"):
        member = f"{folder}data/{kind}/{stem}_{kind}_config.json"
        if member not in names:
            continue
        for name, one in decode(content(member, MOST_JSON), where)["config"].items():
            meta = one["tensor_meta"]
            if one.get("use_pickle") or meta["dtype"] not in _DTYPES:
                raise UserError(f"{where}: {visible(name)} is kept in a form that is not read; save the state_dict()")
            dtype = _DTYPES[meta["dtype"]]
            sizes, strides = (tuple(int(each["as_int"]) for each in meta[what]) for what in ("sizes", "strides"))
            storage = Storage(f"{folder}data/{kind}/{one['path_name']}", dtype, 0)
            made[name] = Tensor(storage, int(meta["storage_offset"]["as_int"]), sizes, strides, dtype)
    return made


def _read(stored: Mapping[str, Tensor], content: Content, where: str) -> dict[str, Array]:
    made: dict[str, Array] = {}
    kept: dict[str, bytes] = {}
    for name, one in stored.items():
        path = one.storage.key
        if path not in kept:
            kept[path] = content(path, _MOST_BYTES)
        try:
            made[name] = view(one, kept[path])
        except ValueError as error:
            raise UserError(f"{where}: {visible(name)} is damaged: {visible(str(error))}") from error
    return made
