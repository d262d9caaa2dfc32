"""`help`, with the manual, `apropos` and `quit`."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from lstm_tui.debugger import manual
from lstm_tui.debugger.commands.table import VERBS, Leave, Verb
from lstm_tui.debugger.expressions.functions import FUNCTIONS
from lstm_tui.debugger.glossary import GLOSSARY, asked
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible

_WIDTH, _USAGE = 68, 24  # columns of a page on a screen of 80, and of them those in which a verb is written
GROUPS: dict[str, tuple[str, ...]] = {
    "step": ("next", "step", "stepi", "finish", "reverse-next", "reverse-step", "reverse-stepi", "reverse-finish"),
    "go on": (
        "run", "start", "continue", "until", "reverse-continue", "reverse-until", "goto", "find", "found", "lines",
        "pass", "thread", "line",
    ),
    "stop": (
        "break", "tbreak", "watch", "dprintf", "commands", "delete", "unbreak", "enable", "disable", "ignore",
        "condition", "rebreak",
    ),
    "ask": (
        "now", "print", "output", "printf", "echo", "display", "undisplay", "who", "wrote", "whatis", "list", "where",
        "info", "show", "diagram", "unit", "vocabulary", "probe", "feature", "feature-from", "assert",
    ),
    "the whole run": (
        "health", "reach", "reset-cost", "surprise", "trace-cause", "trace-cause-from", "attention", "fixed-points",
        "colour-text", "follows", "gate-tokens", "report", "verify",
    ),
    "edit": (
        "text", "model", "model-file", "add-words", "teach", "replace", "insert", "remove", "set", "scale", "patch",
        "patch-from", "weight", "let", "ablate", "reset", "chunk", "mask", "what-if", "propagate", "generate", "answer",
    ),
    "the smallest edit": ("keep", "forget", "fix", "apply"),
    "edits and their states": (
        "undo", "redo", "edits", "branch", "switch", "diff", "save-edits", "load-edits", "save-model",
    ),
    "words of your own": (
        "define", "document", "alias", "unalias", "if", "while", "init-if-undefined", "dont-repeat",
    ),
    "the session": ("name", "save-session", "record-lesson", "source", "help", "glossary", "apropos", "quit"),
}  # fmt: skip
"""Every verb, by what it is for."""

EXPRESSIONS = (
    "c   layer0.forward.c   x                  a value of this pass, of another; what the pass reads",
    "c[3]   c[-1]   c[0:8:2]   mean(f)         one unit, some units, a function of them",
    "U_f   U_f[3]   U_f[3,1]   radius(U_f)     a matrix, its row into unit 3, a number; U_f @ h is a vector",
    "U_f[:,1]   U_f[2:5,1:3]   U_f.T           a column, a block, rows and columns exchanged, as NumPy has them",
    "prev(c)   c[t-2]   c - prev(c)            one step before, two places before, the change in this step",
    "t   token   output   result               the place, its token, what the network says here and in the end",
    '+ - * / ** @  < <= > >= == !=  and or not   as in Python: mean(f) < .1 and token == "not"',
    'share("not")   share("not", c[3])         which part of a memory comes from a token',
    'output["positive"]   argmax(output)       what it says of a class, and which class it is',
    "$1   $ - $$1                              a value that was printed; the last less the one before; `set $x = c`",
)
"""What an expression may hold, a line each; tried by a test."""


def _names(session: Session, rest: str) -> Iterator[str]:
    names = (*(verb.name for verb in VERBS), "expressions", *(topic.name for topic in manual.topics()))
    return (name for name in names if name.startswith(rest))


@VERBS.verb(
    "help [VERB|expressions|TOPIC]",
    "list the commands, explain one, explain expressions, or show a topic of the manual (help topics)",
    aliases=("?", "h"), complete=_names, example="help",
)  # fmt: skip
def _help(session: Session, rest: str) -> tuple[str, ...]:
    if rest and "expressions".startswith(rest) and len(rest) > 2:
        return (*EXPRESSIONS, "functions:", *(f"  {one.name}: {one.help}" for one in FUNCTIONS.values()))
    if rest == "topics":
        return tuple(manual.listed())
    if rest in session.scripting.words:
        return _own_word(session, rest)
    if rest == "user-defined":
        return VERBS.named("show")(session, "user")
    if rest:
        verb = _verb(rest)
        if verb is None:
            return tuple(manual.plain(manual.topic(rest, VERBS.words).text))
        return told_of(verb)
    lines: list[str] = []
    for heading, names in GROUPS.items():
        lines += [f"{heading}:", *(line for name in names for line in _lines(VERBS.named(name)))]
    return (
        *lines,
        "`help expressions` tells what stands for EXPR, `help topics` lists the manual;",
        "an empty line steps or asks again",
    )


def _own_word(session: Session, word: str) -> tuple[str, ...]:
    """Return what `help` tells of a word of the user's own: what its `document` says, or what it executes."""
    command = session.scripting.commands.get(word)
    if command is not None and command.document:
        return tuple(visible(line) for line in command.document)
    return VERBS.named("show")(session, f"user {word}")


