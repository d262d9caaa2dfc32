"""Words of gdb, pdb, rr and our screen that are no verbs here, each with what does its work; topics of gdb's commands.

The lists of those programs are in the tests: each of their words is a verb here, or stands in a table of this file.
"""

from __future__ import annotations

from lstm_tui.engine.text_safety import visible

_FRAMES = "a run has no call frames: `pass NAME` selects another pass, `goto T` another token"
_PAST = "every step is recorded already: `reverse-step`, `reverse-continue` and `who` go back"
_RUNS_NOTHING = "nothing outside the run is executed from here; `source FILE` executes a script of verbs"
_SCREEN = "the screen is `lstm-tui run FILE` without --plain; `?` there lists its keys"
_FILES = "`lstm-tui run FILE --model M` opens a network on a text; `line N` another line of it"
_NO_CODE = "a network has equations and no machine code: `list` shows them, `stepi` takes one op after the other"
_TRACES = "every value of every step is held; `dprintf WHERE, TEXT` prints some on the way, `commands N` does more"
_REMOTE = "the run is in this process: `lstm-tui serve FILE` shows it in a browser, `lstm-tui dap` in an editor"
_SIGNALS = "there are no signals in a run: `break nan` waits for what goes wrong in one"
_WRITES = "`print EXPR > FILE` writes a value to a file, `>>` adds to it; `save-model FILE` writes the network"
_MEMORY = "`print c[0:4]` tells some units, `info values` every value here"
_STATES = "`branch NAME` names the edits as they are now, `switch NAME` goes back to them"
_TWO_RUNS = "`diff A B` compares two states of the edits; `lstm-tui compare FILE --model A --model B` two networks"
_PLACES = "`set $here = t` keeps the place, `goto $here` goes back to it"
_SETTINGS = "settings stand in a file of their own: `lstm-tui config` tells where"
_SEARCHES = "`find TEXT` goes to the next token that holds a text, `break WHERE in any line` waits over all lines"
_OUTPUT = "`print EXPR` tells a value; `> FILE` behind it writes that to a file"
_THREADS = "`info passes` lists the passes of the run; `pass NAME` selects one"

