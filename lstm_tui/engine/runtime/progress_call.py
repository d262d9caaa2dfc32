"""How work that takes long tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and with how much there is in all, in steps; what it raises ends the work."""
