"""Every option of every command; what it imports imports nothing but argparse."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from shutil import get_terminal_size
from types import MappingProxyType
from typing import NoReturn

from lstm_tui.cli import (
    train_options,
)
from lstm_tui.cli.options import (
    LARGEST_HIDDEN,
    add_check,
    add_compare_options,
    add_figure,
    add_find,
    add_follow_options,
    add_many,
    add_plain_options,
    add_reach,
    add_recover_options,
    add_report,
    add_serve_options,
    add_start_options,
    add_stats,
    add_worksheet,
    check_compare_options,
    check_find_options,
    check_follow_options,
    check_plain_options,
    check_serve_options,
    json_option,
    memory,
    names,
    natural,
    padding,
    real,
    screen,
    setting,
    size,
)
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.runtime.interpreters import INTERPRETERS
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.bundled_files import GROUPS
from lstm_tui.formats.file_endings import ANY_SERIES, ANY_TRACE
from lstm_tui.formats.inputs.framing import MOST_FRAME
from lstm_tui.models import FIRST_MODEL
from lstm_tui.version import __version__

SHELLS = ("bash", "zsh", "fish")
_OF_A_FILE = ("set", "map", "network", "vocabulary", "classes", "pad")
_UNTRAINED = ("cell", "hidden", "layers", "bidirectional", "merge", "seed", "size", "without")
_EPILOG = """\
examples:
  lstm-tui                                        step through a short story, with a network that forgets and keeps
  lstm-tui tour                                   lessons, for whoever is new to all this
  lstm-tui run review.txt --line 3                another text, from its third line
  lstm-tui run waves.csv --model forecast         numbers, one row a step
  lstm-tui run notes.txt --cell gru --hidden 16   an untrained network
  lstm-tui trace review.txt -o review.json        the same run without the screen
  lstm-tui open review.json                       a trace file, on the screen
  lstm-tui worksheet --model tiny -o sheet.html   a run as arithmetic, step by step
  lstm-tui report review.txt -o review.html       the run as one page, to share
  lstm-tui train notes.txt -o notes.safetensors   a network of your own
  lstm-tui help                                   the manual, topic by topic
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; `module` in them names the module of the command.

    Exits with code 0 after `--help` and `--version`, and with 2 when an argument is refused.
    """
    bare = not [argument for argument in arguments if argument not in ("--debug", "--light", "--dark")]
    given = ["run", "--model", FIRST_MODEL, *arguments] if bare else list(arguments)
    parser = _parser(next((word for word in given if not word.startswith("-")), ""))
    parser.in_front = given[0] if given[0].startswith("-") else ""
    options = parser.parse_args(given)
    options.bare, options.given = bare, given
    _check(parser, options)
    return options


def parse_handed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command that nobody has typed here: a saved one, or one of an editor.

    Raises:
        UserError: It is none; nothing is printed, and nothing ends.
    """
    said = StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(said):
            return parse(arguments)
    except SystemExit:
        last = (said.getvalue().strip().splitlines() or [""])[-1].rpartition("error: ")[2]
        raise UserError(visible(last)) from None


def command_names() -> tuple[str, ...]:
    """Return every command."""
    return tuple(_COMMANDS)


