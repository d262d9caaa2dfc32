"""The typed words for stopping, going on and asking: what they answer, and what they refuse."""

from __future__ import annotations

import re

import numpy as np
import pytest
from edited_networks import sentence, stacked

from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

TEXT = "The movie was not bad , not bad good"


def opened() -> Session:
    network = stacked()
    return Session.open(Source(network, [sentence(network, TEXT), sentence(network, "not good")]))


@pytest.fixture
def session() -> Session:
    return opened()


def test_a_session_by_gdb_s_words(session: Session) -> None:
    assert answer(session, 'b "not"') == ('breakpoint 1: token == "not", in layer0.forward',)
    assert answer(session, "c") == ('breakpoint 1: token == "not"', "t=3 “not”, layer0.forward")
    assert answer(session, "continue")[1] == "t=6 “not”, layer0.forward"
    assert answer(session, "rc")[1] == "t=3 “not”, layer0.forward"
    assert answer(session, "c 5") == ("end of the pass", "t=8 “good”, layer0.forward")
    assert answer(session, "reverse-continue 9")[0] == "start of the pass"
    assert answer(session, "s") == ("t=0 “The”, layer0.forward, after `f = sigmoid(W_f @ x + U_f @ h + b_f)`",)
    assert "inside `i = " in answer(session, "si")[0]
    assert answer(session, "fin") == ("t=0 “The”, layer0.forward",)
    assert answer(session, "n 2") == ("t=2 “was”, layer0.forward",)
    assert answer(session, "rn") == ("t=1 “movie”, layer0.forward",)
    assert answer(session, "until bad")[1] == "t=3 “not”, layer0.forward"  # a breakpoint comes first
    assert answer(session, "until bad")[1] == "t=4 “bad”, layer0.forward"
    assert answer(session, "line 2") == ("t=0 “not”, layer0.forward",)


def test_breakpoints_are_listed_and_changed(session: Session) -> None:
    for line in ('b "bad"', "watch c[1] by .2", "tb c", "b 2"):
        answer(session, line)
    assert answer(session, "disable 2 4") == ("disabled: 2, 4",)
    assert answer(session, "ignore 1 3") == ('breakpoint 1: token == "bad", in layer0.forward, ignored 3 more times',)
    assert answer(session, "condition 3 t > 5") == ("breakpoint 3: c if t > 5, in layer0.forward, once",)
    assert answer(session, "condition 3") == ("breakpoint 3: c, in layer0.forward, once",)
    assert answer(session, "condition 1 t > 5")[0].startswith('breakpoint 1: token == "bad" if t > 5, in')
    assert answer(session, "cond 1 if t < 4")[0].startswith('breakpoint 1: token == "bad" if t < 4, in')  # instead
    assert answer(session, "condition 1")[0].startswith('breakpoint 1: token == "bad", in')
    assert answer(session, "condition 2 t > 1")[0].startswith("watch 2: c[1] by .2 if t > 1, in")
    assert answer(session, "rebreak 4 mean(f) < 2") == ("breakpoint 4: mean(f) < 2, in layer0.forward, disabled",)
    assert answer(session, "rebreak 2 c[0]") == ("watch 2: c[0], in layer0.forward, disabled",)
    assert len(answer(session, "info break")) == 4
    assert answer(session, "info watch") == ("watch 2: c[0], in layer0.forward, disabled",)
    answer(session, "c")
    assert [one.number for one in session.breakpoints] == [1, 2, 4]  # the temporary one is gone
    assert answer(session, "clear all") == ("taken away: 1, 2, 4",)
    assert answer(session, "info b") == ("no breakpoints",)
    assert answer(session, "b") == ("breakpoint 5: t == 0, in layer0.forward",)  # where it stands


@pytest.mark.parametrize("going", ["c", "rc", "until end", "run"])
@pytest.mark.parametrize("where", ["c", "mean(f) > .5", '"not"', "max(c[0], .1) > .1"])
def test_a_text_is_printed_at_every_such_place_and_the_run_goes_on(session: Session, where: str, going: str) -> None:
    plain, found = opened(), []
    again = "rc" if going == "rc" else "c"
    for one in (session, plain) if going == "rc" else ():
        answer(one, "goto end")
    answer(plain, f"break {where}")
    while (stop := answer(plain, again))[0].startswith("breakpoint"):  # one by one, as without it
        t = plain.frame.t
        memory, gate = (answer(plain, f"print {one}")[0].rpartition(" = ")[2] for one in ("c[1]", "mean(f)"))
        found.append(f"t={t} “{plain.frame.trace.sequence.tokens[t]}”: c {memory}, f {gate}")
    assert stop[0].endswith("of the pass")
    assert answer(session, f"dprintf {where}, c {{c[1]}}, f {{mean(f)}}")[0].endswith("prints c {c[1]}, f {mean(f)}")
    reply = answer(session, going)
    assert [" ".join(line.split()) for line in reply[: len(found)]] == [" ".join(line.split()) for line in found]
    assert session.frame.t == plain.frame.t


