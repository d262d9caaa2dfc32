"""The demonstrations as keys: every file of samples/keys shows on the screen what it says."""

from __future__ import annotations

import pytest
from played_keys import FOLDER, play


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.keys")))
def test_the_keys_show_it(name: str) -> None:
    play(name)
