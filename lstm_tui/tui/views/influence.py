"""What moves an output or a memory: deletion, ledger and gradient side by side, a row for each token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.influence import Influence, Target, each_deletion, each_influence, places_asked
from lstm_tui.analysis.ledger import flow_between, ledger_at
from lstm_tui.debugger.inspect.diagnostics import influence_words
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end, axis_places, percent
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, cut, first_row, fit, plain, signed, wrapped_text
from lstm_tui.tui.canvas.charts import put_bar, put_signed_bar, put_strip
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    Ask,
    Changes,
    Close,
    Follows,
    Pace,
    Work,
    halting,
    leaving,
    meaning_lines,
    moving,
    put_token,
    put_unanswered,
    sideways,
)

_MOST = 12
"""Outputs that can be asked about one after the other, the largest first."""


def outputs_of(view: View) -> tuple[Target, ...]:
    """Return a target for each of the largest outputs at the position; empty without a readout."""
    verdict, network = view.verdict, view.trace.network
    if verdict is None or network is None or network.readout is None:
        return ()
    result = view.trace.readout[network.readout.page.result]
    t = view.t if result.ndim == 2 else None
    values = result if result.ndim == 1 else result[view.t]
    order = [int(k) for k in np.argsort(-np.nan_to_num(values), kind="stable")[:_MOST]]
    if verdict.actual is not None and verdict.actual not in order:
        order.insert(1, verdict.actual)
    where = "for the whole text" if t is None else f"next after t={t}"
    names = view.trace.classes
    return tuple(
        Target(f"{f'“{visible(names[k])}”' if k < len(names) else f'output {k}'} {where}", class_index=k, t=t)
        for k in order
    )


def unit_of(view: View) -> Target:
    """Return the target of the chosen unit's memory at the position."""
    label = f"{view.frame.names.value(view.pass_name, view.letter, view.unit)} of {view.pass_name} at t={view.t}"
    return Target(label, t=view.t, pass_name=view.pass_name, value=view.memory_name, unit=view.unit)


@dataclass(frozen=True, eq=False)
class InfluenceAnswer:
    """What is known of one question.

    Attributes:
        view: The position at which it was asked.
        target: What was asked.
        found: The gradients, or None until they are there.
        effects: What leaving each token out does, (P,); NaN where it is not known or cannot be said.
        done: How many tokens have been left out so far.
        back: How much of the way back of the gradients is gone, from 0 to 1.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
        order: Name of the column by which tokens are ordered.
        leads: Whether the cursor is on the first of that order, whichever that is; else it is at a token.
        cursor: The token under the cursor.
        targets: What can be asked: the largest outputs, and last the memory of the chosen unit.
    """

    view: View
    target: Target
    found: Influence | None = None
    effects: Array | None = None
    done: int = 0
    back: float = 0.0
    working: bool = True
    problem: str = ""
    order: str = "token"
    cursor: int = 0
    leads: bool = False
    targets: tuple[Target, ...] = ()

    def but(self, **changes: Any) -> InfluenceAnswer:
        """Return the answer with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Whether the rows are not in their order yet."""
        return self.working and (self.found is None or self.order == "deletion")

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the question, and a row for each token."""
        return draw_influence(self, width, height, palette)

    @cached_property
    def asked(self) -> range:
        """The P places of the tape of which it is asked: all, or of a run in windows those before the target."""
        return places_asked(self.view.trace, self.target)

    @property
    def row(self) -> int:
        """The token under the cursor among those that are asked about; the nearest of them."""
        cursor = self.places[0] if self.leads and self.places else self.cursor
        return min(max(cursor, self.asked.start), self.asked.stop - 1) - self.asked.start

    @property
    def pass_name(self) -> str:
        """The pass whose states and ledger stand beside."""
        return self.target.pass_name or self.view.pass_name

    @cached_property
    def ledger_place(self) -> int:
        """The place of the tape after which the ledger is taken: where the question is, else the pass's last."""
        passed = self.view.trace[self.pass_name]
        return passed.tape_place(passed.steps - 1) if self.target.t is None else self.target.t

    @cached_property
    def shares(self) -> Array | None:
        """Each token's share of the memory, of the unit or of all, (P,); None where there is no ledger."""
        facts, place, passed = self.view.facts, self.ledger_place, self.view.trace[self.pass_name]
        unit = self.target.unit if self.target.value is not None else None
        if not passed.is_windowed:
            flow = facts.flow(self.pass_name)
            return None if flow is None else ledger_at(passed, flow, place, unit).shares()
        ends = sorted((passed.reading_step(self.asked.start), passed.reading_step(self.asked.stop - 1)))
        part = flow_between(passed, facts.memory(self.pass_name), ends[0], ends[1] + 1)
        return None if part is None or place not in self.asked else part.ledger(place, unit=unit).shares()

    @cached_property
    def by_state(self) -> Mapping[str, Array]:
        """The size of the gradient by the pass's output and memory at each token, (P,) each."""
        if self.found is None:
            return {}
        cell, gradients = self.view.trace[self.pass_name].cell, self.found.by_state[self.pass_name]
        names = dict.fromkeys((cell.output, self.view.facts.memory(self.pass_name)))
        with np.errstate(all="ignore"):
            return {name: np.sqrt((gradients[name].astype(np.float64) ** 2).sum(axis=1)) for name in names}

    @cached_property
    def columns(self) -> Mapping[str, Array | None]:
        """Every column by its heading, (P,) each, None where it is not known."""
        found = self.found
        columns: dict[str, Array | None] = {
            "deletion": self.effects,
            "ledger": self.shares,
            "gradient·x": None if found is None else found.of_token,
            "by x": None if found is None else found.size,
        }
        for name, sizes in self.by_state.items():
            columns[f"by {'C' if name == 'c' else name}"] = sizes
        return columns

    @cached_property
    def places(self) -> list[int]:
        """The tokens in the chosen order."""
        values = self.columns.get(self.order)
        if values is None:
            return list(self.asked)
        order = np.argsort(-np.nan_to_num(np.abs(values), nan=-1.0), kind="stable")
        return [int(t) + self.asked.start for t in order]


