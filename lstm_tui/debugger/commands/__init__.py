"""What can be typed: every verb of the command line, said once for the screen, scripts and Python.

`answer(session, line)` executes one line. A module of this package adds its verbs to `VERBS` when it is imported;
`lines` imports them all.
"""
