"""What the recipes read from packages, shown on packages made here: nothing is fetched."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.models import packages
from lstm_tui.models.recipes import chars, sentiment
from lstm_tui.models.recipes.sentiment import words_of


def _tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    films = [{"text": f"Film number {n} was a joy to see.", "class": 1} for n in range(4)]
    films += [{"text": f"Film number {n} was a pain to see.", "class": 0} for n in range(4)]
    fixtures = {
        "imdb": [*films, {"text": "", "class": None}],
        "amazon": [{"text": "FILM number 3, was a joy to see!!", "class": 1}, {"text": "It's fine", "class": 1}],
        "yelp": [{"text": "We said that film number 3 was a pain to see, twice.", "class": 0}],
    }
    labelled = {f"package/test/fixtures/{name}.json": json.dumps(rows).encode() for name, rows in fixtures.items()}
    scored = {f"hutto_ICWSM_2014/{name}_GroundTruth.txt": b"1\t3.1\tlovely\n2\t0.1\tso so\n3\t-2\ta ''mess''\n"
              for name in sentiment.LEAST_SCORE}  # fmt: skip
    (tmp_path / sentiment.LABELLED).write_bytes(_tar(labelled))
    (tmp_path / sentiment.SCORED).write_bytes(_tar({sentiment.SCORED_INNER: _tar(scored)}))
    monkeypatch.setattr(sentiment, "fetch", lambda name, folder: tmp_path / name)
    monkeypatch.setattr(sentiment, "HELD_OUT_PER_CLASS", 1)
    return tmp_path


def test_the_last_film_rows_are_kept_out_with_their_copies(archives: Path) -> None:
    read = sentiment.reviews(generated=10, folder=archives)
    assert read.held_out == (
        (words_of("film number 3 was a joy to see ."), 1),
        (words_of("film number 3 was a pain to see ."), 0),
    )
    assert read.copies == 2
    training = {" ".join(words) for words, _ in read.training}
    assert "it's fine" in training
    assert "film number 2 was a joy to see ." in training
    assert not any("number 3" in text for text in training)


def test_unclear_scores_are_left_out(archives: Path) -> None:
    read = sentiment.reviews(generated=10, folder=archives)
    labels = {" ".join(words): label for words, label in read.training}
    assert labels["lovely"] == 1
    assert labels['a " mess "'] == 0
    assert "so so" not in labels
    assert len(read.training) == 10 + 6 + 1 + 2 * len(sentiment.LEAST_SCORE)


def test_words_are_read_in_lower_case_with_a_plain_apostrophe() -> None:
    assert words_of("It’s &amp; NOT bad!") == ("it's", "&", "not", "bad", "!")


def test_the_book_is_one_line_a_paragraph_and_its_end_is_kept_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [f"{chars.FIRST_ENTRY}  A first\n   thing."] + [f"WORD{n}, n. Something  else." for n in range(19)]
    monkeypatch.setattr(chars, "fetch", lambda name, folder: tmp_path / name)
    monkeypatch.setattr(chars, "_text", lambda package: "preface\n\n" + "\n\n".join(entries) + "\n")
    learned, kept_out = chars.paragraphs(tmp_path)
    assert learned[0] == b"ABASEMENT, n. A first thing."
    assert learned[1] == b"WORD0, n. Something else."
    assert len(learned) + len(kept_out) == 20
    assert len(kept_out) in (1, 2)


class TestFetch:
    archive = "sentiment-5.0.2.tgz"

    def test_another_file_of_that_name_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / self.archive).write_bytes(b"something else")
        with pytest.raises(UserError, match="not the archive the networks were trained on"):
            packages.fetch(self.archive, tmp_path)

    def test_a_missing_client_says_where_to_put_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(packages._COMMANDS, self.archive, ("no-such-client-here", "pack"))
        with pytest.raises(UserError, match=re.escape(f"put the file into {tmp_path}")):
            packages.fetch(self.archive, tmp_path)

    def test_a_client_that_fails_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(command: Any, **_: Any) -> None:
            raise subprocess.CalledProcessError(1, command)

        monkeypatch.setattr(subprocess, "run", fails)
        with pytest.raises(UserError, match="npm pack"):
            packages.fetch(self.archive, tmp_path)

    def test_no_registry_is_named(self) -> None:
        assert not any("://" in part for command in packages._COMMANDS.values() for part in command)
        assert set(packages._COMMANDS) == set(packages._DIGESTS)

    def test_the_cache_follows_the_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
        assert packages.cache_folder() == Path("/somewhere/lstm-tui/packages")
