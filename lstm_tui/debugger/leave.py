"""How a verb says that the user asked to leave."""

from __future__ import annotations


class Leave(Exception):
    """The user asked to leave."""
