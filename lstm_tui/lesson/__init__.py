"""Lessons: text files that lead through a run stop by stop, told in sentences with numbers from the run itself.

A lesson is read and checked, never executed: its edits are lines of an edit script, its questions are expressions, and
its networks come from whoever opens it.
"""
