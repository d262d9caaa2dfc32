"""The smallest change: equal to exhaustive search on `tiny`, what is found holds, and nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present

from lstm_tui import session as session_of
from lstm_tui.analysis.smallest_change import (
    LARGEST,
    ParameterPlace,
    Shift,
    every_weight,
    gate_biases,
    sizes_between,
    sizes_to,
    smallest_shift,
    swaps,
)
from lstm_tui.debugger.cancellation import GivenUp
from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.edits import smallest as smallest_module
from lstm_tui.debugger.edits.check_file import read_checks
from lstm_tui.debugger.edits.language import TokenEdit, WeightEdit, line_of
from lstm_tui.debugger.edits.smallest import effect_on, other_texts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.named import open_model

TEXT = "on wait wait wait"


def tiny(text: str = TEXT) -> TypedSession:
    return session_of(text, "tiny", interpreter="numpy")


def naive_share(trace: Trace, t: int, at: int) -> float:
    """Return the share of a token, by one loop over C = f·C + i·g."""
    passed = trace["layer0.forward"]
    f, i, g = (passed[name].astype(np.float64) for name in ("f", "i", "g"))
    sizes = np.zeros(at + 1)
    start = np.abs(passed.initial["c"]).astype(np.float64)
    for unit in range(f.shape[1]):
        for k in range(at + 1):
            sizes[k] += abs(i[k, unit] * g[k, unit] * np.prod(f[k + 1 : at + 1, unit]))
    left = sum(start[unit] * np.prod(f[: at + 1, unit]) for unit in range(f.shape[1]))
    return float(sizes[t] / (sizes.sum() + left))


def every_size(largest: float) -> Iterator[float]:
    """Yield every size of two figures, the smallest first."""
    for power in (-2, -1, 0):
        for figures in range(10, 100):
            size = float(f"{figures / 10 * 10.0**power:.3g}")
            if size <= largest:
                yield size


def first_share(network: Network, sequence: Sequence, places: list[ParameterPlace], shifts: tuple[float, ...]) -> Trace:
    changed = network.copy()
    tensors = changed.tensors()
    for place, shift in zip(places, shifts, strict=True):
        numbers = tensors[place.tensor]
        numbers[place.index] = float(f"{float(numbers[place.index]) + shift:.6g}")
    return run(changed, sequence, "numpy")


def by_exhaustion(session: Session, places: list[ParameterPlace], bound: float, keep: bool, largest: float) -> float:
    """Return the least |Δ| of one number by which a share is at least a bound, or below it; ∞ where there is none."""
    network, sequence = session.edited.network, session.edited.sequence
    for size in every_size(largest):
        for place, sign in product(places, (1.0, -1.0)):
            share = naive_share(first_share(network, sequence, [place], (sign * size,)), 0, len(sequence) - 1)
            if (share >= bound) is keep:
                return size
    return float("inf")


def bound_in(reply: tuple[str, ...]) -> float:
    return float(reply[0].rsplit(" ", 1)[1])


def the_change(session: Session) -> list[WeightEdit]:
    (found,) = session.changes
    return [edit for edit in found.edits if isinstance(edit, WeightEdit)]


def size_of(session: Session, edits: list[WeightEdit]) -> float:
    tensors = session.edited.network.tensors()
    sizes = {
        abs(edit.number - float(tensors[edit.tensor][tuple(start or 0 for start, _ in edit.index)])) for edit in edits
    }
    assert max(sizes) - min(sizes) < 1e-4
    return max(sizes)


ASKED = [
    ('keep "on" until 3 to .6', "bias", 1.0), ('forget "on" until 3 to .25', "bias", 1.0),
    ('keep "on" until 3 to .33', "weights", 0.06), ('forget "on" until 3 to .31', "weights", 0.06),
    ('keep "on" until 3 to .99', "bias", 1.0),
]  # fmt: skip


@pytest.mark.slow
def test_of_a_large_network_more_weights_are_searched_when_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    line = 'keep "on" until 3 to .33 by weights within .06'
    every = tiny()
    answer(every, line)
    monkeypatch.setattr(smallest_module, "FEW", 8)
    monkeypatch.setattr(smallest_module, "_MEASURED", 10)
    monkeypatch.setattr(smallest_module, "_GUIDED", 3)
    count = len(every_weight(every.edited.network))
    session = tiny()
    told = " ".join(answer(session, line))
    assert f"3 of {count} weights: of the 10 of largest gradient those that move it most; `among {count}`" in told
    told = " ".join(answer(session, f"{line} among {count}"))
    assert f"all {count} weights" in told
    assert session.changes[0].edits == every.changes[0].edits, "as where all are tried"
    told = " ".join(answer(session, f"{line} among 12"))
    assert f"12 of {count} weights: of the 12 of largest gradient" in told


@pytest.mark.slow
@pytest.mark.parametrize(("line", "kind", "largest"), ASKED)
def test_the_smallest_change_of_a_number_is_that_of_exhaustive_search(line: str, kind: str, largest: float) -> None:
    session = tiny()
    reply = answer(session, f"{line} by {kind} within {largest}")
    network = session.edited.network
    places = list(gate_biases(network) if kind == "bias" else every_weight(network))
    least = by_exhaustion(session, places, bound_in(reply), line.startswith("keep"), largest)
    if not session.changes:
        assert least == float("inf"), reply
        return
    edits = the_change(session)
    if len(edits) > 1:  # only where no single one does it
        assert least == float("inf"), reply
    else:
        assert least == pytest.approx(size_of(session, edits), rel=1e-4), reply


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), st.floats(0.01, 6), st.integers(1, 2), st.booleans())
def test_a_search_among_numbers_is_exhaustive_where_more_does_no_less(
    slopes: list[float], bound: float, numbers: int, with_signs: bool
) -> None:
    places = [ParameterPlace("w", (n,)) for n in range(len(slopes))]
    slope = dict(zip(places, slopes, strict=True))
    signs = {place: 1.0 if slope[place] >= 0 else -1.0 for place in places}
    found = smallest_shift(
        places, lambda shift: sum(slope[place] * by for place, by in shift) >= bound, numbers,
        signs if with_signs else None, most=10**6,
    )  # fmt: skip
    best = next(
        (
            size for size in every_size(LARGEST) for group in combinations(slopes, numbers)
            if any(sum(s * w * size for s, w in zip(ways, group, strict=True)) >= bound
                   for ways in product((1, -1), repeat=numbers))
        ), None,
    )  # fmt: skip
    assert (found.shift is None) == (best is None)
    if best is not None:
        assert found.size == pytest.approx(best)


def test_sizes_are_every_number_of_one_figure_and_between_two_of_them_of_two() -> None:
    sizes = sizes_to(9)
    assert sizes == tuple(sorted(set(sizes)))
    between = [one for low, high in pairwise(sizes) for one in sizes_between(low, high)]
    assert sorted({*sizes, *between}) == sorted({size for size in every_size(9) if size <= 9})


SWAPPED = [
    ("on wait wait off wait on", "keep 0 until 4 to .4"), ("on wait wait off off on", "keep 0 until 4 to .3"),
    ("on wait wait wait wait on", "forget 0 until 4 to .1"), ("on wait wait wait wait on", "forget 0 until 4 to .03"),
    ("on wait wait wait wait on", "keep 0 until 4 to .99"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("text", "line"), SWAPPED)
def test_the_smallest_swap_is_that_of_exhaustive_search(text: str, line: str) -> None:
    session = tiny(text)
    reply = answer(session, f"{line} by token")
    bound, keep = bound_in(reply), line.startswith("keep")
    network, sequence = session.edited.network, session.edited.sequence
    assert network.embedding is not None
    assert network.tokens is not None
    assert sequence.ids is not None
    vocabulary, embedding = network.tokens.vocabulary, network.embedding.astype(np.float64)
    best: list[tuple[int, float]] = []
    for count in (1, 2):
        for places in combinations([t for t in range(6) if t not in (0, 4)], count):
            for words in product(range(1, 4), repeat=count):
                ids = sequence.ids.copy()
                ids[list(places)] = words
                if (ids != sequence.ids).sum() != count:
                    continue
                swapped = Sequence("words", tuple(vocabulary[n] for n in ids), ids)
                share = naive_share(run(network, swapped, "numpy"), 0, 4)
                moved = float(np.sqrt(((embedding[ids] - embedding[sequence.ids]) ** 2).sum()))
                if (share >= bound) is keep:
                    best.append((count, moved))
    if not session.changes:
        assert not best, reply
        return
    (found,) = session.changes
    edits = [edit for edit in found.edits if isinstance(edit, TokenEdit)]
    moved = float(np.sqrt(sum(
        ((embedding[vocabulary.index(one.token)] - embedding[sequence.ids[one.t]]) ** 2).sum() for one in edits
    )))  # fmt: skip
    assert (len(edits), moved) == pytest.approx(min(best))


def test_swaps_come_in_their_order_and_each_once() -> None:
    embedding = np.array([[0.0], [1.0], [3.0], [7.0]])
    ids = np.array([1, 2, 1])
    for count in (1, 2):
        made = list(swaps(embedding, ids, [0, 1, 2], [1, 2, 3], count))
        assert made == sorted(made)
        assert len({one.tokens for one in made}) == len(made) == len(list(combinations(range(3), count))) * 2**count


@pytest.mark.parametrize("kind", ["token", pytest.param("bias", marks=pytest.mark.slow),
                                  pytest.param("weights", marks=pytest.mark.slow)])  # fmt: skip
def test_asking_changes_nothing_and_applying_does_what_was_found(kind: str) -> None:
    session = tiny()
    before = session.frame.trace["layer0.forward"]["c"].copy()
    reply = answer(session, f'forget "on" until 3 to .28 by {kind}')
    assert not session.history.active
    assert np.array_equal(before, session.frame.trace["layer0.forward"]["c"])
    (found,) = session.changes
    assert any(line_of(edit) in line for edit in found.edits for line in reply)
    answer(session, "apply")
    assert naive_share(session.frame.trace, 0, 3) < bound_in(reply)
    for _ in found.edits:
        answer(session, "undo")
    assert np.array_equal(before, session.frame.trace["layer0.forward"]["c"])


def test_what_was_found_is_completed_by_its_number() -> None:
    session = tiny()
    assert completions(session, "apply ") == ()
    answer(session, 'forget "on" until 3 to .28 by bias')
    session.changes = tuple(session.changes[:1] * 12)
    assert completions(session, "apply ") == tuple(f"apply {n}" for n in range(1, 13))
    assert completions(session, "apply 1") == ("apply 1", "apply 10", "apply 11", "apply 12")


def test_what_is_kept_already_needs_no_change_and_what_cannot_be_is_not_found() -> None:
    session = tiny()
    assert "already" in answer(session, 'keep "on" until 3 to .01')[-1]
    assert not session.changes
    lines = answer(session, 'keep "on" until 3 to .9999 by bias within .02')
    assert "none found within all 6 biases of gates up to |Δ| 0.02" in lines[-1]
    with pytest.raises(UserError, match="nothing was found to apply"):
        answer(session, "apply 1")


REFUSED = [
    ("keep", "which token until which"), ("keep 0 until 3 to 50", "a part is at most 1"),
    ("forget 0 until 3 to 130%", "a part is at most 1"), ('keep "on"', "which token until which"),
    ('keep "on" until 0', "reads later"),
    ('keep "up" until 3', "does not stand here"), ("keep 0 until 9", "its last is 3"),
    ('keep "on" until 3 by magic', "by what"), ('keep "on" until 3 to none', "no number above 0"),
    ('keep "on" until 3 to nan', "no number above 0"), ('keep "on" until 3 by bias by bias', "given twice"),
    ('keep "on" until 3 quickly', "means nothing"), ('keep "on" until 3 in q', "q"), ("keep wait until 3", "stands at"),
    ('keep "on" until 3 in c[9]', "units"), ("fix", "which file"), ("fix /nowhere/checks.txt", "nowhere"),
    ("apply", "nothing was found"), ('keep "on" until 3 to .99 among none', "no number of weights"),
    ('keep "on" until 3 among 0', "no number of weights"), ('keep "on" until 3 over x.txt', "not for keep"),
    ('keep "on" until 3 within -1', "no number above 0"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), REFUSED)
def test_what_cannot_be_asked_is_one_line(line: str, said: str) -> None:
    session = tiny()
    with pytest.raises(UserError, match=said) as error:
        answer(session, line)
    assert "\n" not in str(error.value)
    assert not session.history.active


def test_a_nan_in_the_memory_is_not_known_and_not_searched() -> None:
    session = tiny()
    network = session.edited.network.copy()
    network.tensors()["layer0.forward/W_g"][0] = np.nan
    poisoned = Session.open(Source(network, (session.edited.sequence,), interpreter="numpy"))
    with pytest.raises(UserError, match="not known"):
        answer(poisoned, 'keep "on" until 3')


def test_a_search_can_be_given_up() -> None:
    session = tiny()
    session.work.give_up()
    with pytest.raises(GivenUp):
        answer(session, 'keep "on" until 3 to .9999 by bias')
    assert not session.changes


# --- checks ---------------------------------------------------------------------------------------------


def checks(folder: Path, *lines: str) -> Path:
    path = folder / "checks.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bias", "weights"])
def test_a_failing_check_holds_then_and_those_that_held_go_on_holding(tmp_path: Path, kind: str) -> None:
    session = tiny()
    now = naive_share(session.frame.trace, 0, 3)
    other = tiny("off on wait")
    mine = naive_share(other.frame.trace, 1, 2)
    path = checks(
        tmp_path, "# of the line that is open, and of a text of its own", f"share(tok[0], at=3) < {now - 0.02:.4f}",
        f'"off on wait": share(tok[1], at=2) > {mine - 0.08:.4f}', "not any(isnan(c))",
    )  # fmt: skip
    reply = answer(session, f"fix {path} by {kind}")
    assert f"{path}:2:" in reply[0]
    assert session.changes, reply
    answer(session, "apply 1")
    assert naive_share(session.frame.trace, 0, 3) < now - 0.02
    network = session.edited.network
    assert naive_share(run(network, other.frame.trace.sequence, "numpy"), 1, 2) > mine - 0.08
    assert "there is nothing to fix" in answer(session, f"fix {path}")[-1]


def test_a_check_that_others_forbid_is_not_fixed(tmp_path: Path) -> None:
    session = tiny()
    now = naive_share(session.frame.trace, 0, 3)
    path = checks(tmp_path, f"share(tok[0], at=3) < {now - 0.02:.4f}", f"share(tok[0], at=3) > {now - 0.01:.4f}")
    reply = answer(session, f"fix {path} by bias within .1")
    assert "none found within" in reply[-1]
    assert not session.changes


def test_what_else_a_fix_changes_is_counted_over_a_file_that_is_named(tmp_path: Path) -> None:
    session = tiny()
    now = naive_share(session.frame.trace, 0, 3)
    path = checks(tmp_path, f"share(tok[0], at=3) < {now - 0.02:.4f}")
    held = tmp_path / "held.txt"
    held.write_text("off on wait\n\non off\n")
    told = answer(session, f"fix {path} by bias within 2 over {held}")
    (edit,) = the_change(session)
    (effect,) = [line for line in told if line.strip().startswith("elsewhere")]
    network, flips, answers = session.edited.network, 0, 0
    changed = network.copy()
    changed.tensors()[edit.tensor][tuple(first or 0 for first, _ in edit.index)] = edit.number
    for text in ("off on wait", "on off"):
        sequence = session_of(text, "tiny").frame.trace.sequence
        runs = [run(one, sequence, "numba") for one in (network, changed)]
        said = [
            np.atleast_2d(present(one.result if one.output is None else one.output)).argmax(axis=-1) for one in runs
        ]
        flips, answers = flips + int((said[0] != said[1]).sum()), answers + len(said[0])
    assert f"{flips} of {answers} answers flip" in effect
    assert f"over 2 lines of {held}" in effect
    with pytest.raises(UserError, match="no such file"):
        answer(session, f"fix {path} by bias over {tmp_path / 'none.txt'}")


def test_another_failing_check_is_named_by_its_line(tmp_path: Path) -> None:
    session = tiny()
    path = checks(tmp_path, "c[0] > 99", "", "c[1] > 98")
    assert any("`check 3`" in line for line in answer(session, f"fix {path} by bias within .01"))
    with pytest.raises(UserError, match="those that do: 1, 3"):
        answer(session, f"fix {path} check 2")
    assert any("biases" in line for line in answer(session, f"fix {path} check 3 by bias within .01"))


@pytest.mark.parametrize(
    ("line", "said"),
    [("c[0] >", ":1: "), ('"": c[0] > 0', "which text"), ('"on":', "which text"), ("# only a comment", "no check"),
     ("c[0] = 1", "compares"), ("\x1b[2J", "not in the language")],
)  # fmt: skip
def test_a_file_of_checks_that_is_wrong_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        read_checks(checks(tmp_path, line))
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_an_assertion_that_is_asked_of_no_line_is_said(tmp_path: Path) -> None:
    path = checks(tmp_path, 'share("absent") > 2')
    reply = answer(tiny(), f"fix {path}")
    assert any("asked of no line" in line for line in reply)


# --- what else it changes -------------------------------------------------------------------------------


def test_what_else_an_edit_changes_is_counted_answer_by_answer() -> None:
    session = session_of("on wait\noff wait wait\non off on", "tiny", interpreter="numpy")
    network, edited = session.edited.network, session.edited.network.copy()
    edited.tensors()["readout/b_y"][0] += 3.0
    words, texts = other_texts(network, session.source.sequences, 0)
    assert words == "2 other lines"
    effect = effect_on(network, edited, texts, words)
    assert effect is not None
    flips = answers = 0
    moved: list[float] = []
    for text in texts:
        old, new = (np.atleast_2d(run(one, text, "numpy").readout["y"]) for one in (network, edited))
        for a, b in zip(old, new, strict=True):
            answers += 1
            flips += int(a.argmax() != b.argmax())
            moved += [abs(float(x) - float(y)) for x, y in zip(a, b, strict=True)]
    assert (effect.answers, effect.flips) == (answers, flips)
    assert effect.mean == pytest.approx(np.mean(moved), rel=1e-5)


def test_a_bundled_network_is_judged_by_texts_it_has_not_learned() -> None:
    network = open_model("story")
    words, texts = other_texts(network, (), 0)
    assert words.endswith("unseen stories")
    assert texts


def test_words_of_the_verbs_are_completed() -> None:
    session = tiny()
    assert 'keep "on"' in completions(session, 'keep "o')
    assert 'keep "on" until 3 by bias' in completions(session, 'keep "on" until 3 by b')


@pytest.mark.parametrize("most", [1, 2, 7])
def test_as_many_changes_are_tried_as_are_allowed(most: int) -> None:
    places, tried = [ParameterPlace("w", (n,)) for n in range(5)], list[int]()

    def does(shift: Shift) -> bool:
        tried.append(len(shift))
        return False

    found = smallest_shift(places, does, most=most)
    assert found.shift is None
    assert len(tried) == most
