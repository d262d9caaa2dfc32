"""What a user has chosen is there at the next start, and a file that cannot be used is no reason to fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_tui.engine import setbacks
from lstm_tui.formats.io.preferences import EXPERT, Preferences


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([EXPERT, "other", "third"]), st.booleans()), max_size=6))
def test_what_was_chosen_last_is_read_again(tmp_path: Path, chosen: list[tuple[str, bool]]) -> None:
    path = tmp_path / "deep" / "settings"
    path.unlink(missing_ok=True)
    for name, on in chosen:
        Preferences(path).turn(name, on)
    for name in (EXPERT, "other", "third", "never"):
        last = [on for one, on in chosen if one == name]
        assert Preferences(path).is_on(name) == (bool(last) and last[-1])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"expert", b"= on", b"expert = maybe", b"\x1b[2J = on\n" * 9999])
def test_what_is_no_setting_is_off(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings"
    path.write_bytes(content)
    assert not Preferences(path).is_on(EXPERT)


def test_what_cannot_be_kept_holds_for_this_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    chosen = Preferences(tmp_path / "file" / "settings")
    with setbacks.told_by(lambda line: None):
        chosen.turn(EXPERT, True)
    assert chosen.is_on(EXPERT)
