"""A plain RNN beside an LSTM and a GRU, trained on one game of memory: how far each reaches back on the same text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.analysis.distribution import largest
from lstm_tui.analysis.gradient_flow import LongMemory, long_memory
from lstm_tui.debugger.inspect.diagnostics import reach_words
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence as Text
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

RIVALS = ("recall-rnn", "recall-lstm", "recall-gru")
GAME = tuple(tokenize("brown ta na da na la da la la na na na ta ta la na na na na la which", "words"))
"""A colour is named, empty words pass, and it is asked for: the first line of `samples/recall.txt`."""


@dataclass(frozen=True, eq=False)
class Rival:
    """One of the networks, as it was trained.

    Attributes:
        name: Its name.
        trace: Its run.
        found: How far it reaches back from the last token.
    """

    name: str
    trace: Trace
    found: LongMemory

    @property
    def memory(self) -> str:
        """What it remembers by: C, or h where there is nothing else."""
        return letter(self.found.memory.value)

    @property
    def answer(self) -> tuple[str, float] | None:
        """The word it says after the last token, and with which probability; None where that is not known."""
        output = self.trace.output
        assert output is not None
        best = largest(output[-1])
        return None if best is None else (self.trace.classes[best], float(output[-1][best]))

    def told(self, name: Callable[[int], str]) -> str:
        """Return in one line what it says, and what became of its memory; `name` calls a token."""
        says = "what is not known" if self.answer is None else f"{self.answer[0]}, {percent(self.answer[1])}"
        return f"{self.name} says {says}. {next(reach_words(self.found, name))}"


def rivals(
    open_network: Callable[[str], Network], tokens: Sequence[str] = GAME, stop: Callable[[], bool] | None = None
) -> tuple[Rival, ...]:
    """Run each network and look back from the last token.

    Args:
        open_network: Opens a bundled network by its name.
        tokens: What is read; the game itself where they do not know one of the words.
        stop: Asked now and then; when it says yes nothing is returned but the error.

    Raises:
        UserError: It was stopped, or a network cannot be opened.
    """
    networks = [open_network(name) for name in RIVALS]
    if not all(_known(network, tokens) for network in networks):
        tokens = GAME
    found = []
    for name, network in zip(RIVALS, networks, strict=True):
        known = network.tokens
        assert known is not None
        trace = run(network, Text(known.kind, tuple(tokens), known.encode(tokens)[0], (), None, None, None))
        passed = next(iter(trace.values()))
        found.append(Rival(name, trace, long_memory(passed, passed.tape_place(passed.steps - 1), stop)))
    return tuple(found)


def _known(network: Network, tokens: Sequence[str]) -> bool:
    return network.tokens is not None and not network.tokens.encode(tokens)[1]
