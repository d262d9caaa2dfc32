"""The page of a whole block, and what such pages have in common: convolutions over a few tokens, optional terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.released.blocks_in_file import FileTensors

SILU = {"silu": "a * sigmoid(a)"}
_WINDOW = range(2, 9)
"""Tokens that a convolution may read."""


def window_weights(kernel: Array, prefix: str) -> dict[str, Array]:
    """Return the weights of a convolution by how many tokens back each reads; kernel is (channels, 1, K)."""
    flat = kernel.reshape(len(kernel), -1)
    return {f"{prefix}{back}": np.ascontiguousarray(flat[:, -1 - back]) for back in range(flat.shape[1])}


def window_kernel(tensors: FileTensors, name: str, part: str, channels: int) -> Array:
    """Return the kernel of a convolution, each channel for itself: (channels, 1, K).

    Raises:
        UserError: It is missing, has another shape, or reads too many tokens.
    """
    kernel = tensors.take(name, part, channels, 1, -1)
    if kernel.shape[-1] not in _WINDOW:
        raise UserError(f"{tensors.where}: a convolution of {kernel.shape[-1]} tokens; {_WINDOW[-1]} is the most")
    return kernel


def window_lines(
    value: str, made: str, kernel: str, bias: str, count: int, says: str, function: str = "silu"
) -> Iterator[str]:
    """Yield a convolution over the last `count` tokens of a value, and what keeps them; an empty function is none."""
    terms = [f"{kernel}{back} * {value}{f'_{back}' * bool(back)}" for back in range(count)]
    over = f"{says}: each channel at this token and the {count - 1} before"
    yield f"{made} = {function}({' + '.join(terms)} + {bias})   # {over}"
    for back in range(count - 1, 0, -1):
        before = f"{value}_{back - 1}" if back > 1 else value
        yield f"{value}_{back} = {before}   # kept: {says}, {back} back"


def block_page(
    name: str, title: str, source: str, state: Sequence[str], heads: str, sizes: Mapping[str, str],
    lines: Sequence[str], biases: Mapping[str, Array | None], functions: Mapping[str, str] = SILU,
    initial: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Return the page of a block.

    Args:
        name: Of the cell.
        title: What it is.
        source: Its papers.
        state: Values carried from step to step.
        heads: The size that counts its heads; "" where it has none.
        sizes: Of values, as TOML: `'"E"'`; the input has H.
        lines: Its equations.
        biases: By name, each None that the file has not.
        functions: Macros, by name.
        initial: What states begin with that are not 0, as TOML.
    """
    listed = ", ".join(f"{key} = {value}" for key, value in {"x": '"H"', **sizes}.items())
    macros = ", ".join(f'{key} = "{body}"' for key, body in functions.items())
    begins = ", ".join(f"{key} = {value}" for key, value in (initial or {}).items())
    return "\n".join([
        f'name = "{name}"',
        f'title = "{title}"',
        f'source = "read from the file; {source}"',
        f"state = [{', '.join(map(repr, state))}]".replace("'", '"'),
        'output = "h"',
        *([f'heads = "{heads}"'] if heads else []),
        f"sizes = {{ {listed} }}",
        *([f"initial = {{ {begins} }}"] if begins else []),
        f"functions = {{ {macros} }}",
        f"optional = [{', '.join(map(repr, biases))}]".replace("'", '"'),
        "equations = '''",
        *lines,
        "'''",
        "",
    ])  # fmt: skip


def whole_block(
    root: str, page: str, width: int, given: Mapping[str, Array], biases: Mapping[str, Array | None],
    sizes: Mapping[str, int],
) -> Recurrent:  # fmt: skip
    """Return a block as a layer that reads as many numbers as it shows."""
    there = {name: one for name, one in biases.items() if one is not None}
    without = tuple(name for name, one in biases.items() if one is None)
    return Recurrent(
        root.rstrip("."), page, width, width, (("forward", {**given, **there}),), without=without, sizes=dict(sizes)
    )
