"""What is open: a network and the sequences it reads, each run when it is first looked at; or one trace file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence as InputSequence
from lstm_tui.engine.runtime.interpreters import quick_steps
from lstm_tui.engine.runtime.run import Initial, run
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.stream import Incoming

_KEPT = 8
"""Traces that are held at once."""


class Document:
    """Sequences by number, and a trace of each on request."""

    def __init__(
        self,
        network: Network | None = None,
        sequences: Sequence[InputSequence] = (),
        trace: Trace | None = None,
        dtype: str = "float32",
        initial: Initial | None = None,
        carry: bool = False,
        command: tuple[str, ...] = (),
        incoming: Incoming | None = None,
    ) -> None:
        """Open a network with sequences, or a single trace without its network; `command` opens them again.

        `incoming` is one sequence that grows: there is none before its first tokens have come.
        """
        self.command = command
        self.incoming = incoming
        self.network = network
        self.sequences = sequences
        self.dtype = dtype
        self.initial = initial
        self.carry = carry
        self._single = trace
        self._kept: OrderedDict[tuple[int, str], Trace] = OrderedDict()
        self._starts: dict[tuple[int, str], Initial | None] = {}

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return 1 if self._single is not None else len(self.sequences)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What should be known of how the network was read."""
        if self._single is not None:
            return self._single.remarks
        return () if self.network is None else self.network.remarks

    @property
    def can_run(self) -> bool:
        """Whether there is a network to run."""
        return self._single is None

    def held(self, number: int, interpreter: str) -> Trace | None:
        """Return a trace that is there already."""
        return self._single or self._kept.get((number, interpreter))

    def begin(self, sequence: InputSequence) -> None:
        """Take the first tokens of a sequence that grows."""
        self.sequences = (sequence,)

    def grown(self, trace: Trace) -> None:
        """Hold a run that has grown in the place of what was run before it."""
        self.sequences = (trace.sequence,)
        if trace.interpreter == "numba":  # which took over for good
            self._kept.clear()
        self._kept[0, trace.interpreter] = trace

    def start(self, number: int, interpreter: str) -> Initial | None:
        """Return the states with which a run that is held was begun; None when they are the network's own."""
        return self._starts.get((number, interpreter), self.initial)

    def is_short(self, number: int) -> bool:
        """Say whether a sequence is run so quickly that nobody notices."""
        network = self.network
        return network is None or len(self.sequences[number]) <= quick_steps("numpy", len(network.passes))

    def run(self, number: int, interpreter: str = "numpy", progress: Progress | None = None) -> Trace:
        """Run a sequence, telling how far it is, or return the trace that was kept of it.

        Raises:
            UserError: If the sequence does not fit the network.
        """
        held = self.held(number, interpreter)
        if held is not None or self.network is None:
            assert held is not None
            return held
        initial = self._carried(number, interpreter) if self.carry and number else self.initial
        made = run(self.network, self.sequences[number], interpreter, self.dtype, initial, progress)
        self._starts[number, interpreter] = initial
        self._kept[number, interpreter] = made
        while len(self._kept) > _KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._starts.pop(gone, None)
        return made

    def _carried(self, number: int, interpreter: str) -> Initial:
        """Return the states after the sequence before: state goes on from line to line."""
        assert self.network is not None
        start, initial = number, self.initial
        while start > 0 and self.held(start - 1, interpreter) is None:
            start -= 1
        if start > 0:
            held = self.held(start - 1, interpreter)
            assert held is not None
            initial = final_states(held)
        for line in range(start, number):
            initial = final_states(run(self.network, self.sequences[line], interpreter, self.dtype, initial))
        assert initial is not None
        return initial

    def title(self) -> str:
        """Return the network in a few words: `sentiment · BiLSTM 32+32 · mean_softmax`."""
        if self.network is None:
            assert self._single is not None
            return f"{visible(self._single.model.get('name') or 'trace')} · trace file"
        layers = []
        for layer in self.network.layers:
            first = layer.passes[0]
            both = "Bi" if len(layer.passes) > 1 else ""
            sizes = "+".join(str(one.program.hidden_size) for one in layer.passes)
            name = visible(first.cell.name)
            layers.append(f"{both}{name.upper() if len(name) <= 4 else name} {sizes}")
        parts = [visible(self.network.name), ", ".join(layers)]
        if self.network.readout is not None:
            parts.append(visible(self.network.readout.page.name).replace("_", ", "))
        return " · ".join(parts)


def final_states(trace: Trace) -> Initial:
    """Return every pass's states after its last step in reading order."""
    last = {name: passed.tape_place(passed.steps - 1) for name, passed in trace.passes.items()}
    return {
        name: {state: passed[state][last[name]] for state in passed.cell.state if state in passed}
        for name, passed in trace.passes.items()
    }
