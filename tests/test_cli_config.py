"""The config file, .ltuirc, keys of one's own and the log: what holds, what is told, and that nothing makes it fail."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.cli.config import default_text
from lstm_tui.cli.main import main
from lstm_tui.cli.user_settings import RC, rc_files
from lstm_tui.debugger import command_log
from lstm_tui.formats.io.config_file import Config, read_config
from lstm_tui.tui import keymap
from lstm_tui.tui.commands import STANDARD, changed_keys, rebound, row_names
from lstm_tui.tui.view_keys import VIEW_KEYS

SMALL = ("--cell", "lstm", "--hidden", "3", "--interpreter", "numpy")
BYTES = st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda one: one.encode("utf-8", "surrogatepass")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a home of its own, which holds a text."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LSTM_TUI_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").touch()
    (tmp_path / "t.txt").write_text("the movie was not bad\n")
    monkeypatch.chdir(tmp_path)
    listeners = list(command_log._listeners)
    yield tmp_path
    command_log._listeners[:] = listeners
    keymap.choose({})


def plain(home: Path, capsys: pytest.CaptureFixture[str], *options: str, lines: str = "print t\n") -> tuple[str, str]:
    """Return what a session line by line says, and what is told beside it."""
    (home / "x.ltui").write_text(lines)
    assert main(["run", str(home / "t.txt"), *SMALL, "--batch", "-x", str(home / "x.ltui"), *options]) == 0
    said = capsys.readouterr()
    return said.out, said.err


def test_the_file_that_is_written_says_nothing_yet_and_has_every_row(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.toml").unlink()
    assert main(["config", "--write"]) == 0
    assert (home / "config.toml").read_text() == default_text()
    assert read_config().problems == ()
    assert main(["config", "--write"]) == 1
    uncommented = [line.removeprefix("# ").split("  #")[0] for line in default_text().splitlines()[2:]]
    (home / "config.toml").write_text("\n".join(uncommented).replace("[keys]   ", "[keys] #"))
    config = read_config()
    assert config.problems == ()
    inside = {f"{view}.{key}" for view, keys in VIEW_KEYS.items() for key in keys}
    assert set(config.keys) == set(row_names()) | inside
    assert rebound(config.keys)[1] == ()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('theme = "blue"', ":1: `theme` is dark or light"),
        ('\nlevl = "expert"', ":2: there is no setting `levl`; did you mean level?"),
        ("level = 3", ":1: `level` is beginner or expert"),
        ("safe = 3", ":1: `safe` is a list of folders"),
        ("keys = 3", ":1: `keys` is a table"),
        ("[keys]\ntoken = []", ":2: `token` is a key or a list of keys"),
        ("theme", "config.toml:1"),
        ("[keys]\ntoken = [" + "[" * 500, "nested deeper"),
        ("a." * 5000, "dotted keys"),
    ],
)
def test_what_is_wrong_is_one_line_and_the_rest_holds(
    home: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (home / "config.toml").write_text(text)
    assert told in "\n".join(read_config().problems)
    out, err = plain(home, capsys)
    assert "t = 0" in out
    assert err.count("\n") == 1
    assert "a line of the config file cannot be used" in err
    assert main(["config"]) == 1, "something is wrong in a file"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("more", [1, 2])
def test_of_several_mistakes_the_first_is_told_and_the_others_are_counted(
    home: Path, capsys: pytest.CaptureFixture[str], more: int
) -> None:
    (home / "config.toml").write_text("\n".join(['theme = "blue"', "level = 3", "safe = 3"][: more + 1]))
    _, err = plain(home, capsys)
    assert err.count("\n") == 1
    assert f"; and {more} more: `lstm-tui config` lists them" in err


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(BYTES)
def test_any_bytes_are_a_config_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    config = read_config(path)
    for line in (*config.problems, *rebound(config.keys)[1]):
        assert "\n" not in line
        assert line.isprintable()


def test_a_folder_a_pipe_and_a_missing_file_are_problems(home: Path) -> None:
    os.mkfifo(home / "pipe")
    for path in (home, home / "pipe", home / "nothing.toml", Path("\0")):
        assert len(read_config(path).problems) == 1
    assert read_config(Path(os.devnull)).problems == ()


def test_what_is_in_a_shut_folder_is_not_said_to_be_nowhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", shut)
    (problem,) = read_config(home / "other.toml").problems
    assert problem.endswith("other.toml: cannot be read: permission denied")


def test_a_folder_is_not_said_to_be_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, missing in ((tmp_path, False), (tmp_path / "none.toml", True)):
        assert main(["config", str(path)]) == 1
        assert ("(not there" in capsys.readouterr().out) is missing


def test_memory_and_the_log_are_those_of_the_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text('memory = "7 apples"\nlog = "~/log.txt"\n')
    _, err = plain(home, capsys)
    assert "is no amount of memory" in err
    log = (home / "log.txt").read_text()
    assert "> print t" in log
    assert "t = 0" in log


# --- keys ---


KEYS = st.sampled_from(
    ["n", "N", "f5", "ctrl+x", "space", "]", "shift+a", "s", "q", "?", "up", "tab", "alt+x", "nokey"]
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from([*row_names(), "nix"]), st.lists(KEYS, min_size=1, max_size=2).map(tuple)))
def test_no_two_rows_have_a_key_and_each_row_has_one(wanted: dict[str, tuple[str, ...]]) -> None:
    table, problems = rebound(wanted)
    keys = [key for command in table for key in command.keys]
    assert len(keys) == len(set(keys))
    assert all(command.keys for command in table)
    assert [one.action for one in table] == [one.action for one in STANDARD]
    assert not set(keys) & keymap.NEEDED.keys()
    unchanged = sum(now.keys == before.keys for now, before in zip(table, STANDARD, strict=True))
    for name, command in zip(row_names(), table, strict=True):
        told = any(f" {name} " in line or f" {name}:" in line or line.startswith(f"keys: {name}") for line in problems)
        if name in wanted and not told:
            assert command.shown == wanted[name][0]
    assert unchanged >= len(STANDARD) - len(wanted)


def test_keys_may_change_places() -> None:
    table, problems = rebound({"token": ("s",), "equation": ("n",)})
    assert problems == ()
    assert {one.word: one.key for one in table if one.word in ("token", "equation") and one.footer} == {
        "token": "s", "equation": "n",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"token": ("s",)}, "token and equation both want s; token keeps n"),
        ({"tokn": ("f5",)}, "there is no row `tokn`; did you mean token?"),
        ({"quit": ("escape",)}, "goes back, and stays so"),
        ({"quit": ("alt+q",)}, "with Alt arrives as Escape and a letter"),
        ({"quit": ("\x1b[2J",)}, "is no key"),
    ],
)
def test_a_key_that_cannot_be_is_told(wanted: dict[str, tuple[str, ...]], told: str) -> None:
    table, problems = rebound(wanted)
    assert told in "\n".join(problems)
    assert [one.keys for one in table] == [one.keys for one in STANDARD]
    assert "\x1b" not in "".join(problems)


def test_what_tmux_and_zellij_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMUX", "ZELLIJ", "STY"):
        monkeypatch.delenv(name, raising=False)
    assert len(list(keymap.taken_elsewhere(("ctrl+b",)))) == 2
    assert list(keymap.taken_elsewhere(("ctrl+b",), running_only=True)) == []
    monkeypatch.setenv("TMUX", "1")
    assert list(keymap.taken_elsewhere(("ctrl+b",), running_only=True)) == [
        "ctrl+b is tmux's own, and does not arrive inside it"
    ]


def test_the_table_of_the_tests_is_the_standard_one() -> None:
    assert changed_keys() == ()


# --- .ltuirc ---


def test_lines_of_the_home_begin_a_session(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / RC).write_text("define gates\nprint mean(f) > 0\nend\nset $x = 3\necho hello\n")
    out, _ = plain(home, capsys, lines="gates\nprint $x\n")
    assert "hello" in out
    assert "mean(f) > 0 = true" in out
    assert "$x = 3" in out
    assert "end" not in out
    out, _ = plain(home, capsys, "--no-rc", lines="show user\n")
    assert "no words of your own yet" in out
    (home / RC).write_text("nonsense\nset $x = 3\n")
    out, _ = plain(home, capsys, lines="show convenience\n")
    assert f"{RC}:1: there is no verb `nonsense`" in out
    assert "no variables yet" in out
    (home / RC).write_text("define half\n")
    assert "has no `end`" in plain(home, capsys)[0]


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_file_that_others_may_write_is_not_executed(
    home: Path, capsys: pytest.CaptureFixture[str], mode: int
) -> None:
    (home / RC).write_text("echo executed\n")
    (home / RC).chmod(mode)
    out, _ = plain(home, capsys)
    assert "is not executed: others may write it" in out
    assert "executed\n" not in out.replace("not executed", "")


def test_a_folder_is_executed_where_its_user_said_so(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "clone"
    folder.mkdir()
    (folder / RC).write_text("echo executed\n")
    monkeypatch.chdir(folder)
    assert "the config file does not say that it is safe" in plain(home, capsys)[0]
    (home / "config.toml").write_text('safe = ["~/clone"]\n')
    assert "executed" in plain(home, capsys)[0].splitlines()
    folder.chmod(0o777)
    assert "others may write to its folder" in plain(home, capsys)[0]


def test_of_somebody_else_nothing_is_executed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / RC).write_text("echo executed\n")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert [one.why_not for one in rc_files(Config(home))] == ["it belongs to somebody else"]
    (home / RC).unlink()
    os.mkfifo(home / RC)
    assert [one.why_not for one in rc_files(Config(home))] == ["it is no file"]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(data=BYTES)
def test_any_bytes_may_begin_a_session(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    home = tmp_path_factory.getbasetemp()
    (home / RC).write_bytes(data.replace(b"\n", b"\nprint "))
    (home / RC).chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.chdir(home)
        (home / "t.txt").write_text("bad movie\n")
        (home / "x.ltui").write_text("print t\n")
        assert main(["run", "t.txt", *SMALL, "--batch", "-x", "x.ltui"]) == 0


def test_what_ltuirc_made_is_no_work_to_lose(home: Path) -> None:
    from edited_networks import sentence, stacked

    from lstm_tui.cli.user_settings import beginning
    from lstm_tui.debugger.autosave import has_work
    from lstm_tui.debugger.session import Session
    from lstm_tui.debugger.source import Source

    (home / RC).write_text("break 1\ndisplay t\nset $x = 1\nalias a = print t\n")
    network = stacked()
    session = Session.open(Source(network, [sentence(network, "the movie")]))
    begin = beginning(Config(home))
    assert begin is not None
    begin(session)
    assert not has_work(session)
    session.breakpoints.enable(1, False)
    assert has_work(session)


# --- the log ---


def test_the_log_holds_what_was_typed_and_answered(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "l.txt").write_text("before\n")
    plain(home, capsys, "--log", "l.txt", lines="echo \x1b[2J\nprint mean(f) > 0\ndefine a\nend\na\n")
    log = (home / "l.txt").read_text()
    assert log.startswith("before\n")
    assert "\x1b" not in log
    assert "> print mean(f) > 0\n  $1 = mean(f) > 0 = true\n" in log
    for path in ("gone/l.txt", ".", "\udcff" * 300):
        command_log._listeners.clear()
        assert main(["run", "t.txt", *SMALL, "--batch", "-x", "x.ltui", "--log", path]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_a_saved_session_writes_no_log(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "s.ltui").write_text(f"# lstm-tui session\n# command: run {home / 't.txt'} --log {home / 'made.txt'}\n")
    assert main(["open", "s.ltui", "--plain"]) == 1
    assert "writes a log" in capsys.readouterr().err
    assert not (home / "made.txt").exists()


def test_the_settings_are_told_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text('theme = "light"\n[keys]\ntoken = "ctrl+b"\n')
    assert main(["config", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["theme"] == "light"
    assert said["keys"] == {"token": ["ctrl+b"]}
    assert len(said["clashes"]) == 2


def test_what_is_wrong_in_the_file_is_told_as_json_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same lines as without --json, whatever it is that is wrong."""
    for wrong in ('memory = "7 apples"', 'theme = "pink"', '[keys]\ntoken = "nonsense key"', "no = 1"):
        (home / "config.toml").write_text(f"{wrong}\n")
        assert main(["config", "--json"]) == 1, wrong
        problems = json.loads(capsys.readouterr().out)["problems"]
        assert main(["config"]) == 1
        told = " ".join(capsys.readouterr().out.split())
        assert problems, wrong
        assert all(" ".join(str(one).split()) in told for one in problems), (wrong, problems, told)
