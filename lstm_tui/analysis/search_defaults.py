"""What a search over texts takes where nothing is given: for what tells it as for what does it; imports nothing."""

from __future__ import annotations

MOST_FOUND = 20
"""Places that are told."""
PERMUTATIONS = 199
"""Permutations of labels: the least p-value is 1 in 200."""
PERMUTATION_SEED = 0
"""What the permutations are drawn by."""
