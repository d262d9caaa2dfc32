"""Edits that fit where the cursor stands, of a value or an equation, as lines that only need a number or a word."""

from __future__ import annotations

from lstm_tui.debugger.edits.ablations import ABLATIONS, ablation
from lstm_tui.debugger.edits.apply import check
from lstm_tui.debugger.edits.describe import describe
from lstm_tui.debugger.edits.language import Edit, TokenEdit, in_quotes
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.compiler.roles import memory_of, ranges_of, roles_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import Name, Product, walk
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible


@dataclass(frozen=True)
class Form:
    """One way to change what is under the cursor.

    Attributes:
        line: A line of an edit script.
        words: What it is for, in a few words.
        first: Where the part begins that is meant to be typed over.
        behind: Where it ends.
    """

    line: str
    words: str
    first: int
    behind: int


def _form(before: str, typed: str, after: str, words: str) -> Form:
    return Form(before + typed + after, words, len(before), len(before) + len(typed))


def forms_at(session: Session, value: str, unit: int, t: int, on_tape: bool) -> tuple[Form, ...]:
    """Return the forms that fit a cursor, the likeliest first.

    Args:
        session: What is edited.
        value: The value under the cursor, of the selected pass.
        unit: Which unit of it.
        t: The token under the cursor.
        on_tape: Whether a token is meant rather than a value.
    """
    tokens, values = _on_token(session.frame, t), _on_value(session.frame, value, unit, t)
    return (*tokens, *values) if on_tape else (*values, *tokens)


def _on_token(frame: Frame, t: int) -> tuple[Form, ...]:
    sequence = frame.trace.sequence
    x = frame.passed.inputs.get("x")
    read: tuple[Form, ...] = ()
    if x is not None:
        start = f"set {frame.passed.name}.x[0] @ {t} = "
        read = (_form(start, sentence(x[t][0]), "", "a number that this pass reads here"),)
    if sequence.ids is None:
        return read
    token = in_quotes(sequence.tokens[t])[1:-1]
    forms = (
        _form(f'replace {t} "', token, '"', "put another word here"),
        _form(f'insert {t} "', "", '"', "put a word before it"),
        _form(f'insert {t + 1} "', "", '"', "put a word after it"),
    )
    line = f"remove {t}"
    away = (Form(line, "take this word away", len(line), len(line)),) if frame.steps > 1 else ()
    return (*forms, *away, *read)


def _on_value(frame: Frame, value: str, unit: int, t: int) -> tuple[Form, ...]:
    passed = frame.passed
    if value not in passed:
        return ()
    unit = min(unit, passed[value].shape[1] - 1)  # of another size than the memory
    now = sentence(passed[value][t][unit])
    name, forward = f"{passed.name}.{value}", passed.direction == "forward"
    one = f"{name}[{passed.entry_of(value, unit)}]"
    rest = f"{t}:" if forward else f":{t + 1}"
    forms = [
        _form(f"set {one} @ {t} = ", now, "", "another number, at this step only"),
        _form(f"set {one} @ {rest} = ", now, "", "another number, from here on as it reads"),
        _form(f"set {one} @ : = ", now, "", "another number, at every step"),
        _form(f"set {name}[:] @ {t} = ", now, "", "another number for all units, at this step"),
        _form(f"scale {one} @ {t} * ", "0.5", "", "the number scaled by this factor"),
    ]
    forms += _shut_and_open(frame, value, f"set {one} @ {t} = ")
    bias = bias_of(frame, value)
    network = frame.trace.network
    if bias is not None and network is not None:
        numbers = network.tensors().get(f"{passed.name}/{bias}")
        if numbers is not None and unit < len(numbers):
            old = sentence(numbers[unit])
            forms.append(_form(f"weight {passed.name}/{bias}[{unit}] = ", old, "", "another bias, of the network"))
    return tuple(forms)


_MEANT = {
    "keeps": ("forget here: this gate shut", "keep all here: this gate open"),
    "writes": ("write nothing here: this gate shut", "write all here: this gate open"),
    "shows": ("show nothing here: this gate shut", "show all here: this gate open"),
}
"""What whoever shuts or opens a gate wants, by what the gate does."""


def _shut_and_open(frame: Frame, value: str, line: str) -> tuple[Form, ...]:
    """Return the edits that shut and open a gate here, or that erase a memory here; none of another value."""
    cell = frame.passed.cell
    if value == memory_of(cell) and value in cell.state:
        return (_line(f"{line}0", "erase this memory here"),)
    if ranges_of(cell).get(value) != (0, 1):
        return ()
    shut, opened = _MEANT.get(roles_of(cell).get(value, ""), ("this gate shut here", "this gate open here"))
    return _line(f"{line}0", shut), _line(f"{line}1", opened)


def bias_of(frame: Frame, value: str) -> str | None:
    """Return the vector that is added in the equation of a value, such as `b_f`; None without one."""
    network, passed = frame.trace.network, frame.passed
    if network is None:
        return None
    vectors = {
        name.rpartition("/")[2]
        for name, view in network.tensors().items()
        if view.ndim == 1 and name.startswith(f"{passed.name}/")
    }
    expression = passed.cell.equation(value).expression
    matrices = {node.matrix for node in walk(expression) if isinstance(node, Product)}
    found = [node.name for node in walk(expression) if isinstance(node, Name) and node.name in vectors - matrices]
    return next((name for name in found if not name.startswith("p_")), None)


def edit_suggestion(session: Session, edit: Edit) -> str:
    """Return what an edit would do, in words.

    Raises:
        UserError: If it cannot be made here.
    """
    before = session.edited
    check(edit, before)
    if isinstance(edit, TokenEdit) and edit.verb == "replace" and before.sequence.tokens[edit.t] == edit.token:
        raise UserError(f"“{visible(edit.token)}” stands there: type another word, or choose another form")
    return describe(edit, before, session.frame.trace)


def telling(session: Session, edit: Edit) -> tuple[str, bool]:
    """Return what an edit would do, or why it cannot be made, and whether it can."""
    try:
        return edit_suggestion(session, edit), True
    except UserError as error:
        return str(error), False


def forms_of_equation(session: Session, value: str) -> tuple[Form, ...]:
    """Return the equation of a value of the selected pass, to be rewritten, and the ablations of its cell.

    Raises:
        UserError: If there is no network that could be run again.
    """
    network, name = session.edited.network, session.frame.passed.name
    one = next(each for each in network.passes if each.name == name)
    text = next((each.text for each in one.program.equations if each.name == value), None)
    forms = []
    if text is not None:
        forms.append(_line(f"let {name}.{text}", "another equation, of this pass"))
        if len(network.passes) > 1:
            forms.append(_line(f"let {text}", "another equation, of every pass that has it"))
    for variant, words in ABLATIONS.items():
        try:
            ablation(variant, one.cell, one.program, name)
        except UserError:
            continue
        forms.append(_line(f"ablate {variant}", words))
    return tuple(forms)


def _line(line: str, words: str) -> Form:
    return Form(line, words, len(line), len(line))