COUNTERPARTS: dict[str, str] = {
    **dict.fromkeys(
        (
            "up", "down", "frame-up", "frame-down", "up-silently", "down-silently", "do", "dow", "inferior",
            "select-frame",
            "faas", "add-inferior", "clone-inferior", "remove-inferiors",
        ),
        _FRAMES,
    ),
    "u": "`until` computes the next token or goes on to a place, as gdb's u; for pdb's u, `pass NAME` selects a pass",
    **dict.fromkeys(("taas", "tfaas", "task"), _THREADS),
    **dict.fromkeys(
        ("record", "rec", "when", "when-ticks", "when-tid", "seek", "seek-ticks", "replay", "rerun", "elapsed-time"),
        _PAST,
    ),
    **dict.fromkeys(
        (
            "shell", "!", "|", "pipe", "python", "py", "pi", "python-interactive", "guile", "gu", "gr", "guile-repl",
            "compile", "make", "interact", "debug", "exec", "eval", "interpreter-exec", "expression",
        ),
        _RUNS_NOTHING,
    ),
    **dict.fromkeys(
        (
            "tui", "layout", "focus", "winheight", "winwidth", "wh", "ws", "refresh", "update", "fs", "new-ui", "tty",
            "+", "-", "<", ">",
        ),
        _SCREEN,
    ),
    **dict.fromkeys(
        (
            "file", "exec-file", "core-file", "core", "symbol-file", "add-symbol-file", "add-symbol-file-from-memory",
            "remove-symbol-file", "sharedlibrary", "nosharedlibrary", "section", "directory", "path", "dir",
        ),
        _FILES,
    ),
    **dict.fromkeys(
        (
            "disassemble", "demangle", "jit-reader-load", "jit-reader-unload", "overlay", "ov", "ovly",
            "compare-sections",
            "maintenance", "mt", "flash-erase", "memory-tag", "mem", "flushregs",
        ),
        _NO_CODE,
    ),
    **dict.fromkeys(
        (
            "trace", "tr", "tra", "trac", "tp", "ftrace", "strace", "actions", "collect", "passcount", "tdump",
            "teval", "tfind",
            "tsave", "tstart", "tstatus", "tstop", "tvariable", "while-stepping", "stepping", "agent-printf",
        ),
        _TRACES,
    ),
    **dict.fromkeys(("target", "remote", "monitor", "disconnect"), _REMOTE),
    **dict.fromkeys(("signal", "handle", "queue-signal", "interrupt"), _SIGNALS),
    **dict.fromkeys(("dump", "append", "restore"), _WRITES),
    **dict.fromkeys(("generate-core-file", "gcore", "pack"), "`save-session FILE` writes the session as it stands"),
    **dict.fromkeys(("x", "examine", "args", "a", "explore"), _MEMORY),
    **dict.fromkeys(("checkpoint", "snapshot"), _STATES),
    "compare": _TWO_RUNS,
    **dict.fromkeys(("bookmark", "goto-bookmark"), _PLACES),
    **dict.fromkeys(
        ("with", "unset", "add-auto-load-safe-path", "add-auto-load-scripts-directory"),
        _SETTINGS,
    ),
    **dict.fromkeys(("search", "forward-search", "fo", "reverse-search", "rev"), _SEARCHES),
    **dict.fromkeys(("stop", "hit"), "`continue` goes on to the next breakpoint, `info break` counts stops"),
    **dict.fromkeys(("kill", "detach", "EOF"), "`quit` leaves"),
    **dict.fromkeys(("retval", "rv"), "`print result` tells what the network says of the whole text"),
    **dict.fromkeys(("cd", "pwd"), "`save-session FILE` and its like take whole paths"),
    **dict.fromkeys(("ed", "edit"), '`replace T "TOKEN"`, `set`, `weight` and `let` edit; `help` lists them'),
    **dict.fromkeys(
        ("macro", "define-prefix"),
        "`define NAME` gives some lines a word of your own, `alias NAME = COMMAND` one line",
    ),
    **dict.fromkeys(
        ("rbreak", "break-range"), "`break EXPR` stops wherever a condition is true, such as: break 3 <= t and t < 6"
    ),
    "rwatch": "values are not read by anyone but the equations: `watch EXPR by X` waits for a change",
    **dict.fromkeys(("hbreak", "thbreak"), "`break WHERE` is all there is; `tbreak` stops once"),
    **dict.fromkeys(
        ("catch", "tcatch", "exceptions"),
        "`break nan` waits for a number that is none, `break class` for another predicted class",
    ),
    "silent": "it stands first behind `commands N`; `dprintf WHERE, TEXT` prints at a place without stopping",
    "loop_break": "it ends a `while` inside its block",
    "loop_continue": "it begins a `while` again inside its block",
    "else": "it stands between `if EXPR` and `end`",
    "end": "it closes a block of lines, such as that behind `define NAME` or `commands N`",
    "attach": "`lstm_tui.debug(model, x)` opens a live PyTorch model",
    "tobreakpoint": "`tbreak WHERE` stops once",
    "skip": "`disable N` keeps a breakpoint without stopping, `ignore N COUNT` passes over its next hits",
    "function": "`help expressions` lists the functions; `define NAME` makes a word of your own",
    "complete": "the tab key completes; `help` lists the verbs",
    "ps": "`lstm-tui models` lists the networks that are here",
    "traceinfo": "`info frame` tells what is open",
    **dict.fromkeys(
        ("explain", "why"), "`print c[3]` explains a value: its equation in numbers; `who` tells what moved it"
    ),
    **dict.fromkeys(
        ("present", "lesson", "lessons"),
        "`lstm-tui tour NAME --present` shows a lesson to a class; on the screen T lists them, and F5 presents one",
    ),
    "verdict": "`print result` tells what the network says of the whole text, `output` what it says here",
}  # fmt: skip
"""Words that are no verbs, and what to type instead."""

BEHIND: dict[str, str] = {
    "where": f"{_FRAMES}; `info locals` tells every value",
    "run": "`goto T` goes to a token, `line N` to another line of the file",
    "quit": "`lstm-tui run --batch` ends with 3 after a stop",
}
"""What is said of what gdb lets stand behind a word that takes nothing here."""

