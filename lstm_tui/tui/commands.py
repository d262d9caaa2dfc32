"""Every command of the main screen, once: the bindings, the footer, the palette and the help are made of this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lstm_tui.debugger.panes import PANES
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import ANY_TRACE
from lstm_tui.tui import keymap, view_keys


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        keys: What binds it, as Textual names keys; the first is the one that is shown.
        action: What does it: a controller of the main screen and a method of it with its arguments,
            `steps.token(1)`; or an action of the app, `app.tour`.
        word: One or two words for the footer and the palette.
        help: One sentence for the help screen.
        group: Heading in the help screen.
        shown: How the key is written; the first of `keys` when empty.
        footer: Place in the footer, from 1; 0 when it is not there.
        always: Whether it acts while there is no run too.
    """

    keys: tuple[str, ...]
    action: str
    word: str
    help: str
    group: str
    shown: str = ""
    footer: int = 0
    always: bool = False

    @property
    def name(self) -> str:
        """What does it, without the arguments: `steps.token`."""
        return self.action.partition("(")[0]

    @property
    def phrase(self) -> str:
        """What a person would say who wants it."""
        return _PHRASES[self.action]

    @property
    def key(self) -> str:
        """How the key is written."""
        return self.shown or self.keys[0]


def _capital(letter: str) -> tuple[str, ...]:
    """Both ways in which terminals send a capital letter."""
    return letter, f"shift+{letter.lower()}"


STEP, GO, LOOK, CHANGE, CURSOR, PROGRAM = "Step", "Go", "Look", "Change", "Inside a pane", "Program"

