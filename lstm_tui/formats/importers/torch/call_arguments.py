"""What the functions of PyTorch are given: kind and range of every argument, looked at before any is used."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.torch.program_builder import TensorRef

MOST_WHOLE = 1 << 62
"""Whole numbers of PyTorch have 64 bits; its "to the end" is one less than this doubled."""
_MOST_NUMBERS = 1_000
HARMLESS = frozenset((
    "device", "layout", "pin_memory", "memory_format", "generator", "non_blocking", "copy", "requires_grad", "inplace",
))  # fmt: skip
"""Keywords that change no number."""


def is_tensor(value: Any) -> bool:
    """Say whether it is a tensor."""
    return isinstance(value, TensorRef)


def is_number(value: Any) -> bool:
    """Say whether it is one plain number."""
    return isinstance(value, bool | int | float | np.number)


def is_whole(value: Any) -> bool:
    """Say whether it is a whole number of 64 bits, or a tensor, which may be one."""
    if isinstance(value, TensorRef):
        return True
    return isinstance(value, bool | int | np.integer) and abs(int(value)) <= 2 * MOST_WHOLE


def is_wholes(value: Any) -> bool:
    """Say whether it is a whole number or a list of them."""
    if isinstance(value, list | tuple):
        return len(value) <= _MOST_NUMBERS and all(is_whole(one) for one in value)
    return is_whole(value)


def is_flag(value: Any) -> bool:
    """Say whether it is true or false."""
    return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))


def is_tensors(value: Any) -> bool:
    """Say whether it is a list of tensors, one at least."""
    return isinstance(value, list | tuple) and len(value) > 0 and all(is_tensor(one) for one in value)


def _is_operand(value: Any) -> bool:
    return is_tensor(value) or is_number(value)


def _is_size(value: Any) -> bool:
    """Say whether it is a small number that counts something, and no less than 0; or a list of one for each axis."""
    each = value if isinstance(value, list | tuple) else [value]
    return is_wholes(value) and all(is_tensor(one) or 0 <= int(one) <= _MOST_COUNT for one in each)


def _is_positive(value: Any) -> bool:
    each = value if isinstance(value, list | tuple) else [value]
    return _is_size(value) and not any(is_number(one) and one == 0 for one in each)


def _is_small(value: Any) -> bool:
    return is_number(value) and math.isfinite(value) and 0 <= value < 1e6


def _is_finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value) and abs(value) < 1e6


def _is_chance(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def _is_plain(value: Any) -> bool:
    """Say whether it is a number, a tensor, or lists of them."""
    waiting, seen = [value], 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if isinstance(one, list | tuple) and seen + len(one) < _MOST_LISTED:
            waiting += one
        elif not _is_operand(one):
            return False
    return True


_MOST_COUNT = 1 << 31
_MOST_LISTED = 100_000
_Kind = tuple[Callable[[Any], bool], str]
TENSOR: _Kind = is_tensor, "a tensor"
TENSORS: _Kind = is_tensors, "a list of tensors"
OPERAND: _Kind = _is_operand, "a tensor or a number"
NUMBER: _Kind = is_number, "a number"
WHOLE: _Kind = is_whole, "a whole number"
WHOLES: _Kind = is_wholes, "whole numbers"
COUNT: _Kind = _is_positive, "a whole number above 0"
SIZE: _Kind = _is_size, "whole numbers, none below 0"
FLAG: _Kind = is_flag, "true or false"
SMALL: _Kind = _is_small, "a number from 0 on that is finite"
FINITE: _Kind = _is_finite, "a number that is finite"
CHANCE: _Kind = _is_chance, "a number from 0 to 1"
TEXT: _Kind = (lambda value: isinstance(value, str)), "a text"
DTYPE: _Kind = (lambda value: isinstance(value, int)), "a kind of numbers"


def _maybe(kind: _Kind) -> _Kind:
    return (lambda value: value is None or kind[0](value)), f"{kind[1]}, or nothing"


def _either(*kinds: _Kind) -> _Kind:
    return (lambda value: any(kind[0](value) for kind in kinds)), " or ".join(kind[1] for kind in kinds)


_INDICES: _Kind = (
    lambda value: isinstance(value, list | tuple) and all(one is None or is_tensor(one) for one in value),
    "a list of tensors",
)
KINDS: Mapping[str, _Kind] = {
    **dict.fromkeys(("x", "w", "g", "v", "table", "ids", "mask", "batch_sizes", "source", "slopes"), TENSOR),
    **dict.fromkeys(("weight", "bias", "mean", "variance"), _maybe(TENSOR)),
    **dict.fromkeys(("one", "other", "value", "exponent", "lengths"), OPERAND),
    **dict.fromkeys(("tensors", "params"), TENSORS),
    **dict.fromkeys(("least", "most", "min", "max"), _maybe(OPERAND)),
    **dict.fromkeys(("alpha", "beta", "slope", "scale", "input_scale", "threshold", "momentum"), NUMBER),
    **dict.fromkeys(("dim0", "dim1", "start_dim", "end_dim"), WHOLE),
    **dict.fromkeys(("start", "end"), _maybe(WHOLE)),
    **dict.fromkeys(("dims", "repeats", "shape", "sizes", "size"), WHOLES),
    **dict.fromkeys(("chunks", "groups", "kernel", "dilation", "step", "num_layers"), COUNT),
    **dict.fromkeys((
        "keepdim", "implicit", "train", "training", "by_input", "transposed", "ceil_mode", "count_include_pad",
        "bidirectional", "batch_first", "has_biases", "descending",
    ), FLAG),
    **dict.fromkeys(("p", "dropout"), CHANCE),
    "dim": _maybe(WHOLES),
    "stride": _maybe(_either(COUNT, ((lambda value: value in ((), [])), "nothing"))),
    "padding": _either(SIZE, TEXT),
    **dict.fromkeys(("length", "output_padding"), SIZE),
    "count": WHOLE,
    "index": WHOLES,
    "indices": _INDICES,
    "parts": WHOLES,
    **dict.fromkeys(("eps", "lambd", "low", "high"), SMALL),
    **dict.fromkeys(("border", "filler"), FINITE),
    "equation": TEXT,
    "dtype": _maybe(DTYPE),
    "fill": _maybe(OPERAND),
    "approximate": TEXT,
    "rounding_mode": _maybe(TEXT),
    "order": _maybe(_either(NUMBER, TEXT)),
    "correction": _maybe(WHOLE),
    "total_length": _maybe(WHOLE),
    "unbiased": FLAG,
    "input": TENSOR,
    "hx": _either(TENSOR, TENSORS),
    "listed": (_is_plain, "numbers, or lists of them"),
}  # fmt: skip
"""What an argument of a name has to be: one name has one kind, in every function."""


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def check(called: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Look at what a function is given, its first parameter apart, which is none of the file's.

    Args:
        called: What PyTorch calls it.
        function: What does it here, whose parameters have names of `KINDS`.
        args: In order.
        kwargs: By name.

    Raises:
        UnsupportedNode: It does not take what it is given; it says which argument, and what that has to be.
    """
    try:
        bound = _signature(function).bind(None, *args, **kwargs)
    except TypeError as error:
        raise UnsupportedNode(f"{called} is not given what it takes ({visible(str(error)[:80])})") from error
    parameters = list(_signature(function).parameters.values())
    for one in parameters[1:]:
        if one.name not in bound.arguments:
            continue
        value = bound.arguments[one.name]
        if one.kind is one.VAR_KEYWORD:
            for name, each in value.items():
                check_one(called, name, each)
        elif isinstance(value, TensorRef) and value.array is None:
            raise UnsupportedNode(value.why)
        elif one.kind is not one.VAR_POSITIONAL and value is not one.default:
            check_one(called, one.name, value)


