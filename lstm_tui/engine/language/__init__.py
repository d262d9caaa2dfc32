"""The equation language: text of a stranger to checked equations, cells and readouts."""