STANDARD: tuple[Command, ...] = (
    Command(("n",), "steps.token(1)", "token", "next token on the tape", STEP, footer=1),
    Command(_capital("N"), "steps.token(-1)", "token back", "previous token on the tape", STEP),
    Command(("s",), "steps.equation(1)", "equation", "next equation, in the pass's reading order", STEP, footer=2),
    Command(_capital("S"), "steps.equation(-1)", "equation back", "one equation back", STEP),
    Command(("i",), "steps.op(1)", "op", "next op inside the equation", STEP, footer=4),
    Command(_capital("I"), "steps.op(-1)", "op back", "one op back", STEP),
    Command(("f",), "steps.finish(1)", "finish", "finish this token", STEP, footer=4),
    Command(_capital("F"), "steps.finish(-1)", "finish back", "back to where this token began", STEP),
    Command(("c",), "breakpoints.go_on(1)", "continue", "continue to the next breakpoint or watch", STEP, footer=5),
    Command(
        _capital("C"), "breakpoints.go_on(-1)", "continue back", "continue backwards to a breakpoint or watch", STEP
    ),
    Command(
        ("b",),
        "breakpoints.breakpoint",
        "break",
        "set or clear a breakpoint at this token, equation or value",
        STEP,
        footer=5,
    ),
    Command(
        ("w",), "breakpoints.watch", "watch", "stop where this value changes by over 0.3; then C: what did it", STEP
    ),
    Command(
        _capital("B"), "breakpoints.list_all", "stops", "breakpoints, watches and displays: enable, edit, delete", STEP
    ),
    Command(("space",), "steps.play", "play", "play the run token by token, or pause", STEP, "space", 5),
    Command(("g",), "steps.end(-1)", "first token", "first token of the tape", GO),
    Command(_capital("G"), "steps.end(1)", "last token", "last token of the tape", GO),
    Command(("right_square_bracket",), "steps.select_pass(1)", "next pass", "select the next pass", GO, "]", 6),
    Command(("left_square_bracket",), "steps.select_pass(-1)", "previous pass", "select the previous pass", GO, "["),
    Command(("right_curly_bracket",), "runs.line(1)", "next line", "next line of the file", GO, "}"),
    Command(("left_curly_bracket",), "runs.line(-1)", "previous line", "previous line of the file", GO, "{"),
    Command(("t",), "steps.go_to_cursor", "go to cursor", "go to the token under the cursor", GO, footer=10),
    Command(("slash",), "dialogs.find", "find", "find a token by its text", GO, "/", 9),
    Command(("full_stop",), "dialogs.find_next(1)", "next found", "next match", GO, "."),
    Command(("comma",), "dialogs.find_next(-1)", "previous found", "previous match", GO, ","),
    Command(
        ("p",),
        "dialogs.explain",
        "explain",
        "explain the value under the cursor: its equation in numbers",
        LOOK,
        footer=7,
    ),
    Command(
        ("o",),
        "looks.order",
        "order",
        "order units by size, change, index, or what they lost here",
        LOOK,
        footer=8,
    ),
    Command(
        _capital("Y"),
        "edits.causes",
        "causes",
        "which value of which token makes two sentences differ: the last trace-cause as a map",
        LOOK,
    ),
    Command(
        _capital("O"),
        "edits.attention",
        "attention",
        "where a cell looks over its collection at each step, and what is said without a place",
        LOOK,
    ),
    Command(("v",), "looks.signal", "colour", "colour the tape by the next signal", LOOK),
    Command(("r",), "dialogs.influence", "attribution", "gradients, ledger and deletions of an output or memory", LOOK),
    Command(
        _capital("R"),
        "dialogs.reach",
        "gradients",
        "gradients through time, an RNN beside an LSTM, which token moves which",
        LOOK,
    ),
    Command(
        _capital("J"),
        "dialogs.dynamics",
        "fixed points",
        "what kind of memory: states that stay while this token is read on, and how long changes last",
        LOOK,
    ),
    Command(
        _capital("U"),
        "dialogs.coloured_text",
        "text by unit",
        "the text as it reads, each token coloured by a unit, or by the last colour-text",
        LOOK,
    ),
    Command(
        _capital("H"),
        "dialogs.health",
        "health",
        "units that explode, are never active, stuck or dead, gates that are stuck",
        LOOK,
    ),
    Command(_capital("L"), "looks.everyone", "all units", "the ledger of the selected unit, or of all units", LOOK),
    Command(
        _capital("M"),
        "looks.map",
        "map of shares",
        "whose memory it is after every step, on the whole screen",
        LOOK,
        footer=2,
    ),
    Command(
        _capital("D"),
        "looks.diagram",
        "diagram",
        "the cell as a picture with the numbers of one unit, step by step",
        LOOK,
        footer=3,
    ),
    Command(
        ("0",), "looks.one_unit", "one unit", "one unit and one equation, large, to show a class; back: 0 or esc", LOOK
    ),
    Command(
        _capital("V"),
        "dialogs.curves",
        "curves",
        "values over the tape as curves, beside the baseline",
        LOOK,
    ),
    Command(("m",), "looks.maximise", "maximise", "maximize this pane, or restore it", LOOK),
    Command(
        ("e",),
        "edits.edit",
        "edit",
        "change what is under the cursor: a word on the tape, or a value",
        CHANGE,
        footer=3,
    ),
    Command(_capital("E"), "edits.edit_equation", "equation", "rewrite the equation under the cursor", CHANGE),
    Command(("a",), "edits.append(0)", "append", "append the most likely next token: an edit", CHANGE),
    Command(_capital("A"), "edits.append(1)", "draw", "append a next token sampled by its probability", CHANGE),
    Command(("z",), "edits.undo(-1)", "undo", "undo the last edit", CHANGE, footer=4),
    Command(_capital("Z"), "edits.undo(1)", "redo", "redo the edit that was undone", CHANGE),
    Command(("u",), "edits.list_all", "edits", "every edit in words: go to any state, copy or save them", CHANGE),
    Command(
        _capital("W"),
        "edits.weights",
        "weights",
        "every matrix and vector of the network, editable",
        CHANGE,
        footer=8,
    ),
    Command(
        ("d",), "looks.difference", "difference", "show or hide the baseline beside the edited run", CHANGE, footer=8
    ),
    Command(("colon",), "edits.type_line", "command", "type a command, with completion", CHANGE, ":", 6),
    Command(("k", "up"), "looks.cursor(0,-1)", "up", "one unit, equation or row up", CURSOR, "k ↑"),
    Command(("j", "down"), "looks.cursor(0,1)", "down", "one unit, equation or row down", CURSOR, "j ↓"),
    Command(
        ("h", "left"), "looks.cursor(-1,0)", "left", "one value or token to the left; on the tape N", CURSOR, "h ←"
    ),
    Command(
        ("l", "right"), "looks.cursor(1,0)", "right", "one value or token to the right; on the tape n", CURSOR, "l →"
    ),
    *(
        Command((str(n),), f"looks.pane({n})", name, f"go to the pane: {name}", CURSOR)
        for n, name in ((pane.number, pane.told) for pane in PANES if pane.number)
    ),
    Command(("x",), "dialogs.export", "export", f"write the run to a file: {ANY_TRACE}", PROGRAM, footer=11),
    Command(
        _capital("P"), "app.picture", "picture", "any screen as a picture: .svg or .png", PROGRAM, "P", always=True
    ),
    Command(_capital("T"), "app.tour", "tour", "lessons that step through trained networks", PROGRAM, "T", always=True),
    Command(
        _capital("X"),
        "looks.level",
        "expert",
        "the screen of a beginner, with a line in words, or of an expert",
        PROGRAM,
    ),
    Command(_capital("K"), "dialogs.glossary", "glossary", "explain every label of the pane in use", PROGRAM, footer=3),
    Command(("question_mark",), "dialogs.help", "help", "all keys", PROGRAM, "?", 12, always=True),
    Command(("q",), "app.quit", "quit", "quit", PROGRAM, footer=13, always=True),
)

