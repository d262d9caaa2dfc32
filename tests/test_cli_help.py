"""The short help and the long one, and the page for `man`: made of the parser, so that nothing is left out."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from lstm_tui.cli.arguments import whole_parser
from lstm_tui.cli.main import main
from lstm_tui.cli.man_page import man_page
from lstm_tui.version import __version__

PARSER = whole_parser()


def options_of(name: str) -> tuple[set[str], set[str]]:
    """Return the options of a command: its own, and those it shares."""
    own: set[str] = set()
    shared: set[str] = set()
    for group in PARSER.commands[name]._action_groups:
        words = {word for action in group._group_actions for word in action.option_strings}
        (shared if group.title in PARSER.commands[name].shared else own).update(words)
    return own, shared


@pytest.mark.parametrize("name", PARSER.commands)
def test_the_short_help_explains_what_is_its_own_and_names_the_rest(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own, shared = options_of(name)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    short = capsys.readouterr().out
    condensed = "".join(short.split())  # lines are broken at hyphens too
    assert all(word in condensed for word in own | {one for one in shared if one.startswith("--")})
    explained = {line.split()[0].rstrip(",") for line in short.splitlines() if line.startswith("  -")}
    assert not explained & shared - own
    if shared:
        with pytest.raises(SystemExit):
            main([name, "--help-all"])
        assert len(capsys.readouterr().out) > len(short)
        assert short.count("\n") < PARSER.commands[name].format_help().count("\n")


def test_the_page_for_man_has_every_command_and_option_once() -> None:
    page = man_page()
    assert page.isascii()
    for name in PARSER.commands:
        assert page.count(f".SS {name}\n") == 1
        own, shared = options_of(name)
        for word in own | shared:
            assert word.replace("-", "\\-") in page
    for word in ("--dtype", "--initial", "--carry"):
        assert page.count("\\fB" + word.replace("-", "\\-") + "\\fR") == 1


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_groff_warns_of_nothing() -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"], input=man_page(), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    assert "lstm-tui" in done.stdout


def test_the_page_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "--man"]) == 0
    assert capsys.readouterr().out == man_page()


_ESCAPES = re.compile(r"\\(?:e|&|-|\(aq|\(ga|f[BIR]|\[u(?P<code>[0-9A-F]{4,6})\])")
_SIGNS = {r"\e": "\\", r"\-": "-", r"\(aq": "'", r"\(ga": "`"}


def printed(line: str) -> str:
    """Return a line of roff as it is printed: what a reader sees of its escapes."""
    return _ESCAPES.sub(lambda at: chr(int(at["code"], 16)) if at["code"] else _SIGNS.get(at[0], ""), line)


def paragraphs(page: str) -> list[str]:
    """Return what a page of roff prints: filled text in one line each, and lines that are not filled as they stand."""
    found: list[str] = []
    filled, begins, tag = True, True, False
    for line in page.splitlines():
        if line.startswith("."):
            request, _, rest = line.partition(" ")
            filled = {".nf": False, ".fi": True}.get(request, filled)
            found += [printed(rest)] if rest and request != ".TH" else []
            begins, tag = True, request == ".TP"
        elif not filled:
            found.append(printed(line))
        elif begins or line.startswith(" "):  # a line that is set in begins a paragraph
            found.append(" ".join(printed(line).split()))
            begins, tag = tag, False
        else:
            found[-1] += " " + " ".join(printed(line).split())
    return found


def said_by_the_parser() -> Iterator[str]:
    """Yield every sentence and example that the parser has, as a person reads it in one line."""
    yield " ".join(f"{PARSER.description} Without a command it steps through the bundled sample.".split())
    for command in PARSER.commands.values():
        yield " ".join((command.description or "").split())
        actions: list[argparse.Action] = [action for group in command._action_groups for action in group._group_actions]
        yield from (" ".join((one.help or "").replace("%%", "%").split()) for one in actions)


def test_the_page_for_man_prints_every_sentence_whole_and_every_example_as_it_is_typed() -> None:
    page = man_page()
    read = paragraphs(page)
    missing = [one for one in said_by_the_parser() if one and one != argparse.SUPPRESS and one not in read]
    assert missing == []
    assert not [one for one in page.splitlines() if one.startswith("'")], "a request of roff"
    examples = (PARSER.epilog or "").splitlines()[1:]
    assert examples
    assert read[-len(examples) :] == examples
    assert f'"lstm\\-tui {__version__}"' in page.splitlines()[0]