class _Parser(argparse.ArgumentParser):
    """Refuses an argument in one line, as every other mistake is, with the nearest that there is.

    Attributes:
        command: The parser of the command that is asked for; None where there is none of that name.
        commands: The parsers of all commands, by name.
        shared: Titles of the options that many commands share, where this one takes them.
        in_front: An option that stands in front of any command; empty where there is none.
    """

    command: _Parser | None = None
    commands: Mapping[str, _Parser] = MappingProxyType({})
    shared: tuple[str, ...] = ()
    in_front: str = ""

    def groups(self) -> Iterator[tuple[str, list[argparse.Action]]]:
        """Yield the title of each group of arguments and what is in it, but what is not told."""
        for group in self._action_groups:
            yield str(group.title), [one for one in group._group_actions if one.help != argparse.SUPPRESS]

    def short_help(self) -> str:
        """Return the help without the options that many commands share, which are named and told by --help-all."""
        formatter = self._get_formatter()
        shared = [action for title, actions in self.groups() if title in self.shared for action in actions]
        own = [action for action in self._actions if action not in shared]
        formatter.add_usage(self.usage, own, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        for title, actions in self.groups():
            if title not in self.shared:
                formatter.start_section(title)
                formatter.add_arguments(actions)
                formatter.end_section()
        if shared:
            named = " ".join(action.option_strings[-1] for action in shared)
            told = f"network and input, as every command takes them (--help-all): {named}"
            formatter.add_text(textwrap.fill(told, get_terminal_size().columns - 2, break_on_hyphens=False))
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where all options are told, and exit with 2."""
        parser = self
        if no_command := _NO_COMMAND.match(message):
            message = _no_command(no_command[1])
        elif no_action := _NO_ACTION.match(message):
            message = _no_action(self, no_action[1])
        elif message == _COMMAND_MISSING and (in_front := self.in_front):
            message = _not_in_front(in_front)
        elif unknown := _UNKNOWN.match(message):
            parser = self.command or self
            near = nearest(unknown[1], _OPTION.findall(parser.format_help())) if unknown[1].startswith("-") else None
            what = "option" if unknown[1].startswith("-") else "place for"
            if (condition := _CONDITION.match(message)) and (option := _takes_condition(parser)):
                near = f"{option} '{condition[1]}'"
            message = f"there is no {what} {unknown[1]}" + (f"; did you mean {near}?" if near else "")
        self.exit(2, f"{parser.prog}: {visible(message)}; see `{parser.prog} --help`\n")


class _ShortHelp(argparse.Action):
    """Prints the short help and ends."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> NoReturn:
        assert isinstance(parser, _Parser)
        sys.stdout.write(parser.short_help())
        parser.exit()


_SHARED = ("the network", "an untrained network instead", "the input")
"""Titles of the options that many commands share: told whole by --help-all, and once in the man page."""
_NO_COMMAND = re.compile(r"argument COMMAND: invalid choice: '(.*?)' \(", re.DOTALL)
_NO_ACTION = re.compile(r"argument action: invalid choice: '(.*?)' \(", re.DOTALL)
_COMMAND_MISSING = "the following arguments are required: COMMAND"
_OPTION = re.compile(r"--[a-z][a-z-]*")
_UNKNOWN = re.compile(r"unrecognized arguments: ([^\s=]+)")
_CONDITION = re.compile(r"unrecognized arguments: ([^-'][^']*[<>=][^']*)\Z")


def _takes_condition(parser: argparse.ArgumentParser) -> str | None:
    """Return the option of a command behind which a condition on a run stands, or None."""
    return next((one for one in _OPTION.findall(parser.format_help()) if one in ("--where", "--assert")), None)


def _no_command(word: str) -> str:
    """Return what is said of a word where a command should stand."""
    near = nearest(word, _COMMANDS)
    if "." in word or "/" in word:
        return f"there is no command {word}; to step through a file: lstm-tui run {word}"
    return f"there is no command {word}" + (f"; did you mean {near}?" if near else "")


def _not_in_front(option: str) -> str:
    """Return what is said of an option where a command should stand first."""
    near = nearest(option, ("--help", "--version"))
    return f"there is no option {option} in front of a command" + (f"; did you mean {near}?" if near else "")


def _no_action(parser: argparse.ArgumentParser, word: str) -> str:
    """Return what is said of a word where one of a few actions should stand."""
    actions = next(tuple(one.choices or ()) for one in parser._actions if one.dest == "action")
    near = nearest(word, actions)
    return f"there is no action {word}; did you mean {near or f'{parser.prog} {actions[1]} {word}'}?"


def whole_parser() -> _Parser:
    """Return the parser of every command with all options, for what lists them."""
    return _parser(None)


def _parser(asked: str | None) -> _Parser:
    """Return the parser of every command, with the options of the one that is asked for; of all of them for None."""
    parser = _Parser(
        prog="lstm-tui",
        description="gdb for recurrent networks: step a trained LSTM by token and by equation.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lstm-tui {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    parser.commands = commands.choices
    for name, (module, text, add_options) in _COMMANDS.items():
        described = text[0].upper() + text[1:] + "."
        added = commands.add_parser(name, help=text, description=described, allow_abbrev=False, add_help=False)
        added.set_defaults(module=module)
        added.add_argument("-h", "--help", action=_ShortHelp, help="show this help message and exit")
        if asked in (name, None):
            parser.command = added
            added.add_argument("--debug", action="store_true", help="show a traceback when something fails")
            add_options(added)
            added.add_argument("--help-all", action="help", help="show every option and exit")
    return parser


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help=f"a text, or numbers as {ANY_SERIES}; `-` reads standard input (default: the network's sample)",
    )  # fmt: skip
    add_plain_options(parser)
    add_follow_options(parser)
    add_start_options(parser)
    screen(parser)
    _input_options(parser)


def _check_memory(parser: argparse.ArgumentParser) -> None:
    add_check(parser)
    _input_options(parser)


def _find(parser: argparse.ArgumentParser) -> None:
    add_find(parser)
    _input_options(parser)


def _trace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE",
        help=f"a text, or numbers as {ANY_SERIES}; `-` reads standard input; or a folder, every line of it",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="OUT", default="-",
        help=f"a {ANY_TRACE} file; a folder, such as traces/: every line, a file each; without it, or as `-`, "
        "JSON goes to standard output",
    )  # fmt: skip
    add_many(parser)
    _input_options(parser)
    _export_options(parser)


