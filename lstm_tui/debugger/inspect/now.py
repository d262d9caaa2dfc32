"""What happens now, in one sentence: what this token does to the memory, and what the network says.

Every word of it is a fact that is defined elsewhere: *cleared*, *mostly new*, *kept*, *loses* and *takes* in
`analysis/memory_events.py`, what the network says in `prediction.py`. What is not computed yet, or is no
number, is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from lstm_tui.analysis.distribution import is_language_model, largest
from lstm_tui.analysis.memory_events import MemoryStep, loser
from lstm_tui.debugger.inspect.cut_words import reset_words
from lstm_tui.debugger.inspect.prediction import ASKED_AT_THE_END, READS, Prediction
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import update_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import percent, sentence
from lstm_tui.engine.text_safety import visible

_MOST_NUMBERS = 3
_MOST_UNITS = 2
_NEXT = {"words": "next word", "chars": "next character", "bytes": "next byte"}


@dataclass(frozen=True)
class NowSentence:
    """What happens at a token.

    Attributes:
        memory: What it does to the memory of the selected pass, clause by clause, the first with the token.
        says: What the network says here.
    """

    memory: tuple[str, ...]
    says: str

    @property
    def text(self) -> str:
        """The whole sentence."""
        return "; ".join((*self.memory, self.says))


def now(frame: Frame, facts: Facts, verdict: Prediction | None) -> NowSentence:
    """Return what happens at the token where a session stands.

    Args:
        frame: Where it stands.
        facts: Of its trace.
        verdict: What the network says there.
    """
    return NowSentence(tuple(_memory(frame, facts)), _says(frame, verdict))


def unit_at_start(frame: Frame, facts: Facts, name: str) -> int | None:
    """Return the unit of a pass of which the sentence at its first token speaks; None where it speaks of none.

    Args:
        frame: Where a session stands.
        facts: Of its trace.
        name: The pass.
    """
    named = frame.names.of.get(name)
    passed = frame.trace[name]
    t = passed.tape_place(0)
    if not named or not frame.trace.is_ready(name, t):
        return None
    step = facts.memory_step(name, t)
    return None if step is None else next(iter(_among(named, step.filled)), None)


def _memory(frame: Frame, facts: Facts) -> Iterator[str]:
    name, t = frame.position.pass_name, frame.t
    at = f"at {_token(frame, t)}" + (", an unknown word," if t in facts.unknown else "")
    memory = facts.memory(name)
    if not frame.reached(name, memory):
        yield f"{at}: its memory is not computed yet"
        return
    if said := reset_words(frame.passed, t):
        yield f"{at} {said}"
        at = ""  # it has been said where
    step, part, cell = facts.memory_step(name, t), facts.flow_near(name, t), frame.passed.cell
    if step is None or part is None:
        linear = memory in cell.state and update_of(cell, memory) is not None
        yield f"{at} {'what is kept is not recorded' if linear else 'the whole state is computed anew'}".lstrip()
        return
    first, *rest = _kept(step)
    yield f"{at} {first}".lstrip()
    if not step.cleared.any():
        yield from rest
    losing = _named(frame, step.emptied) or _largest(step.cleared, step.before)
    lost = {unit: loser(part, t, unit) for unit in losing}
    taken = _named(frame, step.filled)
    units = dict.fromkeys((*(unit for unit in lost if unit in taken), *lost, *taken))  # those that do both come first
    for unit in list(units)[:_MOST_UNITS]:
        place = lost.get(unit)
        did = [f"loses {_token(frame, place)}"] if place is not None else []
        did += [f"takes {_token(frame, t)}"] if unit in taken else []
        if did:
            yield f"{frame.names.called(name, unit)} {' and '.join(did)}"
    if step.cleared.any():
        yield from rest  # which unit lost which token is worth more room than how many are not as they were


def _kept(step: MemoryStep) -> Iterator[str]:
    """Yield how many memories are cleared, mostly new, kept in part; that all are kept, where none of these is."""
    held, unknown = int(step.held.sum()), int(step.unknown.sum())
    counts = {"cleared": step.cleared, "mostly new": step.mostly_new, "kept in part": step.in_part}
    told = [(int(units.sum()), did) for did, units in counts.items() if units.any()]
    if unknown:
        yield f"what {unknown} of {len(step.held)} memories keep is not known"
    elif not held:
        yield "the memory begins: it held nothing"
    elif not told:
        yield f"all {held} memories are kept" if held > 1 else "its one memory is kept"
    elif not step.cleared.any():
        yield "nothing is cleared"
    whole = "" if unknown else f" of {held} {'memory' if held == 1 else 'memories'}"
    for count, did in told:
        yield f"{count}{whole} {'are' if count > 1 else 'is'} {did}"
        whole = ""


def _named(frame: Frame, chosen: Array) -> list[int]:
    """Return the units among some that have names."""
    return _among(frame.names.of.get(frame.position.pass_name, {}), chosen)


def _among(names: Iterable[int], chosen: Array) -> list[int]:
    return [unit for unit in names if unit < len(chosen) and chosen[unit]]


def _largest(chosen: Array, memory: Array) -> list[int]:
    """Return the unit among some with the largest memory; none where there are none."""
    units = np.flatnonzero(chosen)
    return [int(units[np.argmax(np.abs(memory[units]))])] if len(units) else []


def _token(frame: Frame, t: int) -> str:
    if frame.trace.sequence.x is not None:
        return f"t={t}"
    return f"“{visible(frame.trace.sequence.tokens[t])}”"


def _of_one_token(network: Network) -> bool:
    """Say whether each token has an answer of its own, as a tag, and not one of all tokens so far."""
    return network.readout is not None and network.readout.page.per_token


def _says(frame: Frame, verdict: Prediction | None) -> str:
    if verdict is None:
        part = frame.trace.network is not None and frame.trace.network.is_part
        return f"no answer: {frame.trace.why_no_answer}" if part else "the network says nothing: it has no readout"
    network = frame.trace.network
    whole = frame.trace.output is None
    if is_language_model(network) and not whole:
        kind = network.tokens.kind if network is not None and network.tokens is not None else ""
        what = _NEXT.get(kind, "next")
    else:
        summed = verdict.so_far or (network is not None and not _of_one_token(network))
        what = "whole text" if whole else "so far" if summed else "here"
    if verdict.remark in (ASKED_AT_THE_END, READS):
        return f"it is {ASKED_AT_THE_END}" if verdict.remark == ASKED_AT_THE_END else READS
    if not verdict.known or verdict.faded:
        return f"{what}: not computed yet"
    if not verdict.shares:
        numbers = ", ".join(sentence(float(one), 3) for one in verdict.values[:_MOST_NUMBERS])
        more = ", …" if len(verdict.values) > _MOST_NUMBERS else ""
        return f"the network says {numbers}{more}"
    best = largest(verdict.values)
    if best is None:
        return f"{what}: not known"
    name = visible(verdict.names[best]) if best < len(verdict.names) else f"output {best}"
    name = name if what not in ("next character", "next byte", "next") else f"“{name}”"
    return f"{what}: {name} {percent(float(verdict.values[best]))}"
