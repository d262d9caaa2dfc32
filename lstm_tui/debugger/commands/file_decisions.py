"""What is typed to change how a network's file is read, which is decided where it is opened: said, with the option."""

from __future__ import annotations

import re

from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

_DECISION = re.compile(
    r"(?:var(?:iable)?\s+)?(?P<key>(?:layer\d+|readout|input|vocabulary)\.[a-z_]+)\s*=\s*(?P<value>[A-Za-z][\w-]*)\s*\Z",
    re.ASCII,
)
_TURNED = re.compile(
    r"(?:var(?:iable)?\s+)?(?P<name>[\w./]+)\s*=\s*(?:transpose\(\s*(?P<one>[\w./]+)\s*\)|(?P<other>[\w./]+)\.T)\s*\Z",
    re.ASCII,
)
_WHICH = {"U": "recurrent", "W": "input"}
_NUMBERS = frozenset({"inf", "nan", "infinity"})


def check_no_decision(session: Session, text: str) -> None:
    """Refuse what is no edit of a run but a decision on how the network's file is read.

    Args:
        session: What it is typed to.
        text: What stands behind `set` or `weight`.

    Raises:
        UserError: It is one; `--set` takes it.
    """
    decision = _DECISION.fullmatch(text.strip())
    if decision is not None and decision["value"].lower() not in _NUMBERS:
        key, value = decision["key"], decision["value"]
        raise UserError(f"{key} says how the file is read: begin again with --set {key}={value}")
    turned = _TURNED.fullmatch(text.strip())
    if turned is None:
        return
    (left, name), (right, _) = (
        (owner, bare)
        for owner, _, bare in (
            one.replace("/", ".").rpartition(".") for one in (turned["name"], turned["one"] or turned["other"])
        )
    )
    which = _WHICH.get(name[:1])
    layer = (left or right or session.frame.position.pass_name).partition(".")[0]
    hint = f": a file that holds {visible(name)} transposed is read right with --set {layer}.transposed={which}"
    has_file = session.can_run and session.edited.network.origin is not None
    raise UserError(f"a weight is set to a number, not to a matrix{hint if which and has_file else ''}")
