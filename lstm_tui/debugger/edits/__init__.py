"""Interventions: the lines in which edits are written, what they change, and how they are told."""