_PHRASES = {
    "dialogs.curves": "draw values as curves over the text",
    "steps.token(1)": "go to the next token",
    "steps.token(-1)": "go back to the token before",
    "steps.equation(1)": "take the next equation",
    "steps.equation(-1)": "take an equation back",
    "steps.op(1)": "take the next op of an equation",
    "steps.op(-1)": "take an op back",
    "steps.finish(1)": "finish this token",
    "steps.finish(-1)": "go back to the beginning of this token",
    "breakpoints.go_on(1)": "run until something stops it",
    "breakpoints.go_on(-1)": "run backwards until something stops it",
    "breakpoints.breakpoint": "stop here whenever the run comes by",
    "breakpoints.watch": "stop when this value changes",
    "breakpoints.list_all": "show where the run stops",
    "steps.play": "play the run, or pause",
    "steps.end(-1)": "go to the first token",
    "steps.end(1)": "go to the last token",
    "steps.select_pass(1)": "look at the other direction or layer",
    "steps.select_pass(-1)": "look at the direction or layer before",
    "runs.line(1)": "open the next line of the file",
    "runs.line(-1)": "open the line before",
    "steps.go_to_cursor": "go to the token under the cursor",
    "dialogs.find": "find a word in the text",
    "dialogs.find_next(1)": "find the word again",
    "dialogs.find_next(-1)": "find the word before",
    "dialogs.explain": "explain this number",
    "looks.order": "sort the units another way",
    "looks.signal": "colour the tape by something else",
    "dialogs.influence": "ask what an output depends on",
    "dialogs.reach": "ask how far back the network remembers",
    "dialogs.coloured_text": "colour the text by a unit",
    "dialogs.dynamics": "ask what kind of memory this step is",
    "edits.causes": "ask which token and value is the cause",
    "edits.attention": "ask where the network looks",
    "dialogs.health": "ask which units are stuck or dead",
    "looks.everyone": "show the memory of one unit, or of all",
    "looks.map": "show whose memory it is after every step",
    "looks.one_unit": "show one unit large, for a class",
    "looks.diagram": "show the cell as a picture",
    "looks.maximise": "give this pane the whole screen",
    "edits.edit": "change this word or number",
    "edits.edit_equation": "change this equation",
    "edits.append(0)": "add the most likely next word",
    "edits.append(1)": "add a next word by chance",
    "edits.undo(-1)": "undo the last edit",
    "edits.undo(1)": "redo the edit",
    "edits.list_all": "show all edits",
    "edits.weights": "show and change the weights",
    "looks.difference": "compare with the run before the edits",
    "edits.type_line": "type a command",
    "looks.cursor(0,-1)": "move the cursor up",
    "looks.cursor(0,1)": "move the cursor down",
    "looks.cursor(-1,0)": "move the cursor left",
    "looks.cursor(1,0)": "move the cursor right",
    "dialogs.export": "save the run to a file",
    "app.picture": "take a picture of the screen",
    "app.tour": "open the lessons",
    "looks.level": "show more words, or fewer",
    "dialogs.glossary": "explain the words on this pane",
    "dialogs.help": "show all keys",
    "app.quit": "quit",
    **{f"looks.pane({pane.number})": f"show the pane: {pane.told}" for pane in PANES},
    "looks.pane(2)": "choose a unit",
    "looks.pane(3)": "choose a unit that reads backward",
    "looks.pane(7)": "show the prediction",
}
"""What a person would say who wants it, by action; the palette lists these."""


def row_names(table: Iterable[Command] = STANDARD) -> dict[str, Command]:
    """Return every row of the table by the name that a config file calls it by, such as `token-back`."""
    found: dict[str, Command] = {}
    for command in table:
        name = command.word.replace(" ", "-")
        found[name if name not in found else f"{command.name.partition('.')[0]}-{name}"] = command
    return found


