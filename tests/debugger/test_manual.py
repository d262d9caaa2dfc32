"""The manual: every topic is found, told as plain text that fits, and never in the way of a verb."""

from __future__ import annotations

import io
import re
from functools import cache

import pytest

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger import manual
from lstm_tui.debugger.commands.dispatch import VERBS, answer, completions
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.tui.commands import COMMANDS


@cache
def opened() -> Session:
    return lstm_tui.session("on wait off", model="tiny")


TOPICS = manual.topics()
EVERY = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


@EVERY
def test_a_topic_is_one_heading_one_sentence_and_text(topic: manual.Topic) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", topic.name)
    assert topic.text.startswith(f"# {topic.title}\n\n")
    assert topic.summary.endswith(".")
    assert len(topic.summary) <= 110
    assert re.findall(r"^# ", re.sub(r"^```.+?^```", "", topic.text, flags=re.M | re.S), re.M) == ["# "]


@EVERY
def test_a_topic_has_no_name_of_a_verb(topic: manual.Topic) -> None:
    assert topic.name not in VERBS.words


@EVERY
def test_a_topic_is_told_by_the_command_and_by_the_verb(
    topic: manual.Topic, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", topic.name]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{topic.title}\n=")
    assert answer(opened(), f"help {topic.name}") == tuple(manual.plain(topic.text))
    fences = {"console", "json", "python", "toml"}
    comments = {word for one in re.findall(r"<!-- .+ -->", topic.text) for word in re.findall(r"\w+", one)}
    assert set(re.findall(r"\w+", topic.text)) - fences - comments <= set(re.findall(r"\w+", told))


@EVERY
@pytest.mark.parametrize("width", [40, 72, 100])
def test_prose_fits_its_width(topic: manual.Topic, width: int) -> None:
    prose = re.sub(r"^(```.+?^```|\|.+?)$", "", topic.text, flags=re.M | re.S)
    longest = max(map(len, prose.split()))
    assert max(map(len, manual.plain(prose, width))) <= max(width, longest + 2)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@EVERY
def test_a_terminal_shows_it_in_its_width(topic: manual.Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", shown := _Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert main(["help", topic.name]) == 0
    assert "\x1b[" in shown.getvalue()
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown.getvalue()).splitlines()
    assert topic.title in {line.strip() for line in lines}
    assert max(map(len, lines)) <= 60
    assert "<!--" not in shown.getvalue()


def test_the_topics_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    told = capsys.readouterr().out
    assert [one.name for one in TOPICS if f"  {one.name} " not in told] == []
    assert answer(opened(), "help topics") == tuple(manual.listed())


def test_the_keys_are_all_there() -> None:
    told = "\n".join(manual.plain(manual.topic("keys").text, 200))
    assert [command.help for command in COMMANDS if command.help not in told] == []


@pytest.mark.parametrize("verb", sorted(verb.name for verb in VERBS))
def test_a_verb_is_told_before_any_topic(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(opened(), f"help {verb}")[0] == VERBS.named(verb).usage
    if verb not in command_names() and manual.find(verb) is None:
        assert main(["help", verb]) == 0
        assert capsys.readouterr().out.startswith(VERBS.named(verb).usage)


@pytest.mark.parametrize("name", sorted(set(command_names()) - {one.name for one in TOPICS}))
def test_help_on_a_command_is_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if manual.find(name) is not None:
        return  # the beginning of a topic's name
    with pytest.raises(SystemExit) as left:
        main(["help", name])
    assert left.value.code == 0
    assert f"usage: lstm-tui {name}" in capsys.readouterr().out


def test_the_beginning_of_a_name_is_enough_and_what_is_near_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert manual.topic("demo").name == "demonstrations"
    assert manual.topic("First Minute").name == "first-minute"
    with pytest.raises(UserError, match="did you mean language"):
        manual.topic("langage")
    assert main(["help", "langage"]) == 1
    assert "did you mean language" in capsys.readouterr().err
    with pytest.raises(UserError, match="did you mean language"):
        answer(opened(), "help langage")
    with pytest.raises(UserError, match="there is no verb"):
        answer(opened(), "help zzzzzzzz")


def test_topics_are_completed() -> None:
    assert "help demonstrations" in completions(opened(), "help demo")


def test_what_a_block_looks_like() -> None:
    text = "# A *b*\n\nsee [this](x.md) and `c`\n\n- one\n  two\n\n"
    text += "| | k |\n|---|---|\n| a | `x\\|y` |\n\n```\n  raw *\n```\n"
    assert manual.plain(text) == [
        "A b", "===", "", "see this and `c`", "", "- one two", "", "     k", "  a  `x|y`", "", "    raw *",
    ]  # fmt: skip