def told_of(verb: Verb) -> tuple[str, ...]:
    """Return what `help` tells of a verb: how it is written, what it does, its other names, an example."""
    also = f"  (also {', '.join(verb.aliases)})" if verb.aliases else ""
    return (verb.usage, f"  {verb.help}{also}", *((f"  such as: {verb.example}",) if verb.example else ()))


def _verb(asked: str) -> Verb | None:
    """Return the verb that is asked for, by its name or the beginning of it; None for a topic of the manual.

    Raises:
        UserError: It is neither, and is the word of another debugger, or the beginning of several verbs.
    """
    word = asked.split()[0]
    if word in VERBS.words:
        return VERBS.named(word)
    if manual.find(asked) is not None:
        return None
    try:
        return VERBS.named(word)
    except UserError:
        topics = [topic.name for topic in manual.topics()]
        if nearest(asked.casefold(), (*topics, *VERBS.words)) in topics:
            return None
        raise


def _terms(session: Session, rest: str) -> Iterator[str]:
    return (entry.term for entry in GLOSSARY if entry.term.casefold().startswith(rest.casefold()))


@VERBS.verb(
    "glossary [WORD]", "explain a term of the screen in a sentence, or every term", complete=_terms,
    example="glossary gate",
)  # fmt: skip
def _glossary(session: Session, rest: str) -> tuple[str, ...]:
    entries = tuple(asked(rest)) if rest else GLOSSARY
    width = max(len(one.term) for one in entries)
    return tuple(f"{one.term:<{width}}  {one.says}" for one in entries)


@VERBS.verb("apropos WORD", "list the commands and functions whose help contains a word", example="apropos memory")
def _apropos(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        raise UserError("apropos what? such as: apropos memory")
    wanted = rest.casefold()
    verbs = [verb for verb in VERBS if wanted in f"{verb.usage} {' '.join(verb.aliases)} {verb.help}".casefold()]
    functions = [one for one in FUNCTIONS.values() if wanted in f"{one.name} {one.help}".casefold()]
    lines = [*(line for verb in verbs for line in _lines(verb)), *(f"  {one.name}(…): {one.help}" for one in functions)]
    return tuple(lines) or (f"nothing is told of “{visible(rest[:40])}”",)


def _lines(verb: Verb) -> list[str]:
    """Return a verb as a list tells it, in lines for a screen of 80 columns: how it is written and what it does."""
    first, *more = wrap(verb.help, _WIDTH - _USAGE - 4, break_long_words=False, break_on_hyphens=False)
    told = [f"  {verb.usage:<{_USAGE}}  {first}"] if len(verb.usage) <= _USAGE else [f"  {verb.usage}", first]
    return [told[0], *(f"{'':{_USAGE + 4}}{line}" for line in (*told[1:], *more))]


@VERBS.verb("quit", "quit", aliases=("exit", "q"))
def _quit(session: Session, rest: str) -> tuple[str, ...]:
    raise Leave