SIGNED = ("gradient·x", "deletion")
_NUMBER = 7
_PLACE = 5
_TOKEN, _SHORT_TOKEN = 14, 11
_WIDEST = 22
_NARROW = 7
_MEANINGS = (
    ("deletion", "how the output changes in a run without the token"),
    ("ledger", "who wrote what the memory holds: attribution, not causation"),
    ("gradient·x", "to first order: what each token adds, gates included"),
    ("by x, h, C", "how much the output changes with its input, h and C after it"),
)


def draw_influence(answer: InfluenceAnswer, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the question, a row for each token, the gradient by every unit under the cursor, and what it all means."""
    glyphs, style = palette.glyphs, palette.style
    drawing = Drawing(width, height, palette, f"r attribution of {answer.target.label}")
    if answer.problem:
        put_unanswered(drawing, answer.problem, "")
        return drawing
    drawing.note = _note(answer)
    number = glyphs.more
    if answer.found is not None:
        number = (signed if answer.target.value else plain)(answer.found.number, glyphs)
    line = drawing.line().put(f" {answer.target.label} = ", style("soft")).put(number, style("title", bold=True))
    place = f"ledger: {answer.pass_name} after t={answer.ledger_place} "
    if line.x + 1 + cell_len(place) <= width:
        line.right(place, style("faint"))
    words = [part for text in differences(answer, palette) for part in wrapped_text(text, max(width - 2, 20))]
    footing = min(len(_MEANINGS) + len(words) + 6, max(height // 2, 0)) if height >= 18 else 2
    _table(drawing, answer, max(height - 2 - footing, 1))
    _footing(drawing, answer, words)
    return drawing


def _note(answer: InfluenceAnswer) -> str:
    """Return how far it is, and of which tokens it is asked where that is not all."""
    asked, length = answer.asked, answer.view.facts.length
    parts = [] if len(asked) == length else [f"t={asked.start} to {asked.stop - 1} of {length}"]
    if answer.working and answer.found is None:
        parts.append(f"gradients {percent(answer.back)}")
    elif answer.working:
        parts.append(f"deletions {answer.done} of {len(asked)}")
    return ", ".join(parts)


def _table(drawing: Drawing, answer: InfluenceAnswer, rows: int) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    columns = answer.columns
    token, spans = _spans(tuple(columns), width - _PLACE)
    head = drawing.line()
    names = ("token", *columns)
    for n, name in enumerate(names):
        chosen = answer.order == name
        start = 1 if n == 0 else _PLACE + token + sum(spans[: n - 1])
        span = _PLACE + token if n == 0 else spans[n - 1]
        head.to(start).put(str(n + 1), palette.style("key", bold=True))
        room = span - 2
        mark = glyphs.mark if chosen else ""
        bare = name.removeprefix("by ")  # a name that is cut to `by…` says nothing
        said = name if len(name) + len(mark) < room else bare
        text = cut(f" {glyphs.say(said)}{mark}", room, glyphs)
        head.put(text, palette.style("title" if chosen else "soft", bold=chosen))
        if n and name != "ledger" and (values := columns[name]) is not None:
            scale = f" {glyphs.plus_minus if name in SIGNED else ''}{axis_end(_half(values))}"
            if head.x + len(scale) < start + span:
                head.put(scale, palette.style("faint"))
    places = answer.places
    cursor = places.index(answer.row + answer.asked.start)
    first = first_row(cursor, len(places), rows)
    for t in places[first : first + rows]:
        _row(drawing, answer, t, token, spans)


def _spans(names: tuple[str, ...], room: int) -> tuple[int, list[int]]:
    """Share the room among the token and the columns: where there is little, sizes of gradients have no bars."""
    each = min((room - _TOKEN) // len(names), _WIDEST + _NUMBER)
    if each >= 2 * _NUMBER:
        return _TOKEN, [each] * len(names)
    room -= _SHORT_TOKEN
    sizes = sum(name.startswith("by ") for name in names)
    wide = min((room - sizes * _NARROW) // (len(names) - sizes), _WIDEST + _NUMBER)
    return _SHORT_TOKEN, [_NARROW if name.startswith("by ") else wide for name in names]


def _row(drawing: Drawing, answer: InfluenceAnswer, t: int, token: int, spans: list[int]) -> None:
    label = answer.view.label(t, drawing.palette)
    row = t - answer.asked.start
    _, ground = put_token(drawing, t, label, row == answer.row, t == answer.view.t, _PLACE, token)
    for (name, values), span in zip(answer.columns.items(), spans, strict=True):
        absent = _absent(answer, name, t, drawing.palette.glyphs.more)
        _cell(drawing, name, values, row, span, ground, absent)


def _absent(answer: InfluenceAnswer, name: str, t: int, more: str) -> str:
    """Return what stands where a column has no number for a token."""
    if name == "ledger" and answer.shares is None:
        return "none"
    if answer.working:
        return more
    if name == "deletion" and t == answer.target.t:
        return "asked"
    return "unknown"


def _cell(
    drawing: Drawing, name: str, values: Array | None, row: int, span: int, ground: str, absent: str
) -> None:  # fmt: skip
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.lines[-1]
    bar, cells = max(span - _NUMBER - 1, 0), min(_NUMBER, span - 1)
    if name not in SIGNED:
        bar = max(bar - 2, 0)
    start = line.x
    if values is None or values[row] != values[row]:
        line.put(absent.rjust(span - 1), palette.style("faint", ground)).put(" ")
        return
    value = float(values[row])
    if name in SIGNED:
        put_signed_bar(line, value, bar // 2 * 2, palette, _half(values))
        number = signed(value, glyphs, cells, axis_places(_half(values), cells))
    else:
        ink, full = ("show", 1.0) if name == "ledger" else ("bar", _half(values))
        if bar:
            put_bar(line, value, bar, ink, palette, full=full)
        number = plain(value, glyphs, cells, axis_places(full, cells))
    line.put(number.rjust(start + span - 1 - line.x), palette.style("ink", ground)).put(" ")


def _half(values: Array) -> float:
    return scale_of(values, least=1e-6)


def _footing(drawing: Drawing, answer: InfluenceAnswer, words: list[str]) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    found = answer.found
    if found is not None and drawing.room > len(answer.by_state) + len(words) + len(_MEANINGS):
        drawing.line()
    for name in answer.by_state:
        if found is None or drawing.room <= 1:
            break
        numbers = found.by_state[answer.pass_name][name][answer.row]
        line = drawing.line().put(
            fit(f" by {letter(name)} of t={answer.row + answer.asked.start}", _PLACE + _TOKEN, glyphs)
        )
        room = max(width - line.x - 10, 1)
        half = scale_of(numbers, least=1e-9)
        put_strip(line, numbers[:room], half, palette, 2 if len(numbers) * 2 <= room else 1)
        line.put(f" {glyphs.plus_minus}{axis_end(half)}", palette.style("faint"))
    if drawing.room > len(words) + len(_MEANINGS):
        drawing.line()
    for text in words:
        drawing.line().put(" " + cut(text, width - 2, glyphs), palette.style("title"))
    if drawing.room > len(_MEANINGS):
        drawing.line()
    for name, meaning in meaning_lines(_MEANINGS, width - 14, drawing.room, palette):
        line = drawing.line().put(" " + fit(glyphs.say(name), 12, glyphs), palette.style("accent"))
        line.put(cut(meaning, width - 14, glyphs), palette.style("soft"))


def differences(answer: InfluenceAnswer, palette: Palette) -> list[str]:
    """Say in words where the three columns disagree most, once all is known."""
    found, effects = answer.found, answer.effects
    if found is None or effects is None or answer.working:
        return []

    start, asked = answer.asked.start, answer.target.t
    if asked is not None and asked not in answer.asked:
        asked = None

    def name(row: int) -> str:
        t = row + start
        if answer.view.trace.sequence.is_of_numbers:
            return f"t={t}"
        return f"“{answer.view.label(t, palette)}” (t={t})"

    words = influence_words(found.of_token, answer.shares, effects, None if asked is None else asked - start, name)
    return [palette.glyphs.say(one) for one in words]


def influence_analysis(view: View) -> Analysis:
    """Return the question what moves the largest output, or the chosen unit where there is none; it opens a token."""
    targets = (*outputs_of(view), unit_of(view))
    keys = [
        leaving("r"), *moving(_moved), *sideways(_other_output), AnalysisKey("c", _memory),
        halting(), AnalysisKey("enter,t", _gone_to),
        *(AnalysisKey(str(number), _order(number)) for number in range(1, 8)),
    ]  # fmt: skip
    line = (
        ("1…7", "order"), ("[]", "output"), ("c", "memory"), ("j/k", "token"), ("enter", "go"), ("s", "stop"),
        ("esc", "back"),
    )  # fmt: skip
    first = InfluenceAnswer(view, targets[0], cursor=view.t, targets=targets)
    return Analysis(first, _compute, keys, line, "attribution")


def _compute(answer: InfluenceAnswer) -> Work:
    """Compute gradients, then a run without each token."""
    trace, target = answer.view.trace, answer.target

    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        pace = Pace()
        for done, count, found in each_influence(trace, target, answer.asked):
            if stopped():
                return
            if found is not None:
                yield {"found": found}
            elif pace.is_due():
                yield {"back": done / count}
        effects = np.full(len(answer.asked), np.nan)
        for done, (t, effect) in enumerate(each_deletion(trace, target, answer.asked)):
            if stopped():
                return
            effects[t - answer.asked.start] = effect
            if pace.is_due():
                yield {"effects": effects.copy(), "done": done + 1}
        yield {"effects": effects, "done": len(effects), "working": False}

    return work


def _gone_to(answer: InfluenceAnswer) -> Close:
    """Go to the token under the cursor."""
    return Close(ClickTarget(t=answer.row + answer.asked.start))


def _moved(answer: InfluenceAnswer, down: int) -> InfluenceAnswer:
    """Go to the row above or below."""
    places = answer.places
    place = min(max(places.index(answer.row + answer.asked.start) + down, 0), len(places) - 1)
    return answer.but(cursor=places[place], leads=False)


def _order(number: int) -> Callable[[InfluenceAnswer], InfluenceAnswer]:
    """Return what orders the tokens by a column, and goes to the first of them; by place it stays at its token."""

    def order(answer: InfluenceAnswer) -> InfluenceAnswer:
        names = ("token", *answer.columns)
        if number > len(names):
            return answer
        return answer.but(order=names[number - 1], leads=number > 1, cursor=answer.row + answer.asked.start)

    return order


def _other_output(answer: InfluenceAnswer, by: int) -> Follows:
    """Ask about another output."""
    outputs = len(answer.targets) - 1
    if not outputs:
        return answer
    chosen = answer.targets.index(answer.target)
    return _asked(answer, (chosen + by) % outputs if chosen < outputs else 0)


def _memory(answer: InfluenceAnswer) -> Follows:
    """Ask about the chosen unit's memory at this step, or about the output again."""
    last = len(answer.targets) - 1
    return _asked(answer, 0 if answer.targets.index(answer.target) == last else last) if last else answer


def _asked(answer: InfluenceAnswer, chosen: int) -> Ask:
    """Begin another question; order and cursor stay."""
    target, targets = answer.targets[chosen], answer.targets
    return Ask(replace(InfluenceAnswer(answer.view, target, targets=targets), **_stays(answer)))


def _stays(answer: InfluenceAnswer) -> dict[str, Any]:
    return {"order": answer.order, "cursor": answer.cursor, "leads": answer.leads}
