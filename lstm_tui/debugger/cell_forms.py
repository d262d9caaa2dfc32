"""What can be done to the equation under the cursor, as lines of a recipe."""

from __future__ import annotations

from lstm_tui.debugger.ablations import ABLATIONS, ablation
from lstm_tui.debugger.forms import Form
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError


def forms_of_equation(session: Session, value: str) -> tuple[Form, ...]:
    """Return the equation of a value of the selected pass, to be written anew, and the ablations of its cell.

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