def test_a_format_of_c_is_filled_as_c_fills_it_at_every_place(session: Session) -> None:
    passed, tokens = session.frame.passed, session.frame.trace.sequence.tokens
    answer(session, r'dprintf c, "f=%.3f %s\n", f[1], token')
    answer(session, 'dprintf c, "%3d|%-6s|%%", t, token')
    expected = []
    for t, token in enumerate(tokens):
        at = f"t={t} “{token}”: "
        expected += [f"{at}f={float(passed['f'][t, 1]):.3f} {token}", f"{at}{t:3d}|{token:<6}|%"]
    assert list(answer(session, "c")[: len(expected)]) == expected


def test_a_format_of_two_lines_prints_two_and_what_is_not_there_is_said(session: Session) -> None:
    answer(session, r'dprintf 3, "one\ntwo %g", f[1][t+99]')
    first, second, *_ = answer(session, "c")
    assert first.endswith(": one")
    assert second == "  two not known: its step does not exist"


@pytest.mark.parametrize("text", ["{t} is 100% done", '"{t} is 100% done"'])
def test_a_percent_sign_beside_values_in_braces_is_itself(session: Session, text: str) -> None:
    answer(session, f"dprintf 3, {text}")
    assert answer(session, "c")[0].endswith(": 3 is 100% done")


def test_what_is_printed_stops_where_a_breakpoint_does(session: Session) -> None:
    answer(session, "dprintf c, {t}")
    answer(session, 'break "not"')
    assert [line[:3] for line in answer(session, "c")] == ["t=0", "t=1", "t=2", "t=3", "bre", "t=3"]
    assert session.breakpoints[1].hits == 4
    assert answer(session, "c")[-2] == 'breakpoint 2: token == "not"'


