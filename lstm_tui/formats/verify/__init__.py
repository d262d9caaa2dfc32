"""A network beside what another runtime recorded, and under every other convention."""
