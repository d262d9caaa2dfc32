"""What gdb, rr and pdb have and this debugger has not, each told with what does its work here."""

from __future__ import annotations

_FRAMES = "a run has no call frames: `pass NAME` selects another pass, `goto T` another token"
_PAST = "every step is recorded already: `reverse-step`, `reverse-continue` and `who` go back"
_RUNS_NOTHING = "nothing outside the run is executed from here"
_SCREEN = "the screen is `lstm-tui run FILE` without --plain; `?` there lists its keys"

COUNTERPARTS: dict[str, str] = {
    **dict.fromkeys(("up", "down", "u", "frame-up", "frame-down", "inferior"), _FRAMES),
    **dict.fromkeys(("record", "when", "seek", "replay"), _PAST),
    **dict.fromkeys(("shell", "!", "python", "py", "compile", "make", "interact", "pipe"), _RUNS_NOTHING),
    **dict.fromkeys(("tui", "layout", "focus", "winheight", "refresh"), _SCREEN),
    "rwatch": "values are not read by anyone but the equations: `watch EXPR by X` waits for a change",
    "hbreak": "`break WHERE` is all there is: nothing is in hardware",
    "catch": "`break nan` waits for a number that is none, `break class` for another predicted class",
    "commands": "`display EXPR` is told at every stop; `source FILE` executes a script",
    "x": "`print c[0:4]` tells some units, `info values` every value here",
    "examine": "`print c[0:4]` tells some units, `info values` every value here",
    "args": "`info values` tells every value here",
    "a": "`info values` tells every value here",
    "locals": "`info values` tells every value here",
    "printf": "`print EXPR` tells a value; `> FILE` behind it writes that to a file",
    "output": "`print EXPR` tells a value; `> FILE` behind it writes that to a file",
    "echo": "`source FILE` executes a script; lines that begin with # in it are passed over",
    **dict.fromkeys(("ni", "nexti"), "`stepi` takes the next op of an equation"),
    "starti": "`start` goes back to before the first equation, `stepi` takes its first op",
    **dict.fromkeys(
        ("stop", "hit"), "`continue` goes on to the next breakpoint, `info break` tells how often each stopped"
    ),
    "disassemble": "`list` shows the equations, `stepi` takes one op of them after the other",
    "define": "`source FILE` executes a file of verbs",
    "alias": "`help VERB` tells the other names of a verb",
    "checkpoint": "`branch NAME` names the edits as they are now, `switch NAME` goes back to them",
    "snapshot": "`branch NAME` names the edits as they are now, `switch NAME` goes back to them",
    "kill": "`quit` leaves",
    "detach": "`quit` leaves",
    "attach": "`lstm_tui.debug(model, x)` opens a live PyTorch model",
    "file": "`lstm-tui run FILE --model M` opens a network on a text; `line N` another line of it",
    "show": "`info` tells what there is; `lstm-tui info` versions, paths and the terminal",
    "signal": "there are no signals in a run: `break nan` waits for what goes wrong in one",
    "handle": "there are no signals in a run: `break nan` waits for what goes wrong in one",
    "tobreakpoint": "`tbreak WHERE` stops once",
    "retval": "`print result` tells what the network says of the whole text",
    "rv": "`print result` tells what the network says of the whole text",
    "tstart": _PAST,
    "skip": "`disable N` keeps a breakpoint without stopping, `ignore N COUNT` passes over its next hits",
    "search": "`find TEXT` goes to the next token that holds a text",
    "call": "`print EXPR` tells any expression; edits are verbs of their own: `help set`",
    "cd": "give a whole path where a file is asked for",
    "pwd": "give a whole path where a file is asked for",
    "ed": '`replace T "TOKEN"`, `set`, `weight` and `let` edit; `help` lists them',
}
"""Words that are no verbs, and what to type instead."""
