"""The chain of steps: the same cell at token after token, its states going from one to the next; both ways where it is.

A chain is drawn in lines of pieces, each with the pass it is of and whether the run has come to it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.debugger.diagram.numbers import memory_first, unit_of_diagram
from lstm_tui.debugger.inspect.prediction import Prediction, verdict_at
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.position import Frame
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.expression import show
from lstm_tui.engine.number_text import LEAST_WIDTH, compact
from lstm_tui.engine.text_safety import visible

_STEPS = 3
_WIRE = 15
"""Cells of a wire between two cells at most, so that a state with its number stands on it."""
_BESIDE_NUMBER = 4
"""Cells of a wire beside the name and the number of a state, at least."""
_MOST_STATES = 3
_MOST_SAID = 3
"""Outputs that are told, the largest first."""
_SHORTEST = 20
_ABOVE = 2
"""Lines of a pass above its states: what goes up, and the edge of the cells."""


@dataclass(frozen=True)
class ChainPiece:
    """A piece of a line.

    Attributes:
        text: As it is written.
        pass_name: Of which pass; empty where it is a token.
        value: The value whose number it is; else empty.
        t: Its token, -1 where it is of none.
        done: Whether the run has come to it.
    """

    text: str
    pass_name: str = ""
    value: str = ""
    t: int = -1
    done: bool = True


ChainLines = list[list[ChainPiece]]


def chain_lines(frame: Frame, units: dict[str, int], width: int, small: bool = False) -> ChainLines:
    """Return the steps round the position of the selected pass, and of the one that reads the other way.

    Args:
        frame: Where the run stands.
        units: The unit of each pass whose numbers are told.
        width: Cells of a line; as many steps as fit, three at most, the one at the position among them.
        small: Whether it is for little room: the states on their way alone, and of the readout what the network says.

    Returns:
        The lines, from the top: what goes up, the cells with their states, for a pair what both give, the tokens; of
        the highest layer also the equations of the readout, with what the network says.
    """
    own = frame.position.pass_name
    layer = own.rpartition(".")[0]
    names = [name for name in frame.trace if name.rpartition(".")[0] == layer]
    cells = [frame.trace[name].cell for name in names]
    box = max(max(len(visible(one.name)) + 4, len(letter(one.output)) + 1 + LEAST_WIDTH) for one in cells)
    wire = _wire_width(frame, names, box, width)
    count = max(min(_STEPS, (width - wire - 2) // (box + wire)), 1)
    first = min(max(frame.t - count // 2, 0), max(frame.steps - count, 0))
    places = list(range(first, min(first + count, frame.steps)))
    lines: ChainLines = []
    for name in names:
        whole = _one_pass(frame, name, units[name], places, box, wire)
        lines += whole[_ABOVE:-1] if small else whole
    if len(names) > 1:
        lines.append(_joined(frame, names, units, places, box, wire))
    lines.append(_tokens(frame, places, box, wire))
    return [*lines, *(_readout(frame, width)[-1:] if small else _readout(frame, width))]


def chain_height(frame: Frame, small: bool = False) -> int:
    """Return how many lines the chain takes, whole or for little room."""
    layer = frame.position.pass_name.rpartition(".")[0]
    passes = [frame.trace[name] for name in frame.trace if name.rpartition(".")[0] == layer]
    around = 0 if small else _ABOVE + 1
    own = sum(len(memory_first(one)[:_MOST_STATES]) + around for one in passes) + (2 if len(passes) > 1 else 1)
    readout = len(_readout(frame, _SHORTEST))
    return own + (min(readout, 1) if small else readout)


def _wire_width(frame: Frame, names: list[str], box: int, width: int) -> int:
    """Return the cells of a wire: fewer than most where by that all steps fit."""
    states = [state for name in names for state in memory_first(frame.trace[name])[:_MOST_STATES]]
    least = max((len(letter(state)) for state in states), default=1) + LEAST_WIDTH + 1 + _BESIDE_NUMBER
    wire = (width - 2 - _STEPS * box) // (_STEPS + 1)
    return wire if least <= wire < _WIRE else _WIRE


def chain_width(lines: ChainLines) -> int:
    """Return the cells of the longest line."""
    return max(sum(len(piece.text) for piece in line) for line in lines)


def _one_pass(frame: Frame, name: str, unit: int, places: list[int], box: int, wire: int) -> ChainLines:
    passed, back = frame.trace[name], frame.trace[name].direction == "backward"
    states = memory_first(passed)[:_MOST_STATES]
    output = passed.cell.output
    whose = f"unit {passed.entry_of(states[0] if states else output, unit)}"
    named = f"{whose} {visible(frame.names.name(name, unit))}".rstrip()
    up = [ChainPiece(f" {named if len(named) < wire else whose}".ljust(wire), name)]
    gap = ChainPiece(" " * wire, name)
    top, bottom = [gap], [gap]
    rows: list[list[ChainPiece]] = [[] for _ in states]
    word = visible(passed.cell.name).center(box - 2)
    for n, t in enumerate(places):
        shown = _numbered(frame, name, output, unit, t)
        up += [replace(shown, text=shown.text.center(box)), gap]
        done = shown.done
        top += [ChainPiece("╭" + "┴".center(box - 2, "─") + "╮", name, "", t, done), gap]
        bottom += [ChainPiece("╰" + "─" * (box - 2) + "╯", name, "", t, done), gap]
        for row, state in zip(rows, states, strict=True):
            middle = word if row is rows[len(rows) // 2] else " " * (box - 2)
            if not n:
                row.append(_wire(frame, name, state, unit, t, wire, entering=not back, back=back))
            row.append(ChainPiece(f"│{middle}│", name, "", t, done))
            last = n == len(places) - 1
            of = places[n + 1] if back and not last else t
            row.append(_wire(frame, name, state, unit, of, wire, entering=back and last, back=back))
    arrow = " ← reads" if back else " reads →"
    return [up, top, *rows, [*bottom[:-1], ChainPiece(arrow, name)]]


def _numbered(frame: Frame, name: str, value: str, unit: int, t: int) -> ChainPiece:
    """Return a value of one unit at a token with its number, once the run has come to it."""
    passed = frame.trace[name]
    series, done = passed[value], frame.trace.is_ready(name, t) and frame.reached(name, value, t)
    unit = unit_of_diagram(passed, value, series.shape[1], unit)
    if unit >= series.shape[1]:
        return ChainPiece(f"{letter(value)} [{series.shape[1]}]", name, value, t, done)
    number = compact(float(series[t][unit]), LEAST_WIDTH, True) if done else "…"
    return ChainPiece(f"{letter(value)} {number}", name, value, t, done)


def _wire(frame: Frame, name: str, state: str, unit: int, t: int, wire: int, entering: bool, back: bool) -> ChainPiece:
    """Return a state on its way from one step to the next, in the direction in which the pass reads.

    Args:
        frame: Where the run stands.
        name: The pass.
        state: What is carried.
        unit: Whose number is told.
        t: The token that it comes from, or before which it enters what is drawn.
        wire: Cells of it.
        entering: Whether it comes into what is drawn from the step before.
        back: Whether it goes to the left.
    """
    passed = frame.trace[name]
    if entering:
        step = passed.reading_step(t)
        if step == 0 or passed.resets.at(t):
            start = passed.previous(state, t)
            text = compact(float(start[unit]), LEAST_WIDTH, True) if unit < len(start) else f"[{len(start)}]"
            shown = ChainPiece(f"{letter(state)} {text}", name, state)
        else:
            shown = _numbered(frame, name, state, unit, passed.tape_place(step - 1))
    else:
        shown = _numbered(frame, name, state, unit, t)
    sign = "━" if state == memory_first(passed)[0] else "─"
    line = f" {shown.text} ".center(wire - 1, sign)
    return replace(shown, text=f"◀{line}" if back else f"{line}▶")


def _joined(
    frame: Frame, names: list[str], units: dict[str, int], places: list[int], box: int, wire: int
) -> list[ChainPiece]:
    """Return what both passes give at each token, side by side, as the layer hands it on.

    An arrow says which pass reads which way; `h'` is what the state was a step before, as in the boxes.
    """
    passes = [frame.trace[name] for name in names]
    both = "; ".join(f"{letter(one.cell.output)}{'←' if one.direction == 'backward' else '→'}" for one in passes)
    line = [ChainPiece(f"[{both}]".center(wire))]
    for t in places:
        shown = [_numbered(frame, name, frame.trace[name].cell.output, units[name], t) for name in names]
        numbers = "; ".join(piece.text.partition(" ")[2] for piece in shown)
        text = f"[{numbers}]"
        room = box + wire
        line.append(ChainPiece(text.center(box).ljust(room), names[0], "", t, all(piece.done for piece in shown)))
    return line


def _readout(frame: Frame, width: int) -> ChainLines:
    """Return the equations of the readout above the highest layer, behind the result what the network says."""
    trace = frame.trace
    top = list(trace)[-1]
    network = trace.network
    if network is None or network.readout is None:
        return []
    layer = top.rpartition(".")[0]
    if frame.position.pass_name.rpartition(".")[0] != layer:
        return []
    done = all(frame.reached(name, trace[name].cell.output) for name in trace if name.rpartition(".")[0] == layer)
    said = verdict_at(trace, None, frame.t, done)
    page = network.readout.page
    lines: ChainLines = []
    for equation in page.equations:
        text = f"{equation.name} = {show(equation.expression)}"
        if equation.name == page.result and said is not None and said.known:
            text += f"   {said.note}: {_outputs(said) if done or trace.output is None else '…'}"
        lines.append([ChainPiece(visible(text)[:width], top, "", -1, said is None or (said.known and not said.faded))])
    return lines


def _outputs(said: Prediction) -> str:
    """Return the largest outputs by name."""
    order = np.argsort(-np.nan_to_num(said.values, nan=-np.inf), kind="stable")[:_MOST_SAID]
    names = [said.names[n] if n < len(said.names) else str(n) for n in order]
    signed = not said.shares
    return "  ".join(
        f"{name} {compact(float(said.values[n]), LEAST_WIDTH, signed)}" for name, n in zip(names, order, strict=True)
    )


def _tokens(frame: Frame, places: list[int], box: int, wire: int) -> list[ChainPiece]:
    line = [ChainPiece(" " * wire)]
    for t in places:
        token = visible(frame.trace.sequence.tokens[t])
        token = token if token.isascii() and len(token) <= box + wire - 2 else f"t={t}"
        line.append(ChainPiece(token.center(box).ljust(box + wire), "", "", t))
    return line
