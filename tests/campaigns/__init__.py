"""Long campaigns of random networks against other runtimes: commands, not tests."""