INFO_COUNTERPARTS: dict[str, str] = {
    **dict.fromkeys(
        (
            "address", "all-registers", "float", "vector", "scope", "symbol", "types", "type-printers", "classes",
            "module", "modules", "selectors", "unwinder", "vtbl", "xmethod", "pretty-printer", "guile", "extensions",
            "macro", "macros", "common", "dcache", "tasks",
        ),
        "`whatis EXPR` describes a value, `info values` tells every value here",
    ),
    **dict.fromkeys(
        ("auxv", "files", "target", "proc", "os", "mem", "sharedlibrary", "exec", "inferiors", "connections", "dll",
         "auto-load", "copying", "warranty"),
        "`info frame` tells what is open; `lstm-tui info` versions, paths and the terminal",
    ),
    **dict.fromkeys(("handle", "signals", "exceptions"), _SIGNALS),
    **dict.fromkeys(("bookmarks", "checkpoints"), "`branch` shows the states of the edits"),
    **dict.fromkeys(
        ("probes", "static-tracepoint-markers", "tracepoints", "tvariables", "skip"),
        "`info break` lists what the run stops at",
    ),
    **dict.fromkeys(("terminal", "set", "frame-filter"), _SETTINGS),
    "record": _PAST,
}  # fmt: skip
"""Topics of gdb's `info` that have no like here, and what to type instead."""

_SETTINGS_OF_GDB = """
ada agent annotate architecture args auto-connect-native-target auto-load auto-solib-add backtrace
basenames-may-differ breakpoint can-use-hw-watchpoints case-sensitive charset check circular-trace-buffer code-cache
coerce-float-to-double compile-args compile-gcc complaints confirm cp-abi cwd data-directory dcache debug
debug-file-directory debuginfod default-collect demangle-style detach-on-fork directories disable-randomization
disassemble-next-line disassembler-options disassembly-flavor disconnected-dprintf disconnected-tracing
displaced-stepping dprintf-channel dprintf-function dprintf-style dump-excluded-mappings editing endian environment
exec-direction exec-done-display exec-file-mismatch exec-wrapper extended-prompt extension-language filename-display
follow-exec-mode follow-fork-mode fortran frame-filter gnutarget guile height history host-charset index-cache
inferior-tty input-radix interactive-mode language libthread-db-search-path listsize logging max-completions
max-user-call-depth max-value-size may-call-functions may-insert-breakpoints may-insert-fast-tracepoints
may-insert-tracepoints may-interrupt may-write-memory may-write-registers mem mi-async mpx multiple-symbols non-stop
observer opaque-type-resolution osabi output-radix overload-resolution pagination print prompt python radix
range-stepping ravenscar record remote remoteaddresssize remotecache remoteflow remotelogbase remotelogfile
remotetimeout remotewritesize schedule-multiple scheduler-locking script-extension serial solib-absolute-prefix
solib-search-path source stack-cache startup-quietly startup-with-shell step-mode stop-on-solib-events
struct-convention style substitute-path suppress-cli-notifications sysroot target-charset target-file-system-kind
target-wide-charset tcp tdesc trace-buffer-size trace-commands trace-notes trace-stop-notes trace-user
trust-readonly-sections tui unwind-on-terminating-exception unwindonsignal use-coredump-filter
use-deprecated-index-sections verbose watchdog width write varsize-limit paths configuration copying warranty
version
"""
SETTINGS = frozenset(_SETTINGS_OF_GDB.split())
"""gdb's settings: `set` of one changes nothing here, and `show` has nothing to show."""


def no_formats(word: str) -> str:
    """Return what is said of a format of gdb's `print`, such as the /x of `p/x`."""
    return f"numbers have one form, so `{visible(word[:40])}` takes no /; `print EXPR` shows its largest terms"


def setting_told(word: str) -> str:
    """Return what is said of a setting of gdb."""
    if word == "logging":
        return "`lstm-tui run FILE --log LOG` writes what is typed and answered; `print EXPR > FILE` one answer"
    if word in ("exec-direction", "record"):
        return _PAST
    return _SETTINGS


def begun_by(word: str) -> str | None:
    """Return the one foreign word that begins so, as gdb takes the beginning of a word for it; else None."""
    found = [one for one in COUNTERPARTS if one.startswith(word)] if len(word) > 1 else []
    return found[0] if len({COUNTERPARTS[one] for one in found}) == 1 else None
