"""Data classes whose methods are written when one of them is first used.

`dataclasses.dataclass` writes and compiles up to six methods a class, which takes most of the time of reading one; of
the data classes that are read before the first frame, more than half are not used there.
"""

from __future__ import annotations

import dataclasses
import inspect
import threading
from abc import ABCMeta
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

_one_at_a_time = threading.RLock()
_MADE = ("__dataclass_fields__", "__match_args__", "__init__", "__signature__")
"""What every use of a data class takes; no class has the last, for which `inspect` asks before it reads the others."""
_COMPARED = ("__dataclass_params__", "__repr__", "__eq__", "__hash__")
_OWN = {"__dict__", "__weakref__", "__setattr__", "__delattr__"}
"""What no class hands to its twin."""


class _Unwritten:
    """Stands in a class for a method or a table of a data class; whoever takes it gets what a data class has there."""

    def __init__(self, name: str, cls: Any) -> None:
        self.name = name
        self.cls: Any = cls

    def __get__(self, instance: object, owner: type) -> Any:
        with _one_at_a_time:
            if self.cls.__dict__.get(self.name) is self:
                _write(self.cls, _MADE if self.name in _MADE else _COMPARED)
        return self._written(instance, owner)

    def _written(self, instance: object, owner: type) -> Any:
        """Return what stands here now, or in a base behind: a class under this one may have its own, as for `super()`.

        Raises:
            AttributeError: There is none.
        """
        behind = owner.__mro__[owner.__mro__.index(self.cls) :]
        for one in behind:
            if self.name in one.__dict__:
                value = one.__dict__[self.name]
                return value.__get__(instance, owner) if hasattr(type(value), "__get__") else value
        raise AttributeError(f"type object {owner.__name__!r} has no attribute {self.name!r}")


def _written_later(cls: Any, frozen: bool, eq: bool) -> Any:
    if isinstance(cls, ABCMeta) or any("__init_subclass__" in vars(one) for one in cls.__mro__[:-1]):
        return dataclasses.dataclass(frozen=frozen, eq=eq)(cls)  # its bases keep a list of such: it has no twin
    for name in (*_MADE, *_COMPARED[: 4 if eq else 2]):
        if name not in cls.__dict__:
            setattr(cls, name, _Unwritten(name, cls))
    if frozen:
        _freeze(cls)
    cls.__dataclass_is__ = (frozen, eq)
    return cls


def _write(cls: Any, names: Sequence[str]) -> None:
    """Let `dataclasses` write methods into a twin of a class, and take them over.

    They know their class by what they are given, so they serve the class as they serve its twin. At no moment is one
    of them missing, whatever other threads do.
    """
    frozen, eq = cls.__dataclass_is__
    twin_has = {name: value for name, value in cls.__dict__.items() if not isinstance(value, _Unwritten)}
    twin_has["__qualname__"] = cls.__qualname__
    for name in _OWN:
        twin_has.pop(name, None)
    if names is _COMPARED:  # what was declared is a table by now
        own = inspect.get_annotations(cls)
        twin_has |= {one.name: one for one in dataclasses.fields(cls) if one.name in own}
    twin: Any = type(cls.__name__, cls.__bases__, twin_has)
    if names is _MADE:
        dataclasses.dataclass(repr=False, eq=False, frozen=frozen)(twin)
        for name, value in cls.__dict__.copy().items():
            if isinstance(value, dataclasses.Field):
                if value.default is dataclasses.MISSING:
                    delattr(cls, name)
                else:
                    setattr(cls, name, value.default)
    else:
        dataclasses.dataclass(eq=eq, frozen=frozen)(twin)
    for name, value in twin.__dict__.items():
        there = cls.__dict__.get(name)
        if name in names if isinstance(there, _Unwritten) else name not in cls.__dict__:
            setattr(cls, name, value)
    for name in names:
        if isinstance(cls.__dict__.get(name), _Unwritten):
            delattr(cls, name)


def _freeze(cls: Any) -> None:
    def is_held(self: Any, name: str) -> bool:
        return type(self) is cls or name in cls.__dataclass_fields__

    def __setattr__(self: Any, name: str, value: object) -> None:
        if is_held(self, name):
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:
        if is_held(self, name):
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    for guard in (__setattr__, __delattr__):
        setattr(cls, guard.__name__, guard)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True):
        """Return a class with the methods of a data class, as `dataclasses.dataclass` makes them.

        Args:
            cls: The class; absent where the decorator is called.
            frozen: Whether its fields can be set by none but itself, when it is made.
            eq: Whether two are equal where their fields are.
        """
        if cls is None:
            return lambda one: _written_later(one, frozen, eq)
        return _written_later(cls, frozen, eq)
