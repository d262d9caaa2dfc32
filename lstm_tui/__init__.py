"""lstm-tui: a debugger for recurrent networks. `load` a network, `trace` a run, step through it in a `session`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lstm_tui.engine.rich_display import draw_with
from lstm_tui.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

    from lstm_tui.debugger.commands.console import TypedSession as Session
    from lstm_tui.debugger.inspect.compare import Comparison, compare
    from lstm_tui.debugger.inspect.memory_ledger import MemoryLedger, ledger
    from lstm_tui.debugger.position import Frame
    from lstm_tui.engine.arrays import Rows
    from lstm_tui.engine.errors import UserError
    from lstm_tui.engine.model.network import Network
    from lstm_tui.engine.runtime.trace import PassTrace, Trace
    from lstm_tui.engine.runtime.value_array import ValueArray
    from lstm_tui.formats.verify.recording import record
    from lstm_tui.formats.verify.verdict import Verification
    from lstm_tui.living.capture import Capture, capture, open_capture
    from lstm_tui.living.checkpoints import series
    from lstm_tui.living.debug import debug
    from lstm_tui.living.doctor import doctor
    from lstm_tui.living.watch import LoopStopped, post_mortem, watch
    from lstm_tui.notebooks.widget import widget

__all__ = [
    "Capture",
    "Comparison",
    "Frame",
    "LoopStopped",
    "MemoryLedger",
    "Network",
    "PassTrace",
    "Session",
    "Trace",
    "UserError",
    "ValueArray",
    "Verification",
    "__version__",
    "capture",
    "compare",
    "debug",
    "doctor",
    "ledger",
    "load",
    "open_capture",
    "open_trace",
    "post_mortem",
    "record",
    "series",
    "session",
    "trace",
    "verify",
    "watch",
    "widget",
]  # fmt: skip

_HOMES = {
    "Capture": "lstm_tui.living.capture",
    "Comparison": "lstm_tui.debugger.inspect.compare",
    "Frame": "lstm_tui.debugger.position",
    "LoopStopped": "lstm_tui.living.watch",
    "MemoryLedger": "lstm_tui.debugger.inspect.memory_ledger",
    "Network": "lstm_tui.engine.model.network",
    "PassTrace": "lstm_tui.engine.runtime.trace",
    "Session": "lstm_tui.debugger.commands.console",
    "Trace": "lstm_tui.engine.runtime.trace",
    "UserError": "lstm_tui.engine.errors",
    "ValueArray": "lstm_tui.engine.runtime.value_array",
    "Verification": "lstm_tui.formats.verify.verdict",
    "capture": "lstm_tui.living.capture",
    "compare": "lstm_tui.debugger.inspect.compare",
    "debug": "lstm_tui.living.debug",
    "doctor": "lstm_tui.living.doctor",
    "ledger": "lstm_tui.debugger.inspect.memory_ledger",
    "open_capture": "lstm_tui.living.capture",
    "post_mortem": "lstm_tui.living.watch",
    "record": "lstm_tui.formats.verify.recording",
    "series": "lstm_tui.living.checkpoints",
    "watch": "lstm_tui.living.watch",
    "widget": "lstm_tui.notebooks.widget",
}
_CALLED = {"Session": "TypedSession"}
"""Public names that are others in the file that defines them."""


def _drawn(shown: object) -> str | None:
    """Return what a notebook shows of an object; what draws it is imported when something is first shown."""
    from lstm_tui.documents.notebook import drawn

    return drawn(shown)


draw_with(_drawn)


def load(
    path: str | Path | Network,
    *,
    decisions: Mapping[str, str] | None = None,
    map: str | Path | None = None,
    network: str | None = None,
    vocabulary: str | Path | Sequence[str] | Mapping[str, int] | None = None,
    tokens: str | None = None,
    pad: tuple[str, int] | None = None,
    classes: Sequence[str] = (),
    layer: int | str | None = None,
) -> Network:
    """Return a trained network: a bundled one by name, or one from a file, read as the options of `run` say.

    Args:
        path: A bundled name, or a file of any format that `lstm-tui inspect` reads; a network stays what it is.
        decisions: What the file does not say, by key, as `--set`: `{"layer0.gate_order": "ifgo"}`.
        map: A file of decisions and names of tensors, as `--map`.
        network: Which network of a file that holds several.
        vocabulary: The vocabulary of a file that has none: a file, the tokens by id, or a mapping of tokens to ids.
        tokens: What a text is split into with it: words, chars or bytes.
        pad: Where a text is padded, and to how many tokens, such as `("pre", 100)`.
        classes: Names of the outputs.
        layer: The one layer that is taken out, to which numbers are given.

    Raises:
        UserError: There is none, the file is damaged, or an option does not go with it.
    """
    from lstm_tui.engine.model.network import Network
    from lstm_tui.formats.importers.open import reading_of
    from lstm_tui.formats.importers.untrained import one_layer
    from lstm_tui.models.bundled import named_model, open_model
    from lstm_tui.models.opening import told

    reading = reading_of(decisions, map, network, vocabulary, tokens, pad, classes)
    given = path if isinstance(path, Network) else open_model(named_model(path), reading)
    found = told(given)
    return found if layer is None else one_layer(found, str(layer))


def verify(
    path: str | Path,
    reference: str | Path,
    *,
    tolerance: float | None = None,
    seconds: float | None = None,
    decisions: Mapping[str, str] | None = None,
    map: str | Path | None = None,
    network: str | None = None,
) -> Verification:
    """Compare a network's file with what another program recorded of it, as `lstm-tui verify` does.

    Args:
        path: As for `load`, but no network.
        reference: The recording, such as `record` writes.
        tolerance: By how much numbers may differ that are called the same; by default 0.0001.
        seconds: How long other readings of the file are tried, in seconds of processor time; by default 8.
        decisions: As for `load`; so are `map` and `network`.
        map: A file of decisions and names of tensors.
        network: Which network of a file that holds several.

    Returns:
        What came of it: `same` is True, False, or None where not all was proven; as a text it is what the command says.

    Raises:
        UserError: The file or the recording cannot be read, or they do not belong together.
    """
    from lstm_tui.formats.importers.named import find_model
    from lstm_tui.formats.importers.open import reading_of
    from lstm_tui.formats.verify.verification import CLOSE, SECONDS
    from lstm_tui.formats.verify.verification import verify as compared

    reading, close = reading_of(decisions, map, network), CLOSE if tolerance is None else tolerance
    return compared(find_model(str(path)), reading, reference, close, seconds=SECONDS if seconds is None else seconds)[
        1
    ]


def trace(
    source: str | Path | Rows,
    model: str | Path | Network | None = None,
    *,
    line: int | None = None,
    whole: bool = False,
    dtype: str = "float32",
    interpreter: str | None = None,
    initial: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    edits: str | Path | Sequence[str] = (),
    frame: int | None = None,
    hop: int | None = None,
    context: int = 0,
    memory: int | str | None = None,
) -> Trace:
    """Run a network over a text, a file or an array and return every value.

    Args:
        source: A text; a file, as a `Path` or as the name of a file there is; or rows of numbers (T, I): a list,
            an array, a tensor of PyTorch, a table of pandas or polars.
        model: A network, a bundled name or a file; by default `sentiment`, or `forecast` for numbers.
        line: Line of a file, from 1; by default its first that holds something.
        whole: Whether a file or text is one sequence, not a sequence for each line.
        dtype: float32 or float64.
        interpreter: numpy or numba; by default the one that is done sooner, its loading included.
        initial: States before the first step, as `{"layer0.forward": {"h": …}}`; by default the cell's own.
        edits: Edits to make, by their lines, such as `["remove 3", "reset every 4", "chunk 8"]`, or a file of them.
        frame: Of samples, from a WAV file or an array of one column: how many are new to each step.
        hop: From one frame to the next; by default a frame.
        context: How many samples of before stand in front of each frame.
        memory: How many bytes the runs of this process may take from here on, as a number or such as `"2G"`.

    Returns:
        The trace: `trace(...)["layer0.forward"]["f"]` is an array (T, H).

    Raises:
        UserError: The input or the network is missing or wrong.
    """
    from lstm_tui.models.opening import framing_of, source_from

    framing = framing_of(frame, hop, context)
    opened = source_from(source, model, line, whole, dtype, interpreter, initial, edits, framing=framing, memory=memory)
    if not opened.edit_script:
        return opened.run()
    from lstm_tui.debugger.session import Session

    return Session.open(opened).frame.trace


def open_trace(path: str | Path) -> Trace:
    """Read a run that `lstm-tui trace FILE -o OUT` wrote; its network is not needed.

    Args:
        path: A `.json`, `.ndjson` or `.npz` file.

    Raises:
        UserError: It is none, or is damaged.
    """
    from lstm_tui.formats.traces.trace_file import read

    return read(path)


def session(
    source: str | Path | Rows,
    model: str | Path | Network | None = None,
    *,
    line: int | None = None,
    whole: bool = False,
    dtype: str | None = None,
    interpreter: str | None = None,
    initial: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    edits: str | Path | Sequence[str] = (),
    carry: bool = False,
    frame: int | None = None,
    hop: int | None = None,
    context: int = 0,
    memory: int | str | None = None,
) -> Session:
    """Open a debugger on a text, a file or an array: the session of the screen and of `--plain`, without either.

    Args:
        source: As for `trace`.
        model: As for `trace`.
        line: Line of a file that is opened first, from 1; the others are there too.
        whole: Whether a file or text is one sequence, not a sequence for each line.
        dtype: float32 or float64; by default that of the weights.
        interpreter: numpy or numba; by default the one that is done sooner, its loading included.
        initial: States before the first step, as for `trace`.
        edits: Edits to begin with, as for `trace`.
        carry: Whether the states are carried over from one line to the next.
        frame: Of samples, as for `trace`; so are `hop` and `context`.
        hop: From one frame to the next.
        context: How many samples of before stand in front of each frame.
        memory: As for `trace`.

    Returns:
        A session. `session.execute('break "not"')` executes any line that may be typed and returns the reply; what
        the verbs call is there too: `next`, `step`, `continue_`, `who`, `edit`, `frame.trace`.

    Raises:
        UserError: The input or the network is missing or wrong.
    """
    from lstm_tui.debugger.commands.console import TypedSession
    from lstm_tui.models.opening import framing_of, source_from

    framing = framing_of(frame, hop, context)
    opened = source_from(source, model, line, whole, dtype, interpreter, initial, edits, carry, framing, memory)
    return TypedSession.open(opened)


if not TYPE_CHECKING:  # a type checker knows every public name, and no other

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for, so that `lstm-tui --help` stays quick."""
        if name not in _HOMES:
            from lstm_tui.engine.errors import nearest

            near = None if name.startswith("_") else nearest(name, __all__)
            hint = f"; did you mean lstm_tui.{near}?" if near else ""
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), _CALLED.get(name, name))


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
