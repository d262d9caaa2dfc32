"""Pure drawing: numpy arrays and words in, lines of styled text out. Nothing here knows a widget."""
