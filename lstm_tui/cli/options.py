"""The options that several commands share, each defined once, and what their values may be.

Nothing but argparse and the standard library is imported, so that `--help` comes at once.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lstm_tui.analysis.search_defaults import MOST_FOUND, PERMUTATION_SEED, PERMUTATIONS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import axis_end, sentence
from lstm_tui.engine.runtime.memory_budget import bytes_of
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.file_endings import ANY_SERIES
from lstm_tui.serving.limits import Limits

LARGEST_HIDDEN = 16_384


def natural(least: int, most: int = 10**9) -> Callable[[str], int]:
    """Return the reader of a whole number."""

    def read(text: str) -> int:
        number = whole_number(text, least, most)
        if number is None:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return number

    return read


_ENTRY = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){1,2}")


def unit_or_name(text: str) -> int | str:
    """Return the number of a unit, or a name that may be one's; row and column of a matrix, `2,3`, stay a text."""
    if (text.isidentifier() and text.isascii()) or _ENTRY.fullmatch(text):
        return text
    return natural(0)(text)


def real(least: float, most: float, above: bool = False) -> Callable[[str], float]:
    """Return the reader of a number; `above` refuses the least itself."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most or (above and number == least):
            reach = f"{'above' if above else 'from'} {axis_end(least)} {'and up ' * above}to {axis_end(most)}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a number {reach}")
        return number

    return read


def size(text: str) -> tuple[str, int]:
    """Read a free size of a cell, such as `P=32`."""
    letter, sign, number = text.partition("=")
    if not (sign and len(letter) == 1 and letter.isascii() and letter.isupper()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write a capital letter and a number, such as P=32")
    return letter, natural(1, LARGEST_HIDDEN)(number)


def screen(parser: argparse.ArgumentParser) -> None:
    """Add the options of the screen."""
    theme = parser.add_mutually_exclusive_group()
    theme.add_argument("--light", action="store_true", help="begin with the light theme")
    theme.add_argument("--dark", action="store_true", help="take the dark theme, whatever the config file says")


def add_start_options(parser: argparse.ArgumentParser) -> None:
    """Add what a session begins with, and what is kept of it."""
    parser.add_argument("--no-rc", dest="rc", action="store_false", help="do not execute the lines of .ltuirc")
    parser.add_argument("--log", metavar="LOG", help="add what is typed and answered to the end of a file")


def names(text: str) -> list[str]:
    """Read a list of names with commas between them."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names, such as rnn,lstm,gru")
    return found


def setting(text: str) -> tuple[str, str]:
    """Return a decision about a network's file, `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as layer0.gate_order=zrn")
    return key, value


def padding(text: str) -> tuple[str, int]:
    """Return where a text is filled up, and to how many tokens: `pre:100`."""
    where, _, count = text.partition(":")
    if where not in ("pre", "post"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a padding: write pre:100 or post:100")
    from lstm_tui.formats.importers.open import MOST_PADDED

    return where, natural(1, MOST_PADDED)(count)


def memory(text: str) -> int:
    """Return how many bytes an amount of memory is, such as `500M` or `2G`."""
    try:
        return bytes_of(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


LEAST_DIGITS, MOST_DIGITS = 2, 6


def add_worksheet(parser: argparse.ArgumentParser) -> None:
    """Add the options of `worksheet`."""
    _add_file(parser)
    sheet = parser.add_argument_group("the sheet")
    sheet.add_argument(
        "-o", "--output", metavar="OUT", default="-",
        help="a .md or .html file; without it, or as `-`, Markdown goes to standard output",
    )  # fmt: skip
    sheet.add_argument("--steps", metavar="A:B", default="0:3", help="these places on the tape, from 0 (default: 0:3)")
    sheet.add_argument("--blanks", action="store_true", help="blanks to fill in, and the answers after them")
    sheet.add_argument(
        "--digits", type=natural(LEAST_DIGITS, MOST_DIGITS), default=3, metavar="N",
        help="decimal places to which everything is rounded (default: 3)",
    )  # fmt: skip


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    _add_file(parser)
    report = parser.add_argument_group("the report")
    report.add_argument(
        "-o", "--output", metavar="OUT", default="-",
        help="an .html or .md file; without it, or as `-`, a page of HTML goes to standard output",
    )  # fmt: skip
    report.add_argument("--steps", metavar="A:B", help="these places on the tape, from 0 (default: the first 40)")
    report.add_argument(
        "--units",
        metavar="A:B,…",
        help="these units of every pass, from 0 (default: the 8 with the largest memory at its last step)",
    )
    report.add_argument(
        "--pass", dest="passes", type=names, metavar="NAMES", help="these passes, such as layer0.forward (default: all)"
    )


def add_figure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `figure`."""
    _add_file(parser)
    figure = parser.add_argument_group("the figure")
    figure.add_argument(
        "-o", "--output", metavar="OUT", default="-",
        help="an .svg or .png file, or .html that is stepped with the arrow keys; as `-`, SVG goes to standard output",
    )  # fmt: skip
    figure.add_argument("--steps", metavar="A:B", help="these places on the tape, from 0 (default: all)")
    figure.add_argument("--pass", dest="pass_name", metavar="NAME", help="this pass (default: the first)")
    figure.add_argument(
        "--unit",
        type=unit_or_name,
        metavar="U",
        help="this unit, from 0 or by its name (default: the largest memory at the end)",
    )
    figure.add_argument("--title", metavar="TEXT", help="above the picture (default: network and unit)")


