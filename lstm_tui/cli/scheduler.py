"""Parts of work handed to a cluster of Dask, whose scheduler is named by its address: an extra, imported by name.

A worker that dies has its parts done by another; each part is taken once, in its order. Files are opened by the
workers, so they are in the same place on every machine.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

_AHEAD = 256
"""Parts that are handed out before they are asked for."""
_SECONDS = 10
"""How long a scheduler may take to answer."""
_RETRIES = 5


def by_cluster(
    address: str,
    answer: Callable[..., Any],
    options: Namespace,
    files: Sequence[str],
    parts: Sequence[tuple[int, Any]],
    stack: ExitStack,
) -> Iterator[Any]:
    """Yield what comes of each part, in their order.

    Args:
        address: Of the scheduler, such as `tcp://10.0.0.1:8786`.
        answer: Called with the options, the name of a file and a part, wherever a worker is.
        options: Those of the command.
        files: What is read.
        parts: What is to be done, each with the number of its file.
        stack: Closes the connection at the end.

    Raises:
        UserError: Dask is not installed, or nobody answers there.
    """
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise UserError("--scheduler needs Dask: pip install 'lstm-tui[distributed]'") from error
    try:
        client = distributed.Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{visible(address)}: no scheduler of Dask answers there, such as tcp://10.0.0.1:8786"
        ) from error
    stack.callback(client.close)
    places = [str(Path(file).resolve()) for file in files]
    each = iter(parts)
    sent = _travelling(options)

    def hand_out(count: int) -> list[Any]:
        return [
            client.submit(answer, sent, places[file], part, pure=False, retries=_RETRIES)
            for file, part in islice(each, count)
        ]

    waiting = hand_out(_AHEAD)
    while waiting:
        yield waiting.pop(0).result()
        waiting += hand_out(1)


def _travelling(options: Namespace) -> Namespace:
    """Return options as they travel: names of files whole, since a worker stands in another folder."""
    given = dict(vars(options))
    for name in ("model", "edits", "initial", "map", "vocabulary", "cell"):
        value = given.get(name)
        if isinstance(value, str) and Path(value).is_file():
            given[name] = str(Path(value).resolve())
    return Namespace(**given)
