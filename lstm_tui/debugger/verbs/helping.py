"""`help` and `quit`."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.debugger.leave import Leave
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.table import VERBS


def _names(session: Session, rest: str) -> Iterator[str]:
    return (verb.name for verb in VERBS if verb.name.startswith(rest))


@VERBS.verb("help [VERB]", "list the verbs, or tell one", aliases=("?",), complete=_names, example="help")
def _help(session: Session, rest: str) -> tuple[str, ...]:
    if rest:
        verb = VERBS.named(rest.split()[0])
        also = f"  (also {', '.join(verb.aliases)})" if verb.aliases else ""
        return (verb.usage, f"  {verb.help}{also}", *((f"  such as: {verb.example}",) if verb.example else ()))
    width = max(len(verb.usage) for verb in VERBS)
    return tuple(f"{verb.usage:<{width}}  {verb.help}" for verb in VERBS)


@VERBS.verb("quit", "leave", aliases=("exit", "q"))
def _quit(session: Session, rest: str) -> tuple[str, ...]:
    raise Leave
