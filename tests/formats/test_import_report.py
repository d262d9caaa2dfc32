"""What is said of a file: never more certain than the evidence, in whatever order it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.formats.bundled_files import bundled_names, path
from lstm_tui.formats.importers.import_report import NOT_RECORDED, Fact, ImportReport
from lstm_tui.formats.importers.open import open_file

HOWS = ("confirmed", "inferred", "assumed")
SUBJECTS = ("layer0", "layer1", "readout")
said = st.tuples(st.just("say"), st.sampled_from(SUBJECTS), st.sampled_from(HOWS))
chosen = st.tuples(st.just("choose"), st.sampled_from(SUBJECTS), st.sampled_from(HOWS))
left = st.tuples(st.just("leave"), st.sampled_from(SUBJECTS), st.just(""))


@given(st.lists(st.one_of(said, chosen, left), max_size=12))
def test_no_fact_is_confirmed_where_a_tensor_beside_it_is_not_used(script: list[tuple[str, str, str]]) -> None:
    report = ImportReport("file")
    for n, (what, subject, how) in enumerate(script):
        if what == "say":
            report.say(f"{subject}.a{n}", "1", how, "it")  # type: ignore[arg-type]
        elif what == "choose":
            report.choose(f"{subject}.a{n}", "1", ("2",), how, "why")  # type: ignore[arg-type]
        else:
            report.leave(f"{subject}.t{n}", (2, 3), subject)
    doubted = {subject for what, subject, _ in script if what == "leave"}
    for subject in SUBJECTS:
        facts = list(report.under(subject))
        if subject in doubted:
            assert all(fact.how != "confirmed" for fact in facts)
            assert all(fact.against or fact.how == "unknown" for fact in facts)
        said_how = [how for what, one, how in script if one == subject and what != "leave"]
        assert sum(fact.how == "confirmed" for fact in facts) == (
            0 if subject in doubted else said_how.count("confirmed")
        )
    for what, subject, _ in script:
        if what == "leave":
            assert any(f"{subject}.t" in remark and "is not used" in remark for remark in report.remarks)
    assert len(report.unused) == sum(what == "leave" for what, *_ in script)


def test_a_fact_with_evidence_against_it_cannot_be_confirmed() -> None:
    assert Fact("layer0.size", "3", "confirmed", against=("x",)).how == "inferred"
    assert Fact("layer0.size", "3", "assumed", against=("x",)).how == "assumed"


def test_what_is_assumed_for_one_reason_is_one_line_that_names_it_all() -> None:
    report = ImportReport("file")
    report.choose("readout.over", "each", ("last",), "assumed", NOT_RECORDED)
    assert "readout.over is assumed to be each" in report.remarks[0]
    report.choose("readout.before", "linear", ("relu",), "assumed", NOT_RECORDED)
    (line,) = report.remarks
    assert "readout.over=each" in line
    assert "readout.before=linear" in line
    assert "--set readout.over=last" in line


def test_a_copy_does_not_change_what_it_was_made_of() -> None:
    report = ImportReport("file")
    report.say("layer0.size", "3", "confirmed", "shapes")
    other = report.again({"a": "b"})
    other.leave("x", (1,), "layer0")
    assert report.facts[0].how == "confirmed"
    assert not report.unused
    assert not report.settings
    assert other.facts[0].how == "inferred"


@pytest.mark.parametrize("name", bundled_names())
def test_every_fact_of_a_network_of_our_own_has_a_reason(name: str) -> None:
    facts = open_file(path(name)).report.facts
    assert facts
    assert [fact.key for fact in facts if not fact.why] == []
