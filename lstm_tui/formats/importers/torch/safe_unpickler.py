"""A pickle read as data: its instructions are followed by a machine that knows no class and calls nothing.

What a pickle would have made of a class stays an inert `Made`; tensors and arrays are put together from their
description by this program. A pickle that would call anything else is refused by name.
"""

from __future__ import annotations

import codecs
import io
import itertools
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

MOST_OPS = 3_000_000
_DANGEROUS = frozenset((
    "builtins", "__builtin__", "os", "posix", "nt", "subprocess", "sys", "socket", "shutil", "runpy", "importlib",
    "code", "commands", "pty", "platform", "ctypes", "multiprocessing", "webbrowser", "timeit", "pdb", "bdb",
    "cProfile", "profile", "asyncio", "operator", "functools", "types",
))  # fmt: skip
_HARMLESS = frozenset((
    "builtins.set", "builtins.frozenset", "builtins.list", "builtins.dict", "builtins.tuple", "builtins.int",
    "builtins.float", "builtins.bool", "builtins.str", "builtins.bytes", "builtins.bytearray", "builtins.complex",
    "builtins.slice", "builtins.object", "builtins.range", "types.SimpleNamespace", "functools.partial",
    "__builtin__.set", "__builtin__.object", "__builtin__.long", "__builtin__.unicode", "__builtin__.str",
    "__builtin__.bytearray",
))  # fmt: skip
_MARK = object()


@dataclass(frozen=True)
class Named:
    """A class or function a pickle names: never imported."""

    name: str


