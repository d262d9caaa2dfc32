"""Two states of a session's edits side by side, token by token."""

from __future__ import annotations

from collections.abc import Callable

from lstm_tui.debugger.comparison import Comparison
from lstm_tui.debugger.edits import apply
from lstm_tui.debugger.history import History
from lstm_tui.engine.network import Network
from lstm_tui.engine.trace import Sequence, Trace


def compare_states(
    history: History, one: int, other: int, network: Network, sequence: Sequence, run_of: Callable[[int], Trace]
) -> Comparison:
    """Lay the runs of two states side by side; tokens are those of the last state from which both come.

    Args:
        history: The tree.
        one: Number of the first state.
        other: Number of the second.
        network: The network as it was opened.
        sequence: The tokens as they were opened.
        run_of: The run of a state.
    """
    shared = history.edits_of(history.common(one, other))
    ancestor = apply(shared, network, sequence)
    # weights were edited in the ancestor's own copy: what comes after has one of its own again
    first, second = (
        apply(history.edits_of(state)[len(shared) :], ancestor.network, ancestor.sequence).origins
        for state in (one, other)
    )
    places = {origin: t for t, origin in enumerate(first) if origin is not None}
    origins = tuple(None if origin is None else places.get(origin) for origin in second)
    return Comparison.of(run_of(one), run_of(other), (history.name_of(one), history.name_of(other)), origins)
