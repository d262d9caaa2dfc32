"""The cell as a picture: what flows where is read off the compiled program, laid out once, drawn by every surface."""
