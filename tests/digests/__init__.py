"""Digests of everything a user gets, taken from outside: what a change of names and places must leave as it was."""
