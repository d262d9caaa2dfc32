"""The texts that lie beside the bundled networks to judge what they lose when they are taught something.

None of the networks learned from them. `python -m lstm_tui.models.held_out_texts` writes them again, the same ones.
"""

from __future__ import annotations

from lstm_tui.formats.bundled_files import HELD_OUT, held_out_path
from lstm_tui.formats.io.files import replacing
from lstm_tui.models.recipes.sentiment import GENERATED, verdicts
from lstm_tui.models.recipes.story import unseen_stories
from lstm_tui.models.recipes.verdicts import LEARNED, UNSEEN

STORIES, VERDICTS = 100, 200
_LABELS = ("negative", "positive")


def held_out_texts() -> dict[str, str]:
    """Return what each file of texts holds: a story a line, or `label<TAB>text`."""
    learned = {one.text for one in verdicts(GENERATED)}  # by the sentiment networks
    others = [one for one in verdicts(LEARNED + UNSEEN, seed=1)[LEARNED:] if one.text not in learned]
    return {
        "stories.txt": "".join(f"{' '.join(story.words)}\n" for story in unseen_stories()[:STORIES]),
        "verdicts.tsv": "".join(f"{_LABELS[one.label]}\t{one.text}\n" for one in others[:VERDICTS]),
    }


def main() -> None:
    """Write the files."""
    texts = held_out_texts()
    assert set(texts) == set(HELD_OUT.values())
    for name, text in texts.items():
        with replacing(held_out_path(name)) as stream:
            stream.write(text.encode())


if __name__ == "__main__":
    main()
