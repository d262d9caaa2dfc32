"""A run as one page to share: what was read, every gate and memory, whose memory it is, and what was edited."""
