"""Signs of ours on a stream that cannot write them: each has a form in ASCII, and what is drawn keeps its columns."""

import io
import sys
from pathlib import Path

import pytest

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.ascii_forms import ASCII_FORMS, READABLE
from lstm_tui.tui.canvas.palette import ASCII

_DRAWN = [sign for sign in ASCII_FORMS if 0x2500 <= ord(sign) < 0x2600]
_MANUAL = Path(lstm_tui.__file__).parent / "manual"


def written(text: str, encoding: str) -> str:
    made = io.BytesIO()
    stream = io.TextIOWrapper(made, encoding=encoding, errors=READABLE)
    stream.write(text)
    stream.flush()
    return made.getvalue().decode(encoding)


@pytest.mark.parametrize("sign", ASCII_FORMS)
def test_a_sign_has_a_form_in_ascii_where_it_cannot_be_written(sign: str) -> None:
    assert ASCII_FORMS[sign].isascii()
    assert written(f"a{sign}b{sign}", "ascii") == f"a{ASCII_FORMS[sign]}b{ASCII_FORMS[sign]}"
    assert written(sign, "utf-8") == sign
    assert sign not in _DRAWN or len(ASCII_FORMS[sign]) == 1, "a drawing keeps its columns"


def test_what_a_stream_can_write_stays_and_a_letter_of_a_language_is_told_by_its_number() -> None:
    assert written("café “é” → 0", "latin-1") == 'café "é" -> 0'
    assert written("é", "ascii") == "\\xe9"


def test_the_screen_has_the_same_forms() -> None:
    for sign, form in ASCII_FORMS.items():
        assert ASCII.say(sign) == ("~" if sign == "…" else form)


def test_a_session_of_a_terminal_without_our_signs_has_none_of_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.txt").write_text("The movie was not bad")
    made = io.BytesIO()
    lines = "p f[3]\nset f[3] = 0\ndiagram\nlist\ninfo values\nhealth\nreach\nwhy\nedits\np caf\xe9\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode("latin-1")), encoding="ascii"))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(made, encoding="ascii", errors="strict"))
    assert main(["run", str(tmp_path / "t.txt"), "--plain", "--model", "sentiment"]) == 1
    sys.stdout.flush()
    said = made.getvalue().decode("ascii")
    assert 't=0 "The", layer0.forward' in said
    assert "0.76 -> 0.00" in said
    assert "\\u" not in said


def test_every_page_of_the_manual_can_be_read_without_our_signs() -> None:
    for page in sorted(_MANUAL.glob("*.md")):
        text = "".join(line for line in page.read_text(encoding="utf-8") if not line.isalpha())
        missing = {sign for sign in text if not sign.isascii() and sign not in ASCII_FORMS}
        assert not missing, f"{page.name}: {missing}"
