"""TorchScript followed by its own code: read with Python's grammar, and never compiled, imported or run by Python.

A program is followed once for inputs of given shapes. What it does to tensors becomes nodes of a graph; what it does to
plain numbers, and which way it takes, is worked out here. A way that depends on a tensor's numbers ends it.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.torch.pickled_arrays import HALVES, Tensor
from lstm_tui.formats.importers.torch.program_builder import ProgramBuilder, ProgramStopped, TensorRef, tensors_in
from lstm_tui.formats.importers.torch.program_ops import call
from lstm_tui.formats.importers.torch.safe_unpickler import Made
from lstm_tui.formats.importers.torch.stepped_cells import recognised_step

MOST_CODE = 4_000_000
_MOST_NESTED = 60
_MOST_CALLS = 60
_LONGEST_LIST = 100_000
_CHAIN = re.compile(r"(?:[-+~]\s*){4}|(?:\bnot\s+){4}|\*\*|\blambda\b|(?:\.\s*\w+\s*){40}|(?:\w\s*[-+*/%&|^@<>]\s*){8}")
_CELL = re.compile(r"\.torch\.nn\.modules\.rnn\.(?:___torch_mangle_\d+\.)?(LSTM|GRU|RNN)Cell$")
_NUMBERS = {"inf": float("inf"), "nan": float("nan")}
_OPENS, _CLOSES = "([{", ")]}"


@dataclass
class ScriptArchive:
    """What a TorchScript archive holds.

    Attributes:
        root: Its module, whose state has parameters, attributes and modules.
        code: Texts of its code by their path in the archive, such as `__torch__/torch/nn/functional.py`.
        constants: Tensors that the code calls `CONSTANTS.c0`, `CONSTANTS.c1` and so on.
        array: Returns the numbers of a tensor; raises UserError.
        traced: What the module was traced with, as its pickle has it; None where nothing is kept.
    """

    root: Made
    code: Mapping[str, str]
    constants: Sequence[Any]
    array: Callable[[Tensor], Array]
    traced: Any = None
    _parsed: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: dict[Any, str] = field(default_factory=dict)
    _paths: dict[int, str] = field(default_factory=dict)
    _arrays: dict[Any, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name every module and tensor by its path."""
        waiting: list[tuple[str, Made]] = [("", self.root)]
        while waiting:
            path, module = waiting.pop(0)
            if id(module) in self._paths or not isinstance(module.state, dict):
                continue
            self._paths[id(module)] = path
            for key, value in module.state.items():
                name = f"{path}.{key}" if path else str(key)
                if isinstance(value, Tensor):
                    self._names.setdefault(_place(value), name)
                elif isinstance(value, Made):
                    waiting.append((name, value))

    def path_of(self, module: Made) -> str:
        """Return the path of a module in the whole."""
        return self._paths.get(id(module), "")

    def tensor(self, b: ProgramBuilder, tensor: Tensor, fallback: str = "") -> TensorRef:
        """Return a tensor of the file."""
        place = _place(tensor)
        if place not in self._arrays:
            self._arrays[place] = self.array(tensor)
        name = self._names.get(place, fallback)
        return b.constant(self._arrays[place], name)

    def names(self, qualified: str) -> dict[str, Any]:
        """Return the classes and functions of a file of code.

        Raises:
            ProgramStopped: There is no such file, or it is not read.
        """
        path = qualified.replace(".", "/") + ".py"
        if path not in self._parsed:
            text = self.code.get(path)
            if text is None:
                raise ProgramStopped(f"its code lacks {visible(path[:80])}")
            self._parsed[path] = {
                one.name: one for one in _parsed(text, path) if isinstance(one, ast.ClassDef | ast.FunctionDef)
            }
        return self._parsed[path]

    @property
    def half(self) -> str:
        """The kind of its numbers that have half the bits; empty where there are none."""
        every = [*self.tensors().values(), *(one for one in self.constants if isinstance(one, Tensor))]
        return next((HALVES[one.dtype] for one in every if one.dtype in HALVES), "")

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor by name, those of a frozen program by their number."""
        found: dict[str, Tensor] = {}
        waiting: list[tuple[str, Made]] = [("", self.root)]
        seen: set[int] = set()
        while waiting:
            path, module = waiting.pop(0)
            if id(module) in seen or not isinstance(module.state, dict):
                continue
            seen.add(id(module))
            for key, value in module.state.items():
                name = f"{path}.{key}" if path else str(key)
                if isinstance(value, Tensor):
                    found[name] = value
                elif isinstance(value, Made):
                    waiting.append((name, value))
        return found or {f"c{n}": one for n, one in enumerate(self.constants) if isinstance(one, Tensor)}


def _place(tensor: Tensor) -> tuple[Any, ...]:
    return (id(tensor.storage) if not tensor.storage.key else tensor.storage.key, tensor.offset, tensor.shape,
            tensor.stride, tensor.dtype)  # fmt: skip


def _parsed(text: str, path: str) -> list[ast.stmt]:
    """Return the statements of code, which is looked at before Python's own reader sees it.

    Raises:
        ProgramStopped: It nests deeper than TorchScript does, or is no code.
    """
    depth = 0
    plain = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)
    for sign in plain:
        depth += (sign in _OPENS) - (sign in _CLOSES)
        if depth > _MOST_NESTED:
            raise ProgramStopped(f"its code {visible(path[:80])} nests deeper than is followed here")
    if _CHAIN.search(plain) or re.search(r"(?m)^ {120}", plain):
        raise ProgramStopped(f"its code {visible(path[:80])} is not TorchScript as it is saved")
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProgramStopped(f"its code {visible(path[:80])} cannot be read ({type(error).__name__})") from error


@dataclass(frozen=True)
class _Named:
    """A function, class or word of the language by its whole name."""

    name: str


class _Returned(Exception):
    """The way out of a function."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Left(Exception):
    """`break` and `continue`."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.again = again


class ScriptFollower:
    """Follows one call of a module."""

    def __init__(self, archive: ScriptArchive, b: ProgramBuilder) -> None:
        """Begin with the graph that grows."""
        self._archive = archive
        self._b = b
        self._depth = 0
        self._constants: dict[int, TensorRef] = {}
        self._kept: dict[Any, TensorRef] = {}

    def method(self, module: Made, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return what a method of a module gives.

        Raises:
            ProgramStopped: It is not followed to its end.
        """
        definition = method_of(self._archive, module, name)
        outer, self._b.scope = self._b.scope, self._archive.path_of(module)
        mark = len(self._b.nodes)
        try:
            made = self._function(definition, [module, *args], kwargs)
        finally:
            self._b.scope = outer
        cell = _CELL.search(module.name)
        return made if cell is None else self._stepped(module, cell[1], [*args, *kwargs.values()], made, mark)

    def _stepped(self, module: Made, kind: str, args: Sequence[Any], made: Any, mark: int) -> Any:
        """Return what a cell's own code gave, as one step of that cell where it is one."""
        path, state = self._archive.path_of(module), module.state if isinstance(module.state, dict) else {}
        names = [one for one in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if isinstance(state.get(one), Tensor)]
        if any(one.node.output[0] in [each.name for each in tensors_in(made)] for one in self._b.steps):
            return made
        params = [self._of_file(state[one], f"{path}.{one}".lstrip(".")) for one in names]
        return recognised_step(self._b, kind, path, params, args, made, mark)

    def _function(self, definition: ast.FunctionDef, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self._depth += 1
        if self._depth > _MOST_CALLS:
            raise ProgramStopped("its calls nest deeper than is followed here")
        names = [one.arg for one in definition.args.args]
        local: dict[str, Any] = {}
        defaults = definition.args.defaults
        for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            local[name] = self._value(default, {})
        if len(args) > len(names):
            raise ProgramStopped(f"{visible(definition.name)} is given more than it takes")
        local.update(zip(names, args, strict=False))
        local.update(kwargs)
        missing = next((name for name in names if name not in local), None)
        if missing is not None:
            raise ProgramStopped(f"{visible(definition.name)} is not given {visible(missing)}")
        try:
            self._block(definition.body, local)
        except _Returned as made:
            return made.value
        finally:
            self._depth -= 1
        return None

    def _block(self, body: Sequence[ast.stmt], local: dict[str, Any]) -> None:
        for statement in body:
            self._b.budget.spend()
            self._statement(statement, local)

    def _statement(self, one: ast.stmt, local: dict[str, Any]) -> None:
        if isinstance(one, ast.Assign) and len(one.targets) == 1:
            self._assign(one.targets[0], self._value(one.value, local), local)
        elif isinstance(one, ast.AnnAssign) and one.value is not None:
            self._assign(one.target, self._value(one.value, local), local)
        elif isinstance(one, ast.Expr):
            self._value(one.value, local)
        elif isinstance(one, ast.Return):
            raise _Returned(None if one.value is None else self._value(one.value, local))
        elif isinstance(one, ast.If):
            self._block(one.body if self._truth(self._value(one.test, local)) else one.orelse, local)
        elif isinstance(one, ast.For):
            self._loop(one, local)
        elif isinstance(one, ast.While):
            while self._truth(self._value(one.test, local)):
                if self._again(one.body, local):
                    break
        elif isinstance(one, ast.Break | ast.Continue):
            raise _Left(isinstance(one, ast.Continue))
        elif not isinstance(one, ast.Pass):
            raise ProgramStopped(f"its code has a statement ({type(one).__name__}) that is not followed")

    def _loop(self, one: ast.For, local: dict[str, Any]) -> None:
        over = self._value(one.iter, local)
        if isinstance(over, TensorRef):
            over = call(self._b, "unbind", [over], {})
        if not isinstance(over, list | tuple | range):
            raise ProgramStopped("a loop goes over what is not known")
        for each in over:
            self._b.budget.spend()
            self._assign(one.target, each, local)
            if self._again(one.body, local):
                break

    def _again(self, body: Sequence[ast.stmt], local: dict[str, Any]) -> bool:
        """Follow the body of a loop once; say whether it leaves the loop."""
        try:
            self._block(body, local)
        except _Left as left:
            return not left.again
        return False

    def _assign(self, target: ast.expr, value: Any, local: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            local[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, TensorRef) and value.array is None:
                value = [self._b.unknown("part", [value], value.why) for _ in target.elts]
            if isinstance(value, Made) and isinstance(value.state, list | tuple):
                value = value.state
            if not isinstance(value, list | tuple) or len(value) != len(target.elts):
                raise ProgramStopped("a value is taken apart into other parts than it has")
            for each, part in zip(target.elts, value, strict=True):
                self._assign(each, part, local)
        elif isinstance(target, ast.Attribute):
            raise ProgramStopped(f"it keeps {visible(target.attr)} from one call to the next")
        elif isinstance(target, ast.Subscript):
            held, key = self._value(target.value, local), self._value(target.slice, local)
            if not isinstance(held, list | dict):
                raise ProgramStopped("it changes a part of a tensor in place")
            try:
                held[key] = value
            except (IndexError, TypeError, KeyError) as error:
                raise ProgramStopped("it puts a value where there is no place for it") from error
        else:
            raise ProgramStopped("a value is given a name that is not followed")

    def _truth(self, value: Any) -> bool:
        if isinstance(value, TensorRef):
            if value.array is None:
                raise ProgramStopped(f"which way it takes is not known: {value.why}")
            if value.live:
                raise ProgramStopped("which way it takes depends on the numbers")
            return bool(value.array.any())
        return bool(value)

    # Expressions.

    def _value(self, one: ast.expr, local: Mapping[str, Any]) -> Any:
        self._b.budget.spend()
        if isinstance(one, ast.Constant):
            return one.value
        if isinstance(one, ast.Name):
            return local[one.id] if one.id in local else _NUMBERS.get(one.id) or _Named(one.id)
        if isinstance(one, ast.Attribute):
            return self._attribute(self._value(one.value, local), one.attr)
        if isinstance(one, ast.Call):
            return self._call(one, local)
        if isinstance(one, ast.Tuple | ast.List):
            made = [self._value(each, local) for each in one.elts]
            return tuple(made) if isinstance(one, ast.Tuple) else made
        if isinstance(one, ast.Dict):
            keys = [None if key is None else self._value(key, local) for key in one.keys]
            if not all(isinstance(key, str | int | float | bool) for key in keys):
                raise ProgramStopped("a dictionary has keys that are not followed")
            return dict(zip(keys, [self._value(each, local) for each in one.values], strict=True))
        if isinstance(one, ast.Subscript):
            return self._item(self._value(one.value, local), one.slice, local)
        if isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.USub):
            number = self._value(one.operand, local)
            if isinstance(number, int | float):
                return -number
        raise ProgramStopped(f"its code has an expression ({type(one).__name__}) that is not followed")

    def _attribute(self, held: Any, name: str) -> Any:
        if isinstance(held, _Named):
            if held.name == "CONSTANTS":
                return self._constant(name)
            return _Named(f"{held.name}.{name}")
        if isinstance(held, Made):
            state = held.state if isinstance(held.state, dict) else {}
            if name == "training":
                if state.get("training"):
                    self._b.remarks["it was saved in training mode: here it runs as .eval() has it"] = None
                return False
            if name not in state:
                return self._final(held, name)
            return self._of_file(state[name], f"{self._archive.path_of(held)}.{name}".lstrip("."))
        if isinstance(held, TensorRef) and name in ("T", "mT") and held.array is not None:
            return call(self._b, "t", [held], {})
        if isinstance(held, TensorRef):
            return self._b.unknown(name, [held])
        raise ProgramStopped(f"it reads {visible(name)} of what has none")

    def _final(self, module: Made, name: str) -> Any:
        """Return an attribute that stands in the code of a class, because it never changes."""
        for one in class_of(self._archive, module).body:
            mine = isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.target.id == name
            if mine and isinstance(one, ast.AnnAssign) and one.value is not None:
                return self._value(one.value, {})
        raise ProgramStopped(f"it reads {visible(name)}, which is not in the file")

    def _constant(self, name: str) -> Any:
        number = int(name[1:]) if re.fullmatch(r"c\d{1,7}", name) else -1
        if not 0 <= number < len(self._archive.constants):
            raise ProgramStopped(f"it reads the constant {visible(name)}, which is not in the file")
        return self._of_file(self._archive.constants[number], name)

    def _of_file(self, value: Any, name: str, depth: int = 0) -> Any:
        if isinstance(value, Tensor):
            key = _place(value)
            if key not in self._kept:
                self._kept[key] = self._archive.tensor(self._b, value, name)
                self._kept[key].shared = True  # a parameter that is changed in place is another at the next call
            return self._kept[key]
        if isinstance(value, list | tuple) and depth < 8:
            made = [self._of_file(each, f"{name}.{n}", depth + 1) for n, each in enumerate(value)]
            return tuple(made) if isinstance(value, tuple) else made
        if isinstance(value, dict) and depth < 8:
            return {key: self._of_file(each, f"{name}.{key}", depth + 1) for key, each in value.items()}
        return value

    def _item(self, held: Any, place: ast.expr, local: Mapping[str, Any]) -> Any:
        key = self._value(place, local)
        if isinstance(key, TensorRef):
            key = self._number(key)
        if isinstance(held, TensorRef):
            return call(self._b, "select", [held, 0, key], {})
        try:
            return held[key]
        except (IndexError, KeyError, TypeError) as error:
            raise ProgramStopped("it takes a part that is not there") from error

    def _number(self, value: TensorRef) -> Any:
        """Return the one number of a tensor; the tensor itself where nothing is known of it."""
        if value.array is None:
            return value
        if value.live:
            raise ProgramStopped("it counts by what the numbers are")
        if value.array.size != 1:
            raise ProgramStopped("it takes several numbers for one")
        return value.array.reshape(-1)[0].item()

    def _call(self, one: ast.Call, local: Mapping[str, Any]) -> Any:
        if isinstance(one.func, ast.Name) and one.func.id in ("annotate", "unchecked_cast") and len(one.args) == 2:
            return self._value(one.args[1], local)
        if isinstance(one.func, ast.Name) and one.func.id == "uninitialized":
            return None
        if isinstance(one.func, ast.Name) and one.func.id == "isinstance" and len(one.args) == 2:
            return self._is_of(self._value(one.args[0], local), ast.unparse(one.args[1]))
        args = [self._value(each, local) for each in one.args]
        kwargs = {str(each.arg): self._value(each.value, local) for each in one.keywords}
        if isinstance(one.func, ast.Attribute):
            held = self._value(one.func.value, local)
            if isinstance(held, Made):
                return self.method(held, one.func.attr, args, kwargs)
            function = self._attribute(held, one.func.attr)
        else:
            function = self._value(one.func, local)
        if not isinstance(function, _Named):
            raise ProgramStopped("it calls what is no function")
        return self._named(function.name, args, kwargs)

    def _is_of(self, value: Any, said: str) -> bool:
        """Say whether a value is of a type as the code writes it.

        Raises:
            ProgramStopped: The type is not known here.
        """
        if said == "Tensor":
            return isinstance(value, TensorRef)
        kinds: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
        if said not in kinds and not said.startswith("List["):
            raise ProgramStopped(f"it asks for a type ({visible(said[:40])}) that is not followed")
        return isinstance(value, kinds.get(said, list))

    def _named(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        head, _, last = name.rpartition(".")
        if name.startswith("__torch__."):
            held = self._archive.names(head).get(last)
            if isinstance(held, ast.FunctionDef):
                return self._function(held, args, kwargs)
            if isinstance(held, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id == "NamedTuple" for base in held.bases
            ):
                return tuple(args)
            raise ProgramStopped(f"it makes or calls {visible(name[:80])}, which is not followed")
        if name == "ops.prim.RaiseException":
            raise ProgramStopped(f"it refuses these inputs: {visible(str(args[0])[:100]) if args else ''}")
        if name in ("ops.prim.dtype", "ops.prim.device", "ops.prim.layout", "torch.device"):
            return self._kind_of(last, args)
        if name == "ops.prim.type":
            return "cpu"
        plain = _PLAIN.get(last if head in ("torch", "ops.prim", "ops.aten", "") else name)
        tensors = tensors_in(args)
        listed = bool(args) and isinstance(args[0], list | tuple | dict) and last in _OF_LISTS
        if plain is not None and (not tensors or last in _OF_ALL or listed):
            return self._plain(plain, last, args)
        if name == "getattr" and len(args) == 2 and isinstance(args[1], str):
            return self._attribute(args[0], args[1])
        if head in ("", "ops.prim") and last in ("int", "float", "bool", "Int", "Float", "Bool") and tensors:
            return {"i": int, "f": float, "b": bool}[last[0].lower()](self._number(args[0])) if (
                tensors[0].array is not None) else tensors[0]  # fmt: skip
        if last == "NumToTensor":
            return tensors[0] if tensors else self._b.constant(np.asarray(args[0]))
        if last in ("item", "Int", "Float", "Scalar", "ScalarImplicit", "IntImplicit", "FloatImplicit") and tensors:
            return self._number(args[0])
        if head in ("torch", "ops.aten", "ops.prim"):
            return self._tensors(last, args, kwargs)
        raise ProgramStopped(f"it calls {visible(name[:80])}, which is not followed")

    def _kind_of(self, what: str, args: Sequence[Any]) -> Any:
        if what != "dtype" or not args or not isinstance(args[0], TensorRef) or args[0].array is None:
            return what
        kinds = {np.dtype("i8"): 4, np.dtype("f4"): 6, np.dtype("f8"): 7, np.dtype("?"): 11, np.dtype("i4"): 3}
        return kinds.get(args[0].array.dtype, 6)

    def _plain(self, plain: Callable[..., Any], name: str, args: list[Any]) -> Any:
        try:
            if name == "mul" and any(isinstance(one, list | str) for one in args):
                count = len(args[0]) * args[1]
            else:
                count = sum(len(one) for one in args if isinstance(one, list | tuple | str | range | dict))
            self._b.budget.spend(count // 20 if name not in ("range", "len") else 0)
            if count > _LONGEST_LIST and name not in ("range", "len"):
                raise ProgramStopped("it makes longer lists than are followed here")
            made = plain(*args)
        except (TypeError, ValueError, IndexError, KeyError, ArithmeticError) as error:
            raise ProgramStopped(f"{visible(name)} is given what it cannot take") from error
        if isinstance(made, int) and abs(made) > 1 << 62:
            raise ProgramStopped("it counts further than whole numbers go")
        return made

    def _tensors(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        first = args[0] if args else None
        if name in ("size", "sizes", "dim", "len", "numel", "is_floating_point") and isinstance(first, TensorRef):
            if first.array is None:
                return self._b.unknown(name, [first], first.why)
            sizes = list(first.array.shape)
            if name == "dim":
                return len(sizes)
            if name == "len":
                return sizes[0] if sizes else 0
            if name == "numel":
                return first.array.size
            if name == "is_floating_point":
                return first.array.dtype.kind == "f"
            if len(args) == 1:
                return sizes
            place = self._number(args[1]) if isinstance(args[1], TensorRef) else args[1]
            if not isinstance(place, int) or not -len(sizes) <= place < len(sizes):
                raise ProgramStopped("it asks for the size of an axis that is not there")
            return sizes[place]
        if name in ("append", "extend", "insert", "pop", "clear") and isinstance(first, list):
            return self._grown(name, first, args[1:])
        return call(self._b, name, args, kwargs)

    def _grown(self, name: str, held: list[Any], args: list[Any]) -> Any:
        if len(held) > _LONGEST_LIST:
            raise ProgramStopped("it makes longer lists than are followed here")
        try:
            if name == "append":
                held.append(args[0])
                return held
            return getattr(held, name)(*args) if name in ("extend", "insert", "pop", "clear") else None
        except (TypeError, IndexError) as error:
            raise ProgramStopped(f"{name} is given what it cannot take") from error


def class_of(archive: ScriptArchive, module: Made) -> ast.ClassDef:
    """Return the class of a module.

    Raises:
        ProgramStopped: Its code is not in the file.
    """
    head, _, name = module.name.rpartition(".")
    made = archive.names(head).get(name)
    if not isinstance(made, ast.ClassDef):
        raise ProgramStopped(f"its code has no class {visible(module.name[:80])}")
    return made


def method_of(archive: ScriptArchive, module: Made, name: str) -> ast.FunctionDef:
    """Return a method of a module.

    Raises:
        ProgramStopped: Its code is not in the file.
    """
    for one in class_of(archive, module).body:
        if isinstance(one, ast.FunctionDef) and one.name == name:
            return one
    raise ProgramStopped(f"{visible(module.name[:80])} has no {visible(name)}")


def _divided(one: Any, other: Any) -> Any:
    return one / other


def _formatted(text: str, *values: Any) -> str:
    """Return a message with plain values in it; Python's own formatting would look into them."""
    for one in values:
        text = text.replace("{}", str(one) if isinstance(one, int | float | str | list) else "?", 1)
    return text


_OF_ALL = frozenset(("__is__", "__isnot__", "list", "append", "format"))
_OF_LISTS = frozenset(("len", "slice", "keys", "values", "items", "__contains__"))
_PLAIN: Mapping[str, Callable[..., Any]] = {
    "__is__": lambda one, other: one is other,
    "__isnot__": lambda one, other: one is not other,
    "__not__": lambda one: not one,
    "__and__": lambda one, other: one and other,
    "__or__": lambda one, other: one or other,
    "__xor__": lambda one, other: bool(one) != bool(other),
    "__contains__": lambda held, one: one in held,
    "__range_length": lambda first, last, step: len(range(first, last, step)),
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "gt": operator.gt,
    "le": operator.le,
    "ge": operator.ge,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": _divided,
    "floordiv": operator.floordiv,
    "remainder": operator.mod,
    "neg": operator.neg,
    "abs": abs,
    "ceil": lambda one: int(np.ceil(one)),
    "floor": lambda one: int(np.floor(one)),
    "sqrt": lambda one: float(np.sqrt(one)),
    "min": min,
    "max": max,
    "len": len,
    "list": list,
    "append": lambda held, one: held.append(one),
    "keys": lambda held: list(held),
    "values": lambda held: list(held.values()),
    "items": lambda held: list(held.items()),
    "format": _formatted,
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "Int": int,
    "Float": float,
    "Bool": bool,
    "range": range,
    "slice": lambda held, first=None, last=None, step=1: held[first:last:step],
    "unchecked_unwrap_optional": lambda one: one,
}  # fmt: skip
