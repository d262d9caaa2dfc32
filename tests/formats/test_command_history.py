"""Lines that were typed are there again at the next start, whatever the file has become."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_tui.formats.io.command_history import Past


def test_two_sessions_add_to_one_file_and_the_next_reads_both(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "history"
    first, second = Past(path), Past(path)
    for past, line in ((first, "break nan"), (second, "who c[1]"), (first, "break nan"), (first, " n "), (first, "")):
        past.add(line)
    assert first.lines == ["break nan", "n"]
    assert second.lines == ["who c[1]"]
    assert Past(path).lines == ["break nan", "who c[1]", "n"]
    assert path.stat().st_mode & 0o77 == 0


def test_nothing_in_the_file_is_obeyed_by_a_terminal_and_nothing_fails(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b"n\n\x1b]0;x\x07\n\xff\xfe\n\n")
    lines = Past(path).lines
    assert lines[0] == "n"
    assert len(lines) == 3
    assert not any("\x1b" in line for line in lines)
    Past(path).add("find \x1b[2J")
    assert path.read_bytes().count(b"\x1b") == 1
    assert Past(tmp_path).lines == []  # a folder
    Past(tmp_path).add("n")
    Past(path / "below").add("n")


def test_a_long_file_is_shortened_to_its_newest_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_tui.formats.io.command_history._MOST_BYTES", 100)
    monkeypatch.setattr("lstm_tui.formats.io.command_history._MOST", 5)
    path = tmp_path / "history"
    path.write_text("".join(f"goto {n}\n" for n in range(100)))
    assert Past(path).lines == [f"goto {n}" for n in range(95, 100)]
    assert path.read_text().splitlines() == [f"goto {n}" for n in range(95, 100)]
