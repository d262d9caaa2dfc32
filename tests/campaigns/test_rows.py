"""A campaign writes its own rows, and the commands that made them, and touches no others."""

from __future__ import annotations

import pytest

from campaigns.rows import written

BEFORE = """# Networks

| network | files | right |
|---|---|---|
| low | 5 | 4 |
| top | 6 | 6 |

| weights | files | right |
|---|---|---|
| low, numbers | 7 | 1 |
<!-- made by: python -m tests.campaigns.graphs low top --seed 1 -->
<!-- foreign: | low | 5 | 4 | -->
<!-- foreign: | top | 6 | 6 | -->
<!-- made by: python -m tests.campaigns.imports low --seed 2 -->
<!-- foreign: | low, numbers | 7 | 1 | -->
<!-- does: inspect = tell what a -->

| low | 1 | 2 | 3 |
<!-- made by: python -m tests.campaigns.written_back --seed 4 -->
<!-- foreign: | low | 1 | 2 | 3 | -->
"""


def test_a_row_and_its_command_are_put_in_place_of_the_old_ones() -> None:
    after = written(BEFORE, ["| top | 9 | 8 |"], "python -m tests.campaigns.graphs top --seed 3")
    made = "<!-- made by: python -m tests.campaigns.graphs top --seed 3 -->\n"
    assert after == BEFORE.replace("<!-- foreign: | top |", f"{made}<!-- foreign: | top |").replace("6 | 6", "9 | 8")
    other = written(BEFORE, ["| low | 1 | 2 | 9 |"], "python -m tests.campaigns.written_back --seed 4")
    assert other == BEFORE.replace("1 | 2 | 3", "1 | 2 | 9")
    both = written(after, ["| low | 5 | 4 |", "| top | 6 | 6 |"], "python -m tests.campaigns.graphs low top --seed 1")
    assert both == BEFORE


def test_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no row of middle"):
        written(BEFORE, ["| middle | 1 | 1 |"], "python -m tests.campaigns.graphs middle --seed 1")