def json_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--json` to a command that answers in a table."""
    parser.add_argument("--json", action="store_true", help=f"{what} as JSON, to standard output")


def add_reach(parser: argparse.ArgumentParser) -> None:
    """Add the options of `reach`."""
    _add_file(parser)
    parser.add_argument(
        "--beside", type=names, metavar="A,B,…",
        help="networks that read the same, side by side (default without --model and FILE: the recall networks)",
    )  # fmt: skip
    json_option(parser, "every number")


def add_stats(parser: argparse.ArgumentParser) -> None:
    """Add the options of `stats`."""
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help=f"a text, or numbers as {ANY_SERIES}; or a folder of them (default: the sample of the network)",
    )  # fmt: skip
    json_option(parser, "every number")
    add_many(parser)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help=f"a text, or numbers as {ANY_SERIES} (default: the sample of the network)",
    )  # fmt: skip


_COMPARE_EPILOG = """\
examples:
  lstm-tui compare sample.txt --model sentiment --model sentiment-forward
  lstm-tui compare story.txt --model story --edits mine.txt     before and after edits
  lstm-tui compare notes.txt --model early.safetensors --model late.safetensors | less
  lstm-tui compare sample.txt --model verdict-lstm --model verdict-gru --model verdict-relu    up to 8, in lockstep
"""


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of the command."""
    parser.epilog, parser.formatter_class = _COMPARE_EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", help=f"a text, or numbers as {ANY_SERIES}")
    parser.add_argument("--plain", action="store_true", help="a table, as where standard output is no terminal")
    parser.add_argument(
        "--ask", metavar="EXPR", action="append",
        help="of checkpoints, which --model names as a folder or a pattern such as 'ckpt/*.pt': when it changed",
    )  # fmt: skip
    json_option(parser, "both runs, token by token,")
    screen(parser)


def check_compare_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what is not two runs or more."""
    from lstm_tui.debugger.inspect.lockstep import MOST_RUNS

    models = options.model or []
    if options.ask or (len(models) == 1 and is_several(models[0])):
        if len(models) != 1:
            parser.error("--ask takes one --model, a folder of checkpoints or a pattern such as 'ckpt/*.pt'")
        if not options.ask:
            parser.error("these are checkpoints: ask something of each, as in --ask 'mean(f)' --ask 'b_f[7] > 0'")
        return
    if len(models) > MOST_RUNS:
        parser.error(f"--model is given {MOST_RUNS} times at most")
    if len(models) < 2 and options.edits is None:
        parser.error("two runs are compared, or more: give --model twice, or --edits")
    if options.file == "-" and not options.plain:
        options.plain = True


def is_several(model: str) -> bool:
    """Say whether a model is named as a folder or a pattern of files, and so may be several."""
    return not Path(model).is_file() and (Path(model).is_dir() or any(sign in model for sign in "*?["))


def add_follow_options(run: argparse.ArgumentParser) -> None:
    """Add it."""
    run.add_argument(
        "--follow", action="store_true",
        help="read standard input as it grows, as one sequence (default network: sentiment-forward; untrained: bytes)",
    )  # fmt: skip


def check_follow_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what contradicts it."""
    if not options.follow:
        return
    if options.file != "-":
        file = options.file or "FILE"
        parser.error(f"--follow reads standard input as it grows: tail -f {file} | lstm-tui run - --follow")
    for name in ("whole", "line", "carry"):
        if getattr(options, name) not in (None, False):
            parser.error(f"--follow reads what comes as one sequence, so it has no --{name}")
    if options.untrained and options.tokens not in (None, "bytes"):
        parser.error(f"--cell with --follow reads bytes: all {options.tokens} of a text are known only at its end")


def add_plain_options(run: argparse.ArgumentParser) -> None:
    """Add what makes `run` a session line by line."""
    group = run.add_argument_group("without the screen")
    group.add_argument(
        "--plain", action="store_true", help="a session line by line: for screen readers, pipes, scripts"
    )
    group.add_argument(
        "-x", dest="script", metavar="SCRIPT", action="append", help="execute a file of commands, then stay"
    )
    group.add_argument("--batch", action="store_true", help="leave after -x; exit code 3 after a stop")


def add_check(check_plain_options: argparse.ArgumentParser) -> None:
    """Add what `check` asserts of which files."""
    check_plain_options.add_argument(
        "files", metavar="FILE", nargs="+", help=f"texts, or numbers as {ANY_SERIES}; or a folder of them"
    )
    check_plain_options.add_argument(
        "--assert", dest="assertions", metavar="EXPR", action="append",
        help="""what holds at every step, such as 'not any(isnan(c))' or 'share("not", at="bad") > .4'""",
    )  # fmt: skip
    json_option(check_plain_options, "counts and failures")
    check_plain_options.add_argument(
        "--junit", metavar="OUT.xml", help="every assertion on every line as JUnit's XML, for a build server"
    )
    check_plain_options.add_argument(
        "--pass", dest="pass_name", metavar="NAME", help="the pass that names without one belong to"
    )
    check_plain_options.add_argument(
        "--checks", metavar="CHECKS", help="a file of assertions, a line each; behind a text in quotes, of that text"
    )
    add_many(check_plain_options)


def add_many(parser: argparse.ArgumentParser) -> None:
    """Add how much is done at once, where it is kept, and who does it."""
    _add_who_works(parser, keeps=True)


def _add_who_works(parser: argparse.ArgumentParser, keeps: bool) -> None:
    many = parser.add_argument_group("many lines, files of a folder")
    many.add_argument(
        "--jobs", type=natural(1, 1024), metavar="N", help="processes that work (default: one a core where it pays)"
    )
    many.add_argument(
        "--scheduler", metavar="ADDRESS", help="a cluster of Dask does the work, such as tcp://10.0.0.1:8786"
    )
    if keeps:
        many.add_argument("--resume", metavar="KEPT", help="keep what is done in a file, and go on from what it holds")


def add_find(parser: argparse.ArgumentParser) -> None:
    """Add what `find` asks of which files."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help=f"texts, or numbers as {ANY_SERIES}; or a folder of them"
    )
    asked = parser.add_argument_group("what is asked, one of")
    asked.add_argument(
        "--like", metavar="RANGE", help="where else units behave as here, such as 'c[3:9] @ 12:15' of the first file"
    )
    asked.add_argument("--where", metavar="CONDITION", help="where units are, such as 'c[7] > 0.5 and f[3] < 0.1'")
    asked.add_argument("--gates", action="store_true", help="the tokens that open and shut each gate most")
    asked.add_argument("--follows", metavar="REGEX", help="the units that follow what a regular expression matches")
    asked.add_argument(
        "--labels", metavar="TAGS", help="the units that follow a column: a line a token with its label behind a tab"
    )
    parser.add_argument("--tag", metavar="LABEL", help="of --labels, the label that is followed (default: numbers)")
    parser.add_argument("--pass", dest="pass_name", metavar="NAME", help="the pass that is meant (default: the first)")
    parser.add_argument("--value", metavar="NAME", help="of --follows and --labels, the value (default: the memory)")
    parser.add_argument("--unit", type=natural(0), metavar="N", help="of --gates, one unit, not the mean of all")
    parser.add_argument("--top", type=natural(1, 10_000), metavar="N", help=f"places told (default: {MOST_FOUND})")
    parser.add_argument(
        "--permutations", type=natural(19, 100_000), metavar="N",
        help=f"of the labels (default: {PERMUTATIONS})",
    )  # fmt: skip
    parser.add_argument(
        "--permutation-seed", dest="seed_of", type=natural(0), metavar="N",
        help=f"of these (default: {PERMUTATION_SEED})",
    )  # fmt: skip
    parser.add_argument(
        "--index",
        metavar="DIR",
        help="keep the states in this folder, for the next question, and go on with one that was cut off",
    )
    _add_who_works(parser, keeps=False)
    json_option(parser, "the answer")


def check_find_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse a search that asks nothing, two things, or something with what means nothing to it."""
    asked = [name for name in ("like", "where", "follows", "labels") if getattr(options, name) is not None]
    asked += ["gates"] * options.gates
    if len(asked) != 1:
        told = " and ".join(f"--{name}" for name in asked) or "nothing is asked"
        parser.error(f"{told}: find takes one of --like, --where, --gates, --follows and --labels")
    for option, (name, of, default) in GOES_WITH.items():
        if getattr(options, name) is None:
            setattr(options, name, default)
        elif asked[0] not in of:
            parser.error(f"{option} goes with {' or '.join(f'--{one}' for one in of)}")


GOES_WITH: Mapping[str, tuple[str, tuple[str, ...], int | None]] = {
    "--line": ("line", ("like",), None),
    "--unit": ("unit", ("gates",), None),
    "--tag": ("tag", ("labels",), None),
    "--value": ("value", ("follows", "labels"), None),
    "--top": ("top", ("like", "where"), MOST_FOUND),
    "--permutations": ("permutations", ("follows", "labels"), PERMUTATIONS),
    "--permutation-seed": ("seed_of", ("follows", "labels"), PERMUTATION_SEED),
}
"""Options of `find`: where each is kept, the questions it means something to, and what it is where it is not given."""


def check_plain_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse options that contradict each other; a script alone means the plain mode."""
    if options.batch and not options.script:
        parser.error("--batch executes a script: add -x SCRIPT")
    options.plain = options.plain or bool(options.script)


def add_recover_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which work is meant, and what becomes of it."""
    parser.add_argument(
        "number", metavar="N", nargs="?", type=natural(1), help="which of them to resume; without it, they are listed"
    )
    parser.add_argument("--forget", action="store_true", help="discard it instead; without N, discard all of them")
    add_plain_options(parser)
    screen(parser)
    parser.set_defaults(file=None)


PORT = 8000
OWN = {
    "--host": 1, "--allow-host": 1, "--port": 1, "--files": 0,
    "--visitors": 1, "--idle": 1, "--memory": 1, "--processor": 1,
}  # fmt: skip
"""Options of the server, with the words behind each; all others are those of the debugger."""
_SERVE_EPILOG = """\
examples:
  lstm-tui serve                                  the bundled sample, for a browser on this computer
  lstm-tui serve review.txt --model sentiment     every option of `run` that says what is read
  lstm-tui serve --tour forget                    a lesson; without a name, the list of them
  lstm-tui serve --host 0.0.0.0 --visitors 20     for a class: give them the address that is printed

The address ends in a token; whoever has it may come in, and nobody else. It is another one at every start.
"""


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of the command."""
    parser.epilog, parser.formatter_class = _SERVE_EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "file", metavar="FILE", nargs="?",
        help=f"a text, or numbers as {ANY_SERIES} (default: the network's sample)",
    )  # fmt: skip
    group = parser.add_argument_group("the server")
    group.add_argument("--host", default="127.0.0.1", metavar="H", help="where it listens (default: 127.0.0.1)")
    group.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name that visitors reach it by; may be given several times",
    )  # fmt: skip
    group.add_argument(
        "--port", type=natural(0, 65535), metavar="N", help=f"0 takes a free one (default: {PORT}, or a free one)"
    )
    group.add_argument(
        "--visitors", type=natural(1, 1000), default=8, metavar="N",
        help="how many at once; each is a process of 150 to 300 MB (default: 8)",
    )  # fmt: skip
    limits = Limits()
    group.add_argument(
        "--idle", type=real(0, 100_000, above=True), default=limits.idle, metavar="MINUTES",
        help=f"without a key, after which a visitor's place is free again (default: {sentence(limits.idle)})",
    )  # fmt: skip
    group.add_argument(
        "--memory", type=real(0.5, 1000), default=limits.memory, metavar="GB",
        help=f"that a visitor's process may hold, on Linux (default: {sentence(limits.memory)})",
    )  # fmt: skip
    group.add_argument(
        "--processor", type=real(0, 100_000, above=True), default=limits.processor, metavar="MINUTES",
        help=f"of processor time that a visitor may use, on Linux (default: {sentence(limits.processor)})",
    )  # fmt: skip
    group.add_argument(
        "--files", action="store_true", help="let visitors from other computers read and write files as you can"
    )
    group.add_argument(
        "--tour", nargs="?", const="", metavar="LESSON", help="lessons instead of an input: the list, or one of them"
    )


def check_serve_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse an input beside the lessons, which bring their own."""
    if options.tour is None:
        return
    words = options.given[1:]
    own = {*OWN, "--tour", "--debug", "--light"}
    others = [word for word in words if word.startswith("--") and word.partition("=")[0] not in own]
    if options.file is not None or others:
        parser.error(f"--tour brings its own networks and texts: leave {options.file or others[0]} out")
