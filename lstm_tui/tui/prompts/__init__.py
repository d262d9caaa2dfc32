"""Lines and lists to type into."""
