"""How long a question over a whole run takes, beside the run itself: `python -m tests.benchmarks.conditions`.

A condition that never holds is looked for to the end, forwards and backwards, over 100 000 steps of 64 units.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.session import Session
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

STEPS, UNITS = 100_000, 64
QUESTIONS = (
    "mean(f) < -1", "c[17] - prev(c)[17] > 99", "norm(c - prev(c)) > 9999", "any(isnan(h))", "sat(i) > 2",
    "share(tok[5]) < -1", 'token == "nowhere"', "change c by 99", "nan",
)  # fmt: skip


def seconds(act: Callable[[], object]) -> float:
    """Return how long something takes, the best of three."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    network = build_network(
        {"name": "n", "input_size": 8, "layers": [{"cell": "lstm", "hidden_size": UNITS, "directions": ["forward"]}]}
    )
    x = np.random.default_rng(0).normal(size=(STEPS, 8)).astype(np.float32)
    sequence = Sequence("numbers", tuple(map(str, range(STEPS))), x=x)
    trace = run(network, sequence, "numba")
    whole = seconds(lambda: run(network, sequence, "numba"))
    print(f"the run: {whole * 1e3:.0f} ms for {STEPS} steps of {UNITS} units\n")
    print(f"{'question':<28} {'set':>8} {'forward':>8} {'back':>8}   of the run")
    for question in QUESTIONS:
        asked, forward, back = (seconds(act) for act in acts(trace, question))
        part = (asked + forward) / whole
        print(f"{question:<28} {asked * 1e3:>5.0f} ms {forward * 1e3:>5.0f} ms {back * 1e3:>5.0f} ms   {part:8.3f}")


def acts(trace: Trace, question: str) -> tuple[Callable[[], object], ...]:
    """Return what is measured: setting a breakpoint on a new session, and going on from either end to the other."""

    def opened() -> Session:
        session = Session(trace)
        answer(session, f"break {question}")
        return session

    session = opened()

    def forward() -> None:
        session.goto(0)
        session.continue_()

    def back() -> None:
        session.goto(STEPS - 1)
        session.reverse_continue()

    return opened, forward, back


if __name__ == "__main__":
    main()
