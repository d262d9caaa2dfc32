"""The short help and the long one, and the page for `man`: made of the parser, so that nothing is left out."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lstm_tui.cli.arguments import whole_parser
from lstm_tui.cli.main import main
from lstm_tui.cli.man_page import man_page

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
