"""Verbs that tell of the whole run: how far back it reaches, how its units do, how surprising its tokens are."""

from __future__ import annotations

from lstm_tui.analysis.health import health
from lstm_tui.analysis.long_memory import long_memory
from lstm_tui.analysis.words_to_come import perplexity, surprise
from lstm_tui.debugger.findings import HEADINGS, sound, told
from lstm_tui.debugger.letter import letter
from lstm_tui.debugger.reach_words import reach_words
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.moving import place_of
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.debugger.verdict import perplexity_figure
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed, sentence
from lstm_tui.engine.visible import visible

_MOST = 8
"""Findings of one pass that are listed."""


def _named(session: Session, t: int) -> str:
    return f"t={t} “{visible(session.frame.trace.sequence.tokens[t])}”"


@VERBS.verb("reach [T]", "tell how far back the memory reaches from here, or from place T", example="reach end")
def _reach(session: Session, rest: str) -> tuple[str, ...]:
    passed = session.frame.passed
    t = place_of(session, rest) if rest else session.frame.t
    found = long_memory(passed, t)
    memory, output = letter(found.memory.value), letter(found.output.value)
    heads = [f"∂{memory}", *(["Π keep"] if found.kept_size is not None else [])]
    columns = [found.memory.size, *([found.kept_size] if found.kept_size is not None else [])]
    if found.output is not found.memory:
        heads, columns = [*heads, f"∂{output}"], [*columns, found.output.size]
    heads, columns = [*heads, "ρ"], [*columns, found.radius]
    lines = ["".join(f"{head:>10}" for head in heads)]
    for step, place in enumerate(found.places):
        lines.append("".join(sentence(column[step], 3).rjust(10) for column in columns) + f"  {_named(session, place)}")
    return (*lines, *reach_words(found, lambda place: _named(session, place)))


@VERBS.verb("health", "tell which units never act or cannot learn, and which gates are stuck", example="health")
def _health(session: Session, rest: str) -> tuple[str, ...]:
    lines = []
    for one in health([session.frame.trace]):
        passed = session.frame.trace[one.name]
        if not one.findings:
            lines.append(f"{one.name}: {sound(one)}")
        for kind, heading in HEADINGS.items():
            mine = [finding for finding in one.findings if finding.kind == kind]
            if mine:
                lines.append(f"{one.name}: {heading} ({len(mine)})")
            lines += [f"  unit {finding.unit:>3}  {visible(told(passed, finding))}" for finding in mine[:_MOST]]
            if len(mine) > _MOST:
                lines.append(f"  … and {len(mine) - _MOST} more")
    return tuple(lines)


@VERBS.verb("surprise", "tell how surprising each token is to a language model, in bits, and the perplexity")
def _surprise(session: Session, rest: str) -> tuple[str, ...]:
    bits = surprise(session.frame.trace)
    if bits is None:
        raise UserError("this network says no next token: open a language model, such as --model story or chars")
    lines = [f"{fixed(bits[t]):>8}  {_named(session, t)}" for t in range(1, len(bits))]
    level = perplexity(bits)
    return (*lines, "one token: nothing was foretold" if level is None else f"perplexity {perplexity_figure(level)}")
