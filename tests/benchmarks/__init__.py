"""What takes how long, side by side with what others take: run by hand, never asserted."""
