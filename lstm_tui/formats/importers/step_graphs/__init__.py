"""Programs that take one step, their state in and out, as pages of equations."""