@dataclass
class Made:
    """What a pickle would have made of a class: its arguments and its state, as data.

    Attributes:
        name: Of the class.
        arguments: What it would have been made with.
        state: What it would have been filled with.
        items: What it holds as a dictionary.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


Call = Callable[[str, tuple[Any, ...]], Any]


class PickleMachine:
    """Follows the instructions of one pickle.

    Attributes:
        end: Where the pickle ended in the data.
    """

    def __init__(self, where: str, call: Call, persistent: Callable[[Any], Any] | None = None) -> None:
        """Prepare a machine.

        Args:
            where: What messages call the file.
            call: Makes the object of a call from the name and the arguments; raises KeyError for what it does
                not know.
            persistent: Makes the object of a persistent id.
        """
        self._where = where
        self._call = call
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self.end = 0

    def read(self, data: bytes, start: int = 0) -> Any:
        """Return what a pickle describes.

        Raises:
            UserError: It is damaged, cut short, too long, or would call something.
        """
        stream = io.BytesIO(data)
        stream.seek(start)
        self._stack, self._memo = [], {}
        try:
            instructions = _instructions(stream)
            for count in itertools.count():
                op, argument = next(instructions)
                if count > MOST_OPS:
                    raise self._refused(f"has more than {MOST_OPS} instructions")
                if op == "STOP":
                    self.end = stream.tell()
                    return self._stack.pop()
                self._step(op, argument)
        except UserError:
            raise
        except (
            ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, EOFError,
            MemoryError,
        ) as error:  # fmt: skip
            raise self._refused(f"is damaged or cut short ({type(error).__name__})") from error

    def _refused(self, why: str) -> UserError:
        return UserError(f"{self._where}: its pickle {visible(why)}; save the weights as .safetensors")

    def _step(self, op: str, argument: Any) -> None:
        stack = self._stack
        if op in _CONSTANTS:
            stack.append(_CONSTANTS[op])
        elif op in _LITERALS:
            stack.append(argument)
        elif op in ("PROTO", "FRAME"):
            pass
        elif op in ("MARK",):
            stack.append(_MARK)
        elif op in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[int(argument)] = stack[-1]
        elif op == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif op in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[int(argument)])
        elif op in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET"):
            stack.append({} if op == "EMPTY_DICT" else [])
        elif op in _STRUCTURES:
            _STRUCTURES[op](self)
        elif op == "GLOBAL":
            stack.append(self._named(*argument.split(" ", 1)))
        elif op == "STACK_GLOBAL":
            name, module = stack.pop(), stack.pop()
            stack.append(self._named(module, name))
        elif op in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"):
            self._make(op, argument)
        elif op == "BUILD":
            state = stack.pop()
            target = stack[-1]
            if isinstance(target, Made):
                target.state = state
            elif hasattr(target, "set_state"):
                target.set_state(state)
        elif op in ("PERSID", "BINPERSID") and self._persistent is not None:
            stack.append(self._persistent(argument if op == "PERSID" else stack.pop()))
        else:
            raise self._refused(f"holds the instruction {op}, which a file of weights has no use for")

    def _named(self, module: Any, name: Any) -> Named:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        full = f"{module}.{name}"
        if module.split(".")[0] in _DANGEROUS and full not in _HARMLESS:
            raise self._refused(f"would call {full[:80]}: it is a program, not weights")
        return Named(full)

    def _make(self, op: str, argument: Any) -> None:
        stack = self._stack
        if op in ("OBJ", "INST"):
            items = self._to_mark()
            made = self._named(*argument.split(" ", 1)) if op == "INST" else items.pop(0)
            arguments: Any = tuple(items)
        else:
            if op == "NEWOBJ_EX" and stack.pop():
                raise self._refused("makes an object with named arguments")
            arguments = stack.pop()
            made = stack.pop()
        if not isinstance(made, Named) or not isinstance(arguments, tuple):
            raise TypeError
        try:
            stack.append(self._call(made.name, arguments))
        except KeyError:
            if op == "REDUCE" and made.name not in _HARMLESS:
                raise self._refused(f"would call {made.name[:80]}: it is not weights alone") from None
            stack.append(Made(made.name, arguments))

    def _to_mark(self) -> list[Any]:
        stack = self._stack
        for n in range(len(stack) - 1, -1, -1):
            if stack[n] is _MARK:
                items = stack[n + 1 :]
                del stack[n:]
                return items
        raise IndexError

    def _pop(self) -> None:
        self._stack.pop()

    def _pop_mark(self) -> None:
        self._to_mark()

    def _dup(self) -> None:
        self._stack.append(self._stack[-1])

    def _tuple(self) -> None:
        self._stack.append(tuple(self._to_mark()))

    def _tuple_of(self, count: int) -> None:
        items = self._stack[-count:]
        if len(items) < count:
            raise IndexError
        del self._stack[-count:]
        self._stack.append(tuple(items))

    def _list(self) -> None:
        self._stack.append(self._to_mark())

    def _dict(self) -> None:
        items = self._to_mark()
        self._stack.append({})
        self._set(items)

    def _append(self) -> None:
        item = self._stack.pop()
        self._extend([item])

    def _appends(self) -> None:
        self._extend(self._to_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Made):
            raise TypeError

    def _set_item(self) -> None:
        value = self._stack.pop()
        key = self._stack.pop()
        self._set([key, value])

    def _set_items(self) -> None:
        self._set(self._to_mark())

    def _set(self, items: list[Any]) -> None:
        """Fill a dictionary; keys are plain, so that comparing them costs nothing."""
        target = self._stack[-1]
        target = target.items if isinstance(target, Made) else target
        if not isinstance(target, dict):
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key if isinstance(key, str | int | float | bytes | bool | None) else f"({type(key).__name__})"] = (
                value
            )


def _instructions(stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Iterate over the instructions of a pickle and their arguments; texts of Python 2 hold bytes of any kind."""
    while True:
        code = stream.read(1)
        op = _BY_CODE.get(code.decode("latin-1"))
        if op is None:
            raise ValueError("no instruction")
        if op.name == "STRING":
            quoted = stream.readline().strip()
            if len(quoted) < 2 or quoted[:1] not in (b"'", b'"') or quoted[:1] != quoted[-1:]:
                raise ValueError("no text")
            yield op.name, codecs.escape_decode(quoted[1:-1])[0].decode("latin-1")
        else:
            yield op.name, None if op.arg is None else op.arg.reader(stream)


_BY_CODE = {one.code: one for one in pickletools.opcodes}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
))  # fmt: skip
_STRUCTURES: dict[str, Callable[[PickleMachine], None]] = {
    "POP": PickleMachine._pop,
    "POP_MARK": PickleMachine._pop_mark,
    "DUP": PickleMachine._dup,
    "TUPLE": PickleMachine._tuple,
    "TUPLE1": lambda machine: machine._tuple_of(1),
    "TUPLE2": lambda machine: machine._tuple_of(2),
    "TUPLE3": lambda machine: machine._tuple_of(3),
    "LIST": PickleMachine._list,
    "DICT": PickleMachine._dict,
    "FROZENSET": PickleMachine._list,
    "APPEND": PickleMachine._append,
    "APPENDS": PickleMachine._appends,
    "ADDITEMS": PickleMachine._appends,
    "SETITEM": PickleMachine._set_item,
    "SETITEMS": PickleMachine._set_items,
}
