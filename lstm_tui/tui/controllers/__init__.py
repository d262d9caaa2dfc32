"""What the main screen can do, by duty: steps, runs, edits, breakpoints, streams, autosave, dialogs."""
