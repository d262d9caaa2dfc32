"""What the network says at a position, ready to be drawn."""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.contributions import OutputParts, says_shares
from lstm_tui.analysis.distribution import first_predicted, is_language_model, largest, perplexity
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import fixed, sentence
from lstm_tui.engine.runtime.answer import answering
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_series import is_not_known_yet, is_windowed, waits_for_nothing


@dataclass(frozen=True, eq=False)
class Prediction:
    """Outputs at one token, or of the whole sequence.

    Attributes:
        values: One number an output, (K,).
        names: Their names; may be fewer.
        shares: Whether the values are parts of a whole (a softmax).
        note: Of what it is the output.
        remark: What came next, or empty.
        actual: The output that came true, or None.
        faded: Whether the position has not reached it, or it means nothing here.
        parts: What each token adds to the log odds of output `of` in the whole, (T,); None where that means
            nothing.
        bias: What the readout's bias adds to them.
        of: The output that wins in the whole.
        so_far: Whether the values are of the tokens so far, and the parts are of the whole all the same.
        known: Whether it is computed; of a run in windows it may not be yet, and the values are NaN.
    """

    values: Array
    names: tuple[str, ...]
    shares: bool
    note: str = ""
    remark: str = ""
    actual: int | None = None
    faded: bool = False
    parts: Array | None = None
    bias: float | None = None
    of: int = 0
    so_far: bool = False
    known: bool = True


def verdict_at(
    trace: Trace,
    parts: OutputParts | None,
    t: int,
    reached: bool = True,
    of: int | None = None,
    bits: Array | None = None,
) -> Prediction | None:
    """Return what the network says at token `t`, or of the whole where it speaks once; None without readout.

    Args:
        trace: The run.
        parts: What each token adds to each class, where that is exact.
        t: Place on the tape.
        reached: Whether the run has come to the output of this token.
        of: The output whose parts are told; the one that wins in the whole when None.
        bits: The surprise of each token, (T,), where next tokens are said.
    """
    if trace.output is None and trace.result is None:
        return None
    whole = trace.output is None
    values = trace.result if trace.output is None else trace.output[t]
    assert values is not None
    waits = waits_for_nothing() and (is_not_known_yet(values) or (not whole and not _is_computed(trace, t)))
    shares = not waits and says_shares(trace, values)
    columns = trace.sequence.columns
    names = trace.classes or (columns if len(columns) == len(values) else ())
    if parts is None:
        note = "whole text" if whole else f"after t={t}"
        actual, remark = (None, "") if whole else (_actual(trace, t), _remark(trace, t, bits))
        if waits:
            unknown = np.full(len(values), np.nan, values.dtype)
            return Prediction(unknown, names, False, note, actual=actual, faded=True, known=False)
        faded = not whole and not (reached and _asked(trace, t))
        return Prediction(values, names, shares, note, remark, actual, faded)
    note = "whole text" if whole else f"so far, t={t}"
    best = largest(trace.result if trace.result is not None else values) if of is None else of
    if best is None:
        remark = "which of them wins is not known"
        return Prediction(values, names, shares, note, remark, faded=not reached and not whole)
    with np.errstate(invalid="ignore"):  # of what is infinite there is no difference: NaN says so
        toward, rest = parts.toward(best)
    faded = not reached and not whole
    return Prediction(
        values, names, shares, note, parts=toward, bias=rest, of=best, so_far=not whole, faded=faded
    )  # fmt: skip


def _is_computed(trace: Trace, t: int) -> bool:
    """Say whether all passes have come to a token, of which a run in windows may not know yet."""
    return trace.windows is None or all(trace.is_ready(name, t) for name in trace)


def perplexity_figure(level: float) -> str:
    """Return a perplexity as text: not known where a probability it is made of is none."""
    return "not known" if np.isnan(level) else sentence(level, 3)


def _actual(trace: Trace, t: int) -> int | None:
    """Return the id of the next token where next tokens are said."""
    ids = trace.sequence.ids
    if ids is None or t + 1 >= len(ids) or not is_language_model(trace.network):
        return None
    return int(ids[t + 1])


ASKED_AT_THE_END = "asked at the end only"
READS = "it reads: nothing is asked here"
"""Why what is said at a token means nothing: it learned to answer at the last one, or behind what it reads."""


def _asked(trace: Trace, t: int) -> bool:
    """Say whether what the network says at a token means anything: some learned to answer at the last one only.

    One that answers behind what it reads says nothing while it reads.
    """
    if trace.network is not None and trace.network.answers is not None:
        return t in answering(trace.sequence.tokens, trace.network)
    return trace.network is None or trace.network.asked == "each" or t == len(trace.sequence) - 1


def _remark(trace: Trace, t: int, bits: Array | None) -> str:
    """Say how surprising the next token is, which row of numbers came next, or that nothing is asked here."""
    if not _asked(trace, t):
        if trace.network is not None and trace.network.answers is not None:
            return READS
        return ASKED_AT_THE_END
    if bits is not None:
        level = (
            None if is_windowed(bits) else perplexity(bits, first_predicted(trace))
        )  # of a run in windows it would take a pass over it
        text = "" if level is None else f"text: perplexity {perplexity_figure(level)}"
        return f"next: {fixed(bits[t + 1])} bits; {text}" if t + 1 < len(bits) else text
    x = trace.sequence.x
    if x is None or trace.output is None or t + 1 >= len(x) or x.shape[1] != trace.output.shape[1]:
        return ""
    return "next is " + " ".join(fixed(number, sign=True) for number in x[t + 1][:4])
