"""`help`, `apropos` and `quit`."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.leave import Leave
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.table import VERBS, Verb
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

GROUPS: dict[str, tuple[str, ...]] = {
    "step": ("next", "step", "stepi", "finish", "reverse-next", "reverse-step", "reverse-stepi", "reverse-finish"),
    "go on": ("run", "start", "continue", "until", "reverse-continue", "reverse-until", "goto", "find", "pass", "line"),
    "stop": ("break", "tbreak", "watch", "delete", "unbreak", "enable", "disable", "ignore", "condition", "rebreak"),
    "ask": ("print", "display", "undisplay", "who", "whatis", "list", "where", "info", "assert"),
    "the whole run": ("health", "reach", "surprise", "report"),
    "edit": (
        "replace", "insert", "remove", "set", "scale", "weight", "let", "ablate", "mask", "what-if", "retell",
        "generate",
    ),
    "edits and their states": ("undo", "redo", "edits", "branch", "switch", "diff", "save-edits", "load-edits"),
    "the session": ("save-session", "source", "help", "apropos", "quit"),
}  # fmt: skip
"""Every verb, by what it is for."""

EXPRESSIONS = (
    "c   layer0.forward.c   x                  a value of this pass, of another; what the pass reads",
    "c[3]   c[0:8]   mean(f)                   one unit, some units, a function of them",
    "prev(c)   c[t-2]   c - prev(c)            one step before, two places before, the change in this step",
    "t   token   output   result               the place, its token, what the network says here and in the end",
    '+ - * / @   < <= > >= == !=   and or not  as in Python: mean(f) < .1 and token == "not"',
    'share("not")   share("not", c[3])         which part of a memory comes from a token',
    'output["good"]   argmax(output)           what it says of a class, and which class it is',
)
"""What an expression may hold, a line each; tried by a test."""


def _names(session: Session, rest: str) -> Iterator[str]:
    return (name for name in (*(verb.name for verb in VERBS), "expressions") if name.startswith(rest))


@VERBS.verb(
    "help [VERB|expressions]", "list the verbs, tell one, or tell what an expression may hold", aliases=("?",),
    complete=_names, example="help",
)  # fmt: skip
def _help(session: Session, rest: str) -> tuple[str, ...]:
    if rest and "expressions".startswith(rest) and len(rest) > 2:
        return (*EXPRESSIONS, "functions:", *(f"  {one.name}: {one.help}" for one in FUNCTIONS.values()))
    if rest:
        verb = VERBS.named(rest.split()[0])
        also = f"  (also {', '.join(verb.aliases)})" if verb.aliases else ""
        return (verb.usage, f"  {verb.help}{also}", *((f"  such as: {verb.example}",) if verb.example else ()))
    width = max(len(verb.usage) for verb in VERBS)
    lines: list[str] = []
    for heading, names in GROUPS.items():
        lines += [f"{heading}:", *(_line(VERBS.named(name), width) for name in names)]
    return (*lines, "`help expressions` tells what stands for EXPR; an empty line steps or asks again")


@VERBS.verb("apropos WORD", "list the verbs and functions whose help holds a word", example="apropos memory")
def _apropos(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("apropos what? such as: apropos memory")
    wanted = rest.casefold()
    verbs = [verb for verb in VERBS if wanted in f"{verb.usage} {' '.join(verb.aliases)} {verb.help}".casefold()]
    functions = [one for one in FUNCTIONS.values() if wanted in f"{one.name} {one.help}".casefold()]
    width = max((len(verb.usage) for verb in verbs), default=0)
    lines = [*(_line(verb, width) for verb in verbs), *(f"  {one.name}(…): {one.help}" for one in functions)]
    return tuple(lines) or (f"nothing is told of “{visible(rest[:40])}”",)


def _line(verb: Verb, width: int) -> str:
    return f"  {verb.usage:<{width}}  {verb.help}"


@VERBS.verb("quit", "leave", aliases=("exit", "q"))
def _quit(session: Session, rest: str) -> tuple[str, ...]:
    raise Leave