def rebound(wanted: Mapping[str, tuple[str, ...]]) -> tuple[tuple[Command, ...], tuple[str, ...]]:
    """Return the table with other keys, and what of them cannot be: those rows keep their own.

    Args:
        wanted: Keys by the name of the row, as they are written in a config file.
    """
    rows, problems = row_names(), list[str]()
    keys = {name: command.keys for name, command in rows.items()}
    changed: dict[str, str] = {}  # how the first key of a row is written
    problems += view_keys.rebound_views(wanted)[1]
    for name, written in wanted.items():
        if "." in name:  # of a view
            continue
        if name not in rows:
            near = nearest(name, rows)
            problems.append(
                f"keys: there is no row `{visible(name[:40])}`" + (f"; did you mean {near}?" if near else "")
            )
            continue
        read = [keymap.names_of(one) for one in written]
        refused = next(
            (f"`{visible(w[:20])}` {one}" for w, one in zip(written, read, strict=True) if isinstance(one, str)), ""
        )
        if refused:
            problems.append(f"keys: {name}: {refused}")
            continue
        keys[name] = tuple(dict.fromkeys(key for one in read if isinstance(one, tuple) for key in one))
        changed[name] = written[0].strip() or "space"
    while clash := _clash(keys, changed):
        name, other, key = clash
        problems.append(f"keys: {name} and {other} both want {visible(key)}; {name} keeps {rows[name].key}")
        keys[name] = rows[name].keys
        del changed[name]
    table = tuple(
        replace(command, keys=keys[name], shown=changed[name]) if name in changed else command
        for name, command in rows.items()
    )
    return table, tuple(problems)


def _clash(keys: Mapping[str, tuple[str, ...]], changed: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return a row that was given a key which another has, that other, and the key."""
    of: dict[str, str] = {}
    for name, own in keys.items():
        for key in own:
            if key in of and (name in changed or of[key] in changed):
                return (name, of[key], key) if name in changed else (of[key], name, key)
            of[key] = name
    return None


COMMANDS, KEY_PROBLEMS = rebound(keymap.chosen)
"""Every command with the keys of the user, and what of those cannot be."""
_BY_KEY = {key: command for command in COMMANDS for key in command.keys}
_NOW = {before.action: now for before, now in zip(STANDARD, COMMANDS, strict=True)}
_STANDARD_KEYS = {key: command.action for command in STANDARD for key in command.keys}


def now_at(key: str) -> Command:
    """Return the command that has a key in the standard table, with the keys it has now.

    Raises:
        KeyError: None has it.
    """
    return _NOW[_STANDARD_KEYS[key]]


def key_of(action: str) -> str:
    """Return how the key of an action is written, such as that of `breakpoints.go_on(1)`.

    Raises:
        KeyError: There is no such action.
    """
    return _NOW[action].key


def changed_keys() -> tuple[tuple[str, str, str], ...]:
    """Return each row whose key is the user's own: its standard key, the one it has now, and its word."""
    pairs = zip(STANDARD, COMMANDS, strict=True)
    return tuple((before.key, now.key, now.word) for before, now in pairs if before.keys != now.keys)


_BACK = {"z": "Z", "c": "C", "n": "N", "s": "S", "i": "I", "f": "F", "right_square_bracket": "left_square_bracket"}
PAIRS = {now_at(key).key: now_at(back).key for key, back in _BACK.items()}
"""Keys whose way back is shown beside them in the footer."""


def command_of(key: str) -> Command:
    """Return the command of a key, as Textual names it.

    Raises:
        KeyError: It has none.
    """
    return _BY_KEY[key]


def said_of_key(key: str, alone: bool) -> str:
    """Return what to say of a key that the view on top does not know; empty where it is no key of this table.

    Args:
        key: As Textual names it.
        alone: Whether no main screen lies below the view.
    """
    command = _BY_KEY.get(key)
    if command is None:
        return ""
    where = "of one run: lstm-tui run FILE --model NAME" if alone else "of the main screen: esc leaves this view"
    return f"{command.key} ({command.word}) is a key {where}"


def footer_commands() -> tuple[Command, ...]:
    """Return the commands of the footer, in order."""
    return tuple(sorted((command for command in COMMANDS if command.footer), key=lambda command: command.footer))


def footer_words(commands: Iterable[Command]) -> tuple[tuple[str, str], ...]:
    """Return key and word of footer entries."""
    return tuple((_both(command.key), command.word) for command in commands)


def _both(key: str) -> str:
    """Write a key with that of the way back."""
    back = PAIRS.get(key)
    return f"{back}{key}" if (back, key) == ("[", "]") else f"{key}/{back}" if back else key
