"""The panes: each takes a view down, draws it with `tui.render`, and sends messages up."""
