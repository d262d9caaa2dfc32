"""Models that live in a program of their user: captured, stepped through, watched while they learn, examined."""
