"""What the main screen holds, by duty: the run that is open, steps, runs, changes, edits, breakpoints and the rest.

No controller is a screen or inherits from another: each gets what it acts on in its constructor. What several of them
share stands in two places, the `OpenRun` and, behind it, the reactives that `ScreenState` names.
"""