def test_a_run_that_only_prints_stops_now_and_then(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_tui.debugger.stop_engine.MOST_LOGGED", 3)
    answer(session, "dprintf c, {t}")
    assert [len(answer(session, "c")) for _ in range(4)] == [5, 5, 5, 2]
    assert session.frame.t == 8


@pytest.mark.parametrize("line", ["dprintf", "dprintf c", "dprintf c,", 'dprintf "no, x', "dprintf (c, x",
                                  "dprintf c, %g", 'dprintf c, "%g"', 'dprintf c, "%g", f[0], f[1]',
                                  'dprintf c, "%q", t', 'dprintf c, "%g", cc', "dprintf c, {cc}",
                                  "dprintf cc, x"])  # fmt: skip
def test_what_cannot_be_printed_is_refused(session: Session, line: str) -> None:
    with pytest.raises(UserError):
        answer(session, line)
    assert not len(session.breakpoints)


def test_displays_follow_every_move_and_say_what_changed(session: Session) -> None:
    answer(session, "display token")
    answer(session, "display t > 3")
    assert answer(session, "n")[1:] == ("1: * token = “movie”   was “The”", "2:   t > 3 = false")
    assert answer(session, "goto 4")[-1] == "2: * t > 3 = true   was false"
    assert answer(session, "info display") == ("1: token", "2: t > 3")
    assert answer(session, "where") == ("t=4 “bad”, layer0.forward",)
    answer(session, "undisplay 1")
    assert answer(session, "display") == ("2: * t > 3 = true   was false",)  # asked again at the same stop
    answer(session, "undisplay")
    assert answer(session, "display") == ("no displays",)


def test_print_tells_a_value_and_explains_one_unit(session: Session) -> None:
    passed = session.frame.trace["layer0.forward"]
    answer(session, "goto 3")
    f, c, i, g = (passed[name][3].astype(float) for name in "fcig")
    before = float(passed["c"][2, 1])
    lines = answer(session, "p c[1]")
    assert lines[0] == f"$1 = c[1] = {c[1]:.4g}"
    assert lines[1] == "  c = f · c + i · g"
    assert lines[2] == f"  c[1] = {f[1]:.4g} · {before:.4g} + {i[1]:.4g} · {g[1]:.4g} = {c[1]:.4g}"
    assert lines[3] == f"  terms: f · c {f[1] * before:+.4g}, i · g {i[1] * g[1]:+.4g}"
    weights = stacked().tensors()
    products = {
        "x": weights["layer0.forward/W_f"][0] * passed.inputs["x"][3],
        "h": weights["layer0.forward/U_f"][0] * passed["h"][2],
    }
    largest = answer(session, "p f[0]")[-1]
    for name, each in products.items():  # the inputs do not hide the unit of the step before that weighs most
        unit = int(np.argmax(np.abs(each)))
        assert f"{name}[{unit}] {each[unit]:+.4g}" in largest
    assert lines[4].startswith(f"  f[1] = {f[1]:.4g}, mostly ")  # and what the memory reads is told in the same way
    assert [line.split("[")[0].strip() for line in lines[4:]] == ["f", "i", "g"]
    assert answer(session, "p mean(f)") == (f"$3 = mean(f) = {f.mean():.4g}",)
    vector = answer(session, "p c")
    assert vector[0] == "$4 = c ="
    assert np.allclose([float(one) for one in vector[1].split("]")[1].split()], c, atol=1e-3)
    top = answer(session, "p top(c, 2)")
    assert top[1].startswith(f"[{int(np.argmax(np.abs(c)))}]")
    answer(session, "s")
    assert answer(session, "p mean(h)")[0].endswith("(not computed yet)")
    assert answer(session, "p f[t-9]") == ("$7 = f[t-9] = not known: its step does not exist",)
    assert answer(session, "p result")[1].startswith("negative  ")


REFUSED = [
    ("break", None),
    ("break mean(ff) < 1", "did you mean f"),
    ("break c[9] > 1", "c has 4 units"),
    ("tbreak 99", "no place 99"),
    ("watch", "watch what"),
    ("print", "print what"),
    ("ignore 1", "no breakpoint 1"),
    ("unbreak", "no breakpoint waits for t=0"),
    ('clear "bad"', 'no breakpoint waits for "bad"'),
    ("disable", "there are no breakpoints"),
    ("list 3,1", "from where to where"),
    ("frame 1", "`frame` is `where` here, which takes nothing behind it, and `1` stands there"),
    ("quit now", "takes nothing behind it"),
    ("apropos", "apropos what"),
    ("break +99", "there is no place"),
    ("unbreak 7", "no breakpoint 7; there are: none"),
    ("enable x", "by their numbers"),
    ("info nothing", "info about what"),
    ("continue -3", "whole number from 1"),
    ("pass layer9.forward", "there is no pass"),
    ("line 5", "there are 2"),
    ("condition x", "by its number"),
    ("display c[99]", "c has 4 units"),
    ("until", None),
    ("rebreak 1 c", "no breakpoint 1"),
    *((f"{word} /x c", "numbers have one form") for word in ("print", "p", "call", "inspect")),
]


@pytest.mark.parametrize(("line", "said"), REFUSED, ids=[line for line, _ in REFUSED])
def test_what_cannot_be_done_is_said_and_changes_nothing(session: Session, line: str, said: str | None) -> None:
    frame = session.frame
    if said is None:
        assert answer(session, line)
        return
    with pytest.raises(UserError, match=said):
        answer(session, line)
    assert session.frame is frame
    assert len(session.breakpoints) == len(session.displays) == 0


def test_a_mistake_in_an_expression_keeps_its_column(session: Session) -> None:
    with pytest.raises(ExpressionError) as error:
        answer(session, "p 1 + nrom(c)")
    assert error.value.under == ("  1 + nrom(c)", "      ^ there is no function `nrom`; did you mean norm?")


def test_names_and_tokens_are_completed(session: Session) -> None:
    assert "print mean(" in completions(session, "print me")
    assert "print c - prev(" in completions(session, "print c - pr")
    assert "watch layer1.backward.c" in completions(session, "watch layer1.backward.")
    assert 'break "movie"' in completions(session, 'break "mo')
    answer(session, "b c")
    assert completions(session, "unbreak ") == ("unbreak 1",)
    assert "info passes" in completions(session, "info p")


def test_delete_takes_breakpoints_away_and_never_a_token(session: Session) -> None:
    for line in ("b 1", "b 2", "b 3", "b 4", "b 5", "display mean(h)"):
        answer(session, line)
    tokens = session.frame.trace.sequence.tokens
    assert answer(session, "delete 2") == ("taken away: 2",)
    assert answer(session, "delete breakpoint 1") == ("taken away: 1",)
    assert answer(session, "d 3-4") == ("taken away: 3, 4",)
    assert answer(session, "delete display") == ("0 displays are left",)
    for line, said in {
        "delete 2": "there is no breakpoint 2; there are: 5; `remove 2` takes the token “was” away",
        'delete "movie"': 'which breakpoints? by their numbers, or `all`; `remove "movie"` takes that token away',
        "delete breakpoint 77": "there is no breakpoint 77; there are: 5",
    }.items():
        with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
            answer(session, line)
    answer(session, "b 3")
    assert answer(session, "delete") == ("taken away: 5, 6",)
    assert answer(session, "delete") == ("there are no breakpoints; `remove T` takes a token away",)
    assert session.frame.trace.sequence.tokens == tokens
    assert not session.history.edits


@pytest.mark.parametrize("line", ["remove 1", "delete token 1", "remove token 1", "rm movie", 'remove "movie"'])
def test_a_token_has_a_word_of_its_own(session: Session, line: str) -> None:
    assert answer(session, line)[0] == "token 1, “movie”, deleted"
    assert session.history.lines == ("remove 1",)


def test_breakpoints_are_cleared_where_one_stands_or_by_what_they_wait_for(session: Session) -> None:
    for line in ('b "bad"', "b", "b c", "b +2", "b end"):
        answer(session, line)
    assert [one.trigger.text for one in session.breakpoints][3:] == ["t == 2", "t == 8"]
    assert answer(session, "clear") == ("taken away: 2",)  # the one that stops here
    assert answer(session, 'clear "bad"') == ("taken away: 1",)
    assert answer(session, "clear c") == ("taken away: 3",)
    assert answer(session, "disable") == ("disabled: 4, 5",)
    assert answer(session, "enable") == ("enabled: 4, 5",)
    assert answer(session, "d 4-5") == ("taken away: 4, 5",)


def test_a_breakpoint_says_where_it_stops_and_what_is_not_there(session: Session) -> None:
    assert answer(session, "b layer0.backward.f") == ("breakpoint 1: layer0.backward.f, in layer0.backward",)
    doubt = "there is no “movei” on this tape; did you mean “movie”?"
    assert answer(session, 'b "movei"') == (f'breakpoint 2: token == "movei", in layer0.forward; {doubt}',)
    assert answer(session, 'print share("movei")') == (
        f'$1 = share("movei") = not known: no such token was read yet; {doubt}',
    )
    assert answer(session, 'print token == "The"') == ('$2 = token == "The" = true',)
    assert answer(session, "b c by .3") == ("watch 3: c by .3, in layer0.forward",)


def test_until_says_when_it_did_not_come_and_takes_places_as_goto_does(session: Session) -> None:
    assert answer(session, "until +2") == ("t == 2", "t=2 “was”, layer0.forward")
    assert answer(session, "until end")[1] == "t=8 “good”, layer0.forward"
    assert answer(session, "reverse-until -1")[1] == "t=7 “bad”, layer0.forward"
    assert answer(session, "until c[1] > 99")[0] == "end of the pass: c[1] > 99 did not come"


def test_who_moved_a_comparison_is_told_how_to_ask(session: Session) -> None:
    assert answer(session, "who c[1] > 99")[0].endswith("; for a change by more than 99: who c[1] by 99")


def test_the_tokens_of_a_range_are_listed(session: Session) -> None:
    assert answer(session, "list 1,3")[0] == "from t=1: … movie was not …"
    assert answer(session, "l 8")[0] == "from t=0: [The] movie was not bad , not bad good"


def test_an_empty_line_steps_and_asks_again_and_never_edits(session: Session) -> None:
    console = Console(session)
    for line in ("n", "p t", "l", "undisplay", "remove 0"):
        first = console.execute(line)
        again = console.execute("", repeat=True)
        if line == "n":
            assert again[-1].startswith("t=2 ")
        elif line == "p t":
            assert (first, again) == (("$1 = t = 2",), ("$2 = t = 2",))
        else:
            assert again == (first if line == "l" else ())
    assert len(session.history.edits) == 1


def test_goto_alone_goes_where_who_found_it(session: Session) -> None:
    with pytest.raises(UserError, match="to what the last `who` found"):
        answer(session, "goto")
    answer(session, "goto end")
    assert answer(session, "who c[1] by .2")[0].startswith("c[1] moved by")
    found = session.stops.found
    assert found is not None
    where = answer(session, "goto")[-1]
    assert where.startswith(f"t={found.t} ")
    assert where.endswith("after `c = f * c + i * g`")
    answer(session, "remove 0")
    assert session.stops.found is None  # the run is another


def test_a_negative_threshold_is_not_explained_by_itself(session: Session) -> None:
    answer(session, "b c[1] > -9")
    value = session.frame.trace["layer0.forward"]["c"][0, 1]
    assert answer(session, "c")[0] == f"breakpoint 1: c[1] > -9 (c[1] = {value:.4g})"
