"""Everything that touches bytes: inputs, networks and traces; the only place that knows JSON."""