def check_one(called: str, name: str, value: Any) -> None:
    """Look at one argument.

    Raises:
        UnsupportedNode: It is of another kind or range than its name says, or of a name that is not known.
    """
    if name in HARMLESS:
        return
    if name not in KINDS:
        raise UnsupportedNode(f"{called} is told {visible(name[:40])}, which is not known here")
    fits, said = KINDS[name]
    if not fits(value):
        raise UnsupportedNode(f"{called} takes {said} as {name}, and is given {_told(value)}")


def _told(value: Any) -> str:
    """Return a few words for what does not fit."""
    if isinstance(value, TensorRef):
        return "a tensor"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a text"
    return visible(str(value)[:20]) if is_number(value) else "a list" if isinstance(value, list | tuple) else "another"


def axis_of(x: TensorRef, axis: Any) -> int:
    """Return an axis of a tensor, counted from the first.

    Raises:
        UnsupportedNode: It is not there.
    """
    count = max(x.known().ndim, 1)
    (place,) = wholes_of(axis) or (count,)
    if not -count <= place < count:
        raise UnsupportedNode("it names an axis that is not there")
    return place % count


def new_axis_of(x: TensorRef, axis: Any) -> int:
    """Return where a new axis comes to stand.

    Raises:
        UnsupportedNode: There is no such place.
    """
    count = x.known().ndim + 1
    (place,) = wholes_of(axis) or (count,)
    if not -count <= place < count:
        raise UnsupportedNode("it names an axis that is not there")
    return place % count


def wholes_of(values: Any) -> tuple[int, ...]:
    """Return sizes and places, which may be tensors of one number that no input decides.

    Raises:
        UnsupportedNode: They are none.
    """
    if isinstance(values, TensorRef):
        if values.live:
            raise UnsupportedNode("its sizes depend on the numbers")
        values = values.known().reshape(-1).tolist()
    if isinstance(values, int | np.integer):
        values = [values]
    if not isinstance(values, list | tuple):
        raise UnsupportedNode("its sizes are no whole numbers")
    made = []
    for one in values:
        if isinstance(one, TensorRef):
            if one.live:
                raise UnsupportedNode("its sizes depend on the numbers" if one.array is not None else one.why)
            if one.known().size != 1:
                raise UnsupportedNode("its sizes are no whole numbers")
            one = one.known().item()
        if not isinstance(one, int | np.integer):
            raise UnsupportedNode("its sizes are no whole numbers")
        made.append(int(one))
    return tuple(made)
