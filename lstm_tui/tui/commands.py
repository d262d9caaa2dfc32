"""Every command of the main screen, once: the bindings, the footer, the palette and the help are made of this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lstm_tui.debugger.panes import PANES
from lstm_tui.formats.traces.endings import ANY_OF_THEM


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        keys: What binds it, as Textual names keys; the first is the one that is shown.
        action: The action of the screen.
        word: One or two words for the footer and the palette.
        help: One sentence for the help screen.
        group: Heading in the help screen.
        shown: How the key is written; the first of `keys` when empty.
        footer: Place in the footer, from 1; 0 when it is not there.
    """

    keys: tuple[str, ...]
    action: str
    word: str
    help: str
    group: str
    shown: str = ""
    footer: int = 0

    @property
    def key(self) -> str:
        """How the key is written."""
        return self.shown or self.keys[0]


def _capital(letter: str) -> tuple[str, ...]:
    """Both ways in which terminals send a capital letter."""
    return letter, f"shift+{letter.lower()}"


STEP, GO, LOOK, CHANGE, CURSOR, PROGRAM = "Step", "Go", "Look", "Change", "Inside a pane", "Program"

COMMANDS: tuple[Command, ...] = (
    Command(("n",), "token(1)", "token", "next token on the tape", STEP, "n", 1),
    Command(_capital("N"), "token(-1)", "token back", "previous token on the tape", STEP, "N"),
    Command(("s",), "equation(1)", "equation", "next equation, in the pass's reading order", STEP, "s", 2),
    Command(_capital("S"), "equation(-1)", "equation back", "one equation back", STEP, "S"),
    Command(("i",), "op(1)", "op", "next op inside the equation", STEP, "i", 3),
    Command(_capital("I"), "op(-1)", "op back", "one op back", STEP, "I"),
    Command(("f",), "finish(1)", "finish", "finish this token", STEP, "f", 4),
    Command(_capital("F"), "finish(-1)", "finish back", "back to where this token began", STEP, "F"),
    Command(("c",), "continue(1)", "continue", "go on to the next breakpoint or watch", STEP, "c", 5),
    Command(_capital("C"), "continue(-1)", "continue back", "go back to the breakpoint or watch before", STEP, "C"),
    Command(("b",), "breakpoint", "break", "stop at this token, equation or value of a unit, or no more", STEP, "b", 5),
    Command(("w",), "watch", "watch", "stop where this value moves by over 0.3; then C: who moved it", STEP, "w"),
    Command(
        _capital("B"),
        "stops",
        "stops",
        "breakpoints, watches, displays: switch, edit, delete",
        STEP,
        "B",
    ),
    Command(("space",), "play", "play", "play the run token by token, or stop", STEP, "space", 5),
    Command(("g",), "end(-1)", "first token", "first token of the tape", GO, "g"),
    Command(_capital("G"), "end(1)", "last token", "last token of the tape", GO, "G"),
    Command(("right_square_bracket",), "pass(1)", "next pass", "select the next pass", GO, "]", 6),
    Command(("left_square_bracket",), "pass(-1)", "previous pass", "select the previous pass", GO, "["),
    Command(("right_curly_bracket",), "line(1)", "next line", "next line of the file", GO, "}"),
    Command(("left_curly_bracket",), "line(-1)", "previous line", "previous line of the file", GO, "{"),
    Command(("t",), "goto_cursor", "go to cursor", "go to the token under the cursor", GO, "t", 10),
    Command(("slash",), "find", "find", "find a token by its text", GO, "/", 9),
    Command(("full_stop",), "find_next(1)", "next found", "next token that was found", GO, "."),
    Command(("comma",), "find_next(-1)", "previous found", "previous token that was found", GO, ","),
    Command(("p",), "explain", "explain", "explain the value under the cursor: its equation in numbers", LOOK, "p", 7),
    Command(("o",), "order", "order", "order units by size, by change, by index, by what they lost here", LOOK, "o", 8),
    Command(("v",), "signal", "colour", "colour the tape by another signal", LOOK, "v"),
    Command(("r",), "influence", "attribution", "gradients, ledger and deletions of an output or memory", LOOK, "r"),
    Command(
        _capital("R"),
        "reach",
        "gradients",
        "gradients through time, an RNN beside an LSTM, which token moves which",
        LOOK,
        "R",
    ),
    Command(
        _capital("H"),
        "health",
        "health",
        "units that explode, are never active, stuck or dead, gates that are stuck",
        LOOK,
        "H",
    ),
    Command(_capital("L"), "everyone", "all units", "the ledger of the chosen unit, or of all units", LOOK, "L"),
    Command(
        _capital("M"), "map", "map of shares", "whose memory it is after every step, on the whole screen", LOOK, "M"
    ),
    Command(
        ("0",), "one_unit", "one unit", "one unit and one equation, large, to show a class; back: 0 or esc", LOOK, "0"
    ),
    Command(("m",), "maximise", "maximise", "give the whole screen to this pane, or back", LOOK, "m"),
    Command(("e",), "edit", "edit", "change what is under the cursor: a word on the tape, or a value", CHANGE, "e", 4),
    Command(_capital("E"), "edit_equation", "equation", "rewrite the equation under the cursor", CHANGE, "E"),
    Command(("a",), "go_on(0)", "append", "the likeliest next token, put behind the text: an edit", CHANGE, "a"),
    Command(_capital("A"), "go_on(1)", "draw", "a next token drawn by its chance, put behind the text", CHANGE, "A"),
    Command(("z",), "undo(-1)", "undo", "take the last edit back", CHANGE, "z", 4),
    Command(_capital("Z"), "undo(1)", "redo", "make the edit again that was taken back", CHANGE, "Z"),
    Command(("u",), "edits", "edits", "every edit in words: go to any state, copy them, save them", CHANGE, "u"),
    Command(
        _capital("W"), "weights", "weights", "every matrix and vector of the network, to be changed", CHANGE, "W", 8
    ),
    Command(("d",), "difference", "difference", "the baseline beside the edited run, or not", CHANGE, "d", 8),
    Command(("colon",), "command", "command", "a line to type: edits and all else, completed", CHANGE, ":", 6),
    Command(("k", "up"), "cursor(0,-1)", "up", "one unit, equation or row up", CURSOR, "k ↑"),
    Command(("j", "down"), "cursor(0,1)", "down", "one unit, equation or row down", CURSOR, "j ↓"),
    Command(("h", "left"), "cursor(-1,0)", "left", "one value or token to the left; on the tape N", CURSOR, "h ←"),
    Command(("l", "right"), "cursor(1,0)", "right", "one value or token to the right; on the tape n", CURSOR, "l →"),
    *(
        Command((str(n),), f"pane({n})", name, f"go to the pane: {name}", CURSOR)
        for n, name in ((pane.number, pane.told) for pane in PANES if pane.number)
    ),
    Command(("x",), "export", "export", f"write the run to a file: {ANY_OF_THEM}", PROGRAM, "x", 11),
    Command(_capital("P"), "app.picture", "picture", "any screen as a picture: .svg or .png", PROGRAM, "P"),
    Command(_capital("T"), "app.tour", "tour", "lessons, step by step through trained networks", PROGRAM, "T"),
    Command(("question_mark",), "help", "help", "all keys", PROGRAM, "?", 12),
    Command(("q",), "quit_session", "quit", "leave", PROGRAM, "q", 13),
)

PAIRS = {"z": "Z", "c": "C", "n": "N", "s": "S", "i": "I", "f": "F", "]": "["}
"""Keys whose way back is shown beside them in the footer."""


def footer_commands() -> tuple[Command, ...]:
    """Return the commands of the footer, in order."""
    return tuple(sorted((command for command in COMMANDS if command.footer), key=lambda command: command.footer))


def footer_words(commands: Iterable[Command]) -> tuple[tuple[str, str], ...]:
    """Return key and word of footer entries."""
    return tuple((_both(command.key), command.word) for command in commands)


def _both(key: str) -> str:
    """Write a key with that of the way back."""
    back = PAIRS.get(key)
    return f"{back}{key}" if back == "[" else f"{key}/{back}" if back else key