def _open(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help=f"a trace: {ANY_TRACE}; a capture of a PyTorch model: .npz; or a session: .ltui"
    )
    parser.add_argument(
        "--module", metavar="PATH", dest="module_path", help="of a capture: which recurrent module is shown"
    )
    parser.add_argument(
        "--sequence", type=natural(0), metavar="N", help="of a capture: which sequence of the batch is shown, from 0"
    )
    add_plain_options(parser)
    add_start_options(parser)
    screen(parser)


def _help(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--man", action="store_true", help="print all of this as a page for man, such as lstm-tui.1")
    parser.add_argument(
        "topic", metavar="TOPIC", nargs="*", help="a topic, a command or a verb; without it, the topics are listed"
    )


def _models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a bundled name or a .safetensors file")
    parser.add_argument(
        "--measure", choices=GROUPS, metavar="TASK",
        help=f"measure the networks of a task on unseen texts, and lay them side by side: {', '.join(GROUPS)}",
    )  # fmt: skip
    json_option(parser, "the table, or everything the file says of itself,")


def _cells(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["list", "show", "check"], nargs="?", default="list")
    parser.add_argument("cell", metavar="CELL", nargs="?", help="a name for show, a .toml file for either")
    json_option(parser, "the same")


def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a bundled name or a network's file")
    json_option(parser, "the report")
    parser.add_argument("--write-map", metavar="FILE.toml", help="write every decision to a file for --map, or `-`")
    _reading_options(parser)
    _tokens_option(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a bundled name or a network's file")
    parser.add_argument(
        "--reference", metavar="REF.npz", required=True, help="`input` and values such as `layer0.forward/h`"
    )
    parser.add_argument(
        "--tolerance",
        type=real(0.0, 1.0),
        default=1e-4,
        metavar="E",
        help="largest difference that counts as none (default: 1e-4)",
    )
    parser.add_argument(
        "--seconds", type=real(0.1, 1e5), default=8.0, metavar="S",
        help="how long other readings of the file are tried, in processor time (default: 8)",
    )  # fmt: skip
    json_option(parser, "the verdict")
    _reading_options(parser)
    _tokens_option(parser)


def _stream(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recording", metavar="RECORDING",
        help="what an application gave and got, chunk by chunk: .npz or lines of JSON, as the manual's streams shows",
    )  # fmt: skip
    parser.add_argument("--model", metavar="MODEL", required=True, help="a bundled name or a network's file")
    parser.add_argument(
        "--context", type=natural(0), default=0, metavar="C",
        help="numbers of before that the network reads at each step, in front of those that are new (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--tolerance", type=real(0.0, 1.0), default=1e-4, metavar="E",
        help="largest difference that counts as none (default: 1e-4)",
    )  # fmt: skip
    json_option(parser, "the diagnosis")
    _reading_options(parser)
    _tokens_option(parser)


def _convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a bundled name or a network's file")
    parser.add_argument("-o", "--output", metavar="OUT.safetensors", help="a file that describes itself")
    parser.add_argument(
        "--into", metavar="OUT",
        help="a copy of its own file, with its own ending: the same bytes but for the numbers that --edits change",
    )  # fmt: skip
    parser.add_argument("--over", action="store_true", help="with --into: in the place of a file that is there")
    parser.add_argument("--edits", metavar="FILE", help="edits of its weights to make, such as: weight readout/b = 0")
    _reading_options(parser)
    _tokens_option(parser)
    _layer_option(parser, "take out one layer")


def _stats(parser: argparse.ArgumentParser) -> None:
    add_stats(parser)
    _input_options(parser)


def _reach(parser: argparse.ArgumentParser) -> None:
    add_reach(parser)
    _input_options(parser)


def _worksheet(parser: argparse.ArgumentParser) -> None:
    add_worksheet(parser)
    _input_options(parser)


def _figure(parser: argparse.ArgumentParser) -> None:
    add_figure(parser)
    _input_options(parser)


def _report(parser: argparse.ArgumentParser) -> None:
    add_report(parser)
    _input_options(parser)


def _tour(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lesson", metavar="LESSON", nargs="?", help="its name or number, or a .toml file of your own")
    parser.add_argument("--list", action="store_true", help="print the lessons")
    parser.add_argument("--check", action="store_true", help="check every claim of the lesson, or of all lessons")
    parser.add_argument("--present", action="store_true", help="before a class: the pane and the text alone")
    screen(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    add_serve_options(parser)
    screen(parser)
    _input_options(parser, budget=False)  # it limits the memory of each visitor


_COMPLETION_EPILOG = """A line for the file that the shell reads at its start (zsh: compinit must be loaded):
  ~/.bashrc                     source <(lstm-tui completion bash)
  ~/.zshrc                      source <(lstm-tui completion zsh)
  ~/.config/fish/config.fish    lstm-tui completion fish | source
"""


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")
    parser.epilog, parser.formatter_class = _COMPLETION_EPILOG, argparse.RawDescriptionHelpFormatter


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="another config file, to see what is wrong in it")
    parser.add_argument("--write", action="store_true", help="write a file with every setting, each commented out")
    json_option(parser, "every setting")


def _dap(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=natural(0, 65535), metavar="N",
        help="wait for one editor on this port of this computer, 0 for a free one (default: standard input and output)",
    )  # fmt: skip


def _compare(parser: argparse.ArgumentParser) -> None:
    add_compare_options(parser)
    _input_options(parser, twice=True)


def _info(parser: argparse.ArgumentParser) -> None:
    json_option(parser, "every fact")


_COMMANDS: dict[str, tuple[str, str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("run", "step through a run in the terminal", _run),
    "check": ("check", "assert what a network remembers of texts", _check_memory),
    "find": ("find", "find where units behave alike, and what they follow, in many files", _find),
    "trace": ("trace", "write every value of a run to a file", _trace),
    "open": ("open", "show a trace file or a capture, or resume a saved session", _open),
    "recover": ("recover", "resume interrupted work, or list it", add_recover_options),
    "compare": ("compare", "show two runs or more side by side, of networks or by edits", _compare),
    "models": ("models", "list the bundled networks, or describe one", _models),
    "cells": ("cells", "list the cells, show the equations of one, or check a file of your own", _cells),
    "train": ("train", "train a network of any cell on a corpus of your own", train_options.add),
    "inspect": ("inspect", "tell what a network's file holds, and how each fact is known", _inspect),
    "verify": ("verify", "compare a network's file with activations another runtime recorded", _verify),
    "stream": ("stream_mistakes", "diagnose what an application does with the state of a stream", _stream),
    "convert": ("convert", "write a network's file as one that describes itself, or edits back into its own", _convert),
    "stats": ("stats", "summarize how the units of a network behave on a file", _stats),
    "reach": ("reach", "tell how far back networks remember", _reach),
    "worksheet": ("worksheet", "write steps of a run as arithmetic, step by step", _worksheet),
    "report": ("report", "write a run as one page: tape, gates, memory, ledger and edits", _report),
    "figure": ("figure", "draw a run: memory as a line, gates as bars; or a page to step through", _figure),
    "tour": ("tour", "lessons: step by step through trained networks", _tour),
    "serve": ("serve", "show the debugger in a browser", _serve),
    "dap": ("dap", "debug from an editor that speaks the Debug Adapter Protocol", _dap),
    "config": ("config", "tell where the config file is and what it says, or write one", _config),
    "completion": ("completion", "print what a shell needs to complete commands and options", _completion),
    "info": ("info", "show versions, paths and what the terminal can do", _info),
    "help": ("help", "show the manual: its topics, or one of them", _help),
}
"""Of each command its module in `cli`, what it does, and what adds its options."""


def _input_options(parser: argparse.ArgumentParser, budget: bool = True, twice: bool = False) -> None:
    """Add what says which network and input is meant; `twice` where two networks may be given."""
    if isinstance(parser, _Parser):
        parser.shared = _SHARED
    network = parser.add_argument_group("the network")
    which = "a bundled name or a file of any format `inspect` reads"
    if twice:
        network.add_argument("--model", metavar="MODEL", action="append", help=f"{which}; given twice for two")
    else:
        network.add_argument("--model", metavar="MODEL", help=f"{which} (default: sentiment, forecast for numbers)")
    _reading_options(network)
    _layer_option(network, "feed numbers straight to one layer")
    network.add_argument(
        "--initial", metavar="FILE.npz", help="states before the first step, as `layer0.forward/h`, or a trace's last"
    )
    samples = natural(1, MOST_FRAME)
    network.add_argument("--frame", type=samples, metavar="N", help="of a .wav: samples new to each step")
    network.add_argument("--hop", type=samples, metavar="N", help="from one frame to the next (default: N)")
    before = "samples of before in front of each frame (default: 0)"
    network.add_argument("--context", type=natural(0, MOST_FRAME), metavar="C", help=before)
    network.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="precision of the run")
    network.add_argument(
        "--interpreter", choices=INTERPRETERS, help="what computes the run (default: whichever is faster)"
    )
    if budget:
        network.add_argument(
            "--memory", dest="budget", type=memory, metavar="SIZE",
            help="what runs may take, as 500M or 2G; longer ones are held in windows",
        )  # fmt: skip
    untrained = parser.add_argument_group("an untrained network instead")
    untrained.add_argument("--cell", metavar="CELL", help="a name from `lstm-tui cells`, or a .toml file")
    untrained.add_argument("--hidden", type=natural(1, LARGEST_HIDDEN), metavar="N", help="units (default: 32)")
    untrained.add_argument("--layers", type=natural(1, 64), metavar="N", help="layers (default: 1)")
    untrained.add_argument("--bidirectional", action="store_true", default=None, help="add passes from the end")
    untrained.add_argument(
        "--merge", choices=["concat", "sum", "average", "mul"], help="how the two directions are merged"
    )
    untrained.add_argument("--seed", type=natural(0), metavar="S", help="seed of the random weights (default: 0)")
    untrained.add_argument("--size", type=size, action="append", metavar="P=N", help="a free size of the cell")
    untrained.add_argument("--without", metavar="NAMES", help="optional parameters to leave out, such as p_i,p_o")
    _tokens_option(untrained)
    source = parser.add_argument_group("the input")
    source.add_argument("--edits", metavar="FILE", help="edits to make, one a line, such as: remove 3")
    source.add_argument(
        "--reset-every", type=natural(1), metavar="N", help="set the states back before every N-th token"
    )
    source.add_argument(
        "--chunk", type=natural(1), metavar="N", help="mark chunks of N tokens; a backward pass begins anew in each"
    )
    source.add_argument("--line", type=natural(1), metavar="N", help="the line to start with, from 1")
    source.add_argument("--whole", action="store_true", help="take the file as one sequence, not each line")
    source.add_argument(
        "--carry",
        action="store_true",
        help="carry the states over from one line to the next",
    )


def _reading_options(network: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add what a user says of a network's file; `inspect` lists the keys."""
    network.add_argument(
        "--set", metavar="KEY=VALUE", action="append", type=setting, help="decide what the file does not say"
    )
    network.add_argument("--map", metavar="FILE.toml", help="decisions, or names of tensors, as `inspect` writes them")
    network.add_argument("--network", metavar="NAME", help="which network of a file that holds several")
    network.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="vocabulary of a file that has none: one token a line, JSON, or tokenizer.json",
    )
    network.add_argument("--classes", metavar="NAMES", type=names, help="names of the outputs, such as bad,good")
    network.add_argument(
        "--pad",
        metavar="pre:N",
        type=padding,
        help="pad to N tokens in front (pre) or behind (post), with id 0 where the vocabulary has no padding",
    )


def _tokens_option(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    group.add_argument("--tokens", choices=["words", "chars", "bytes"], help="how a text is split into tokens")


def _layer_option(group: argparse._ArgumentGroup | argparse.ArgumentParser, what: str) -> None:
    group.add_argument("--layer", metavar="L", help=f"{what}, by number from 0 or by its name in the file")


def _export_options(parser: argparse.ArgumentParser) -> None:
    export = parser.add_argument_group("what is written")
    export.add_argument("--values", metavar="NAMES", help="only these values, such as c,h (default: all but x)")
    export.add_argument("--baseline", action="store_true", help="the run without its edits")
    export.add_argument("--units", metavar="A:B", help="only these units, from 0")
    export.add_argument("--steps", metavar="A:B", help="only these places on the tape, from 0")


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that contradict each other, and settle which network is meant."""
    if options.module == "convert" and (options.output is None) == (options.into is None):
        parser.error("convert takes one of -o OUT.safetensors, which describes itself, and --into OUT, its own kind")
    if options.module == "compare":
        check_compare_options(parser, options)
    if options.module in ("run", "open", "recover"):
        check_plain_options(parser, options)
    if options.module == "check" and not (options.assertions or options.checks):
        parser.error("check takes --assert EXPR, or --checks CHECKS, a file of them")
    if options.module == "find":
        check_find_options(parser, options)
    if options.module == "serve":
        check_serve_options(parser, options)
    if options.module == "train":
        train_options.check(parser, options)
    if options.module == "cells" and (options.action == "list") != (options.cell is None):
        parser.error(f"cells {options.action} takes {'no' if options.action == 'list' else 'a'} CELL")
    if "model" not in options or "seed" not in options:
        if getattr(options, "tokens", None) is not None and getattr(options, "vocabulary", "") is None:
            parser.error("--tokens belongs to a --vocabulary: add one")
        return
    given = [name for name in _UNTRAINED if getattr(options, name) is not None]
    options.untrained = bool(given)
    if options.module == "run":
        check_follow_options(parser, options)
    if given and options.model is not None:
        parser.error(f"--{given[0]} describes an untrained network, and --model names a trained one: choose")
    edited = ("edits", "chunk", "reset_every")
    if getattr(options, "baseline", False) and all(getattr(options, name) is None for name in edited):
        parser.error("--baseline is the run without --edits: there are none")
    if options.tokens is not None and not given and options.vocabulary is None:
        parser.error("--tokens belongs to an untrained network or a --vocabulary: add --cell lstm")
    told = [name for name in _OF_A_FILE if getattr(options, name) is not None]
    if told and options.model is None:
        parser.error(f"--{told[0]} says how the file of a network is read: add --model")
    if options.layer is not None and given:
        parser.error("--layer takes a layer out of a --model")
    if options.whole and options.line is not None:
        parser.error("--whole makes the file one sequence, so it has no --line")
