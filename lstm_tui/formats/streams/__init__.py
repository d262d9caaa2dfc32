"""What an application recorded of a stream, chunk by chunk, beside the right run."""
