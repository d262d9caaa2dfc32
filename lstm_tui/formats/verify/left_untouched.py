"""A model is run and left as it was: what it and the objects it holds keep, its mode, and the random numbers."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_MOST_KEPT = 100_000
"""Objects that are looked into; behind them lies more than a model keeps, such as a whole set of data."""
_PLAIN = (str, bytes, int, float, complex, type(None), type, ModuleType, FunctionType, MethodType)
_HOOKS = ("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_non_persistent_buffers_set")


@contextmanager
def same_random(torch: Any) -> Iterator[None]:
    """Put the random numbers of PyTorch, NumPy and Python back where they were."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    numpy_state, state = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(state)


@contextmanager
def untouched(torch: Any, model: Any) -> Iterator[None]:
    """Put back what a run changes, as deep as it is held; what is the same is not written, so no version moves."""
    modules = [one for one in model.modules() if not isinstance(one, torch.jit.ScriptModule)]
    training = [(one, one.training) for one in model.modules()]
    kept = _Kept(torch)
    kept.keep([*model.buffers(), *modules])
    preserve = getattr(torch.autograd, "_unsafe_preserve_version_counter", None)
    tensors = tuple(one for one in kept.tensors if not one.is_inference())
    with same_random(torch), preserve(tensors) if preserve is not None and tensors else nullcontext():
        try:
            yield
        finally:
            for restore in kept.restore:
                restore()
            for one, mode in training:
                if one.training != mode:
                    one.training = mode


class _Kept:
    """What a model holds, as it was: each object once, each with what puts it back."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.restore: list[Callable[[], None]] = []
        self.tensors: list[Any] = []
        self.seen: dict[int, Any] = {}

    def keep(self, first: list[Any]) -> None:
        """Note objects and what they hold, the nearest first."""
        waiting = deque(first)
        while waiting and len(self.seen) < _MOST_KEPT:
            one = waiting.popleft()
            if not isinstance(one, _PLAIN) and id(one) not in self.seen:
                self.seen[id(one)] = one
                waiting.extend(self._held(one))

    def _held(self, one: Any) -> list[Any]:
        """Note one object, and return what it holds."""
        torch = self.torch
        if isinstance(one, torch.Tensor):
            if not isinstance(one, torch.nn.Parameter) and one.layout == torch.strided and not one.is_meta:
                self.tensors.append(one)
                self.restore.append(partial(_put_tensor, torch, one, one.detach().clone()))
            return []
        if isinstance(one, np.ndarray):
            self.restore.append(partial(_put_array, one, one.copy()))
            return list(one.flat) if one.dtype == object else []
        if isinstance(one, np.random.Generator):
            self.restore.append(partial(setattr, one.bit_generator, "state", one.bit_generator.state))
            return []
        for kind, get, put in (
            (np.random.RandomState, "get_state", "set_state"),
            (random.Random, "getstate", "setstate"),
            (torch.Generator, "get_state", "set_state"),
        ):
            if isinstance(one, kind):
                self.restore.append(partial(getattr(one, put), getattr(one, get)()))
                return []
        return self._content(one)

    def _content(self, one: Any) -> list[Any]:
        """Note what a container holds, or the attributes of an object; return it."""
        held: list[Any] = []
        if isinstance(one, dict):
            self.restore.append(_put_items(one, dict(one), one.update))
            held += one.values()
        elif isinstance(one, list | deque):
            self.restore.append(_put_items(one, list(one), one.extend))
            held += one
        elif isinstance(one, set):
            self.restore.append(_put_items(one, set(one), one.update))
            held += one
        elif isinstance(one, bytearray):
            self.restore.append(_put_items(one, bytes(one), one.extend))
        elif isinstance(one, tuple | frozenset):
            held += one
        own = getattr(one, "__dict__", None)
        if type(own) is dict and not isinstance(one, self.torch.jit.ScriptModule):
            is_module = isinstance(one, self.torch.nn.Module)
            self.seen[id(own)] = own
            self.restore.append(_put_items(own, dict(own), own.update))
            held += [value for name, value in own.items() if not (is_module and name.endswith(_HOOKS))]
        return held


def _put_tensor(torch: Any, tensor: Any, copy: Any) -> None:
    """Write a tensor only where it is another than before."""
    with torch.no_grad():
        if tensor.shape != copy.shape or tensor.dtype != copy.dtype:
            tensor.data = copy
            return
        same = (tensor == copy) | ((tensor != tensor) & (copy != copy))  # NaN is as it was
        if not bool(same.all()):
            tensor.detach().copy_(copy)


def _put_array(array: Any, copy: Any) -> None:
    """Write an array only where it is another than before."""
    if array.shape == copy.shape and (array.dtype == object or array.tobytes() != copy.tobytes()):
        np.copyto(array, copy)


def _put_items(one: Any, content: Any, fill: Callable[[Any], Any]) -> Callable[[], None]:
    """Return what puts the content of a container back where it is another one."""

    def put() -> None:
        now = list(one.items()) if isinstance(one, dict) else list(one)
        was = list(content.items()) if isinstance(content, dict) else list(content)
        if isinstance(one, dict):
            same = len(now) == len(was) and all(a[0] is b[0] and a[1] is b[1] for a, b in zip(now, was, strict=True))
        else:
            same = len(now) == len(was) and all(a is b for a, b in zip(now, was, strict=True))
        if not same:
            one.clear()
            fill(content)

    return put
