"""A handout: one page of HTML with the picture of a cell that is stepped with the arrow keys, without Python.

The numbers of every step stand in the page as data; one script of ours, known by its hash, puts them into the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lstm_tui.debugger.colours import INK_OF_ROLE
from lstm_tui.debugger.diagram.dataflow import Mark
from lstm_tui.debugger.diagram.numbers import UnitStep, standing
from lstm_tui.debugger.diagram.placement import fitted
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.documents.blocks import named
from lstm_tui.documents.diagram_svg import STYLE as DIAGRAM_STYLE
from lstm_tui.documents.diagram_svg import diagram_svg
from lstm_tui.documents.figure import FigureSubject
from lstm_tui.documents.html import element, html_of, scripted_page
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import show
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.json import encode

MOST_STEPS = 2000
"""Equations of all tokens that one page holds."""
_WIDTH = 150

SCRIPT = """\
const steps = JSON.parse(document.getElementById("steps").textContent);
let at = 0;
function show() {
  const step = steps[at];
  step.n.forEach((text, key) => {
    const number = document.getElementById("n" + key);
    if (number) number.textContent = text;
    document.querySelectorAll(".m" + key + ", .w" + key).forEach(
      (one) => one.classList.toggle("coming", !step.d[key]));
    document.querySelectorAll(".m" + key).forEach((one) => one.classList.toggle("lit", step.a === key));
  });
  document.querySelectorAll(".chip").forEach((chip, n) => chip.classList.toggle("here", n === step.t));
  document.getElementById("equation").textContent = step.e;
  document.getElementById("words").textContent = step.s;
  document.getElementById("place").textContent = (at + 1) + " of " + steps.length;
}
function go(by) {
  at = Math.min(Math.max(at + by, 0), steps.length - 1);
  show();
}
function token(by) {
  const now = steps[at].t;
  let to = at;
  while (to + by >= 0 && to + by < steps.length && steps[to].t === now) to += by;
  if (by < 0) while (to > 0 && steps[to - 1].t === steps[to].t) to -= 1;
  go(to - at);
}
document.addEventListener("keydown", (event) => {
  const ways = {ArrowRight: () => go(1), ArrowLeft: () => go(-1), ArrowDown: () => token(1), ArrowUp: () => token(-1),
    Home: () => go(-steps.length), End: () => go(steps.length)};
  if (ways[event.key]) { event.preventDefault(); ways[event.key](); }
});
document.getElementById("back").addEventListener("click", () => go(-1));
document.getElementById("on").addEventListener("click", () => go(1));
show();
"""
_STYLE = """\
svg { display: block; margin: 1rem 0; }
button { font: inherit; padding: .25rem .9rem; }
#equation { font-size: 1.2rem; } .strip .chip { background: none; border: 1px solid var(--line); }
"""


def handout_of(subject: FigureSubject) -> str:
    """Return a page whose picture is stepped equation by equation, in the reading order of the pass.

    Raises:
        UserError: There are too many steps for a page, or the cell cannot be drawn.
    """
    trace, passed = subject.trace, subject.trace[subject.pass_name]
    count = len(subject.steps) * len(equations_of(passed))
    if count > MOST_STEPS:
        raise UserError(f"{count} steps are too many for a handout; --steps A:B takes fewer tokens")
    frame = Frame(trace, Position(subject.pass_name, subject.steps.start, -1))
    first = standing(frame, subject.unit)
    if first is None:
        raise UserError(f"{subject.pass_name} cannot be drawn: the sizes of its cell are not known")
    layout, roles = fitted(first.flow, _WIDTH, backward=first.backward), roles_of(passed.cell)
    equations = equations_of(passed)

    def ink(mark: Mark) -> str:
        of = mark.name or (equations[mark.equation].name if mark.equation >= 0 else "")
        colour = INK_OF_ROLE.get(roles.get(of, ""), "")
        return f"var(--{colour})" if colour else "var(--bar)" if mark.belt or mark.name in first.flow.belts else ""

    picture = diagram_svg(layout, first.written, ink, f"the cell {passed.cell.title}")
    chips = [element("span", element("bdi", named(trace.sequence.tokens[t])), class_="chip") for t in subject.steps]
    body = html_of(
        element("header", element("h1", subject.title), element("p", passed.cell.title)),
        element("div", *chips, class_="strip"),
        picture,
        element("p", element("code", "", id="equation"), aria_live="polite"),
        element("p", "", id="words"),
        element(
            "p", element("button", "← back", id="back", type="button"), " ",
            element("button", "on →", id="on", type="button"), " ", element("span", "", id="place"),
        ),
        element("p", element("small", "← → one equation, ↑ ↓ one token, Home and End the first and the last")),
    )  # fmt: skip
    return scripted_page(subject.title, DIAGRAM_STYLE + _STYLE, SCRIPT, encode(list(_steps(subject))).decode(), body)


def _steps(subject: FigureSubject) -> Iterator[dict[str, Any]]:
    """Yield each step: numbers, what is done, what is at work, the token, the equation in numbers, what it means."""
    passed = subject.trace[subject.pass_name]
    equations = equations_of(passed)
    order = subject.steps if passed.direction == "forward" else reversed(subject.steps)
    for t in order:
        for number in range(len(equations)):
            step = standing(Frame(subject.trace, Position(subject.pass_name, t, number)), subject.unit)
            if step is None:
                raise UserError(f"{subject.pass_name} is not computed at token {t}")
            equation = equations[number]
            marks = step.flow.marks
            says = ": ".join(part for part in (equation.label, equation.help) if part)
            yield {
                "n": [step.written(mark) for mark in marks], "d": [int(done) for done in step.done],
                "a": step.at_work, "t": t - subject.steps.start, "s": visible(says),
                "e": visible(f"{equation.name} = {show(equation.expression)}{_result(step)}"),
            }  # fmt: skip


def _result(step: UnitStep) -> str:
    if step.at_work is None:
        return ""
    return f" = {step.written(step.flow.marks[step.at_work])}"
