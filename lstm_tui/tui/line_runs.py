"""The runs of what is open, each made when it is first looked at."""

from __future__ import annotations

from collections import OrderedDict

from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.interpreters import quick_steps
from lstm_tui.engine.runtime.run import Initial, is_held_in_windows, run
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

_KEPT = 8
"""Traces that are held at once."""


class LineRuns:
    """The runs of what is open, by line: each is made when it is first asked for, and the last few are kept.

    Attributes:
        source: What is open. Where a text still comes, it is followed by another with what has come.
    """

    def __init__(self, source: Source) -> None:
        """Hold what is open; nothing is run yet."""
        self.source = source
        self._kept: OrderedDict[tuple[int, str], Trace] = OrderedDict()
        self._starts: dict[tuple[int, str], Initial | None] = {}

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return self.source.count

    @property
    def can_run(self) -> bool:
        """Whether there is a network to run."""
        return self.source.recorded is None

    def held(self, number: int, interpreter: str) -> Trace | None:
        """Return a trace that is there already."""
        return self.source.recorded or self._kept.get((number, interpreter))

    def begin(self, sequence: Sequence) -> None:
        """Take the first tokens of a sequence that grows."""
        self.source = self.source.with_text(sequence)

    def grown(self, trace: Trace) -> None:
        """Hold a run that has grown in the place of what was run before it."""
        self.begin(trace.sequence)
        if trace.interpreter == "numba":  # which took over for good
            self._kept.clear()
        self._kept[0, trace.interpreter] = trace

    def start(self, number: int, interpreter: str) -> Initial | None:
        """Return the states with which a run that is held was begun; None when they are the network's own."""
        return self._starts.get((number, interpreter), self.source.initial)

    def is_short(self, number: int) -> bool:
        """Say whether a sequence is run so quickly that nobody notices, or is held in windows and not run at once."""
        network = self.source.network
        if network is None or len(self.source.sequences[number]) <= quick_steps("numpy", len(network.passes)):
            return True
        steps, most = len(self.source.sequences[number]), self.source.array_bytes
        return (
            most is not None and not self.source.carry and is_held_in_windows(network, steps, self.source.dtype, most)
        )

    def try_first_line(self) -> None:
        """Run the line that is opened first where that is quick, and look whether the edits to begin with fit it.

        Raises:
            UserError: If the line or an edit does not fit the network; nothing is said of a text that still comes.
        """
        source = self.source
        if source.incoming is not None:
            return
        if self.is_short(source.line):
            self.run(source.line)
        if source.edit_script and source.network is not None:
            from lstm_tui.debugger.edits.apply import apply

            apply(source.edit_script, source.network, source.sequences[source.line])

    def run(self, number: int, interpreter: str = "numpy", progress: Progress | None = None) -> Trace:
        """Run a sequence, telling how far it is, or return the trace that was kept of it.

        Raises:
            UserError: If the sequence does not fit the network.
        """
        source, held = self.source, self.held(number, interpreter)
        if held is not None or source.network is None:
            assert held is not None
            return held
        first = number
        while first > 0 and self.held(first - 1, interpreter) is None:
            first -= 1
        initial = source.start(number, interpreter, self.held(first - 1, interpreter) if first else None, first)
        made = run(
            source.network, source.sequences[number], interpreter, source.dtype, initial, progress,
            array_bytes=source.array_bytes,
        )  # fmt: skip
        self._starts[number, interpreter] = initial
        self._kept[number, interpreter] = made
        while len(self._kept) > _KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._starts.pop(gone, None)
        return made

    def title(self) -> str:
        """Return the network in a few words: `sentiment · BiLSTM 32+32 · mean_softmax`."""
        network, recorded = self.source.network, self.source.recorded
        if recorded is not None or network is None:
            return f"{visible((recorded and recorded.model.get('name')) or 'trace')} · trace file"
        layers = []
        for layer in network.layers:
            first = layer.passes[0]
            both = "Bi" if len(layer.passes) > 1 else ""
            sizes = "+".join(str(one.program.hidden_size) for one in layer.passes)
            name = visible(first.cell.name)
            layers.append(f"{both}{name.upper() if len(name) <= 4 else name} {sizes}")
        parts = [visible(network.name), ", ".join(layers)]
        if network.readout is not None:
            parts.append(visible(network.readout.page.name).replace("_", ", "))
        return " · ".join(parts)
