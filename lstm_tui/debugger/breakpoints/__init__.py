"""Where a run stops by itself: breakpoints, watches, and the search for the next of their stops, both ways."""
