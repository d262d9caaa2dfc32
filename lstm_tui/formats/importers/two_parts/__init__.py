"""Encoders and decoders, whatever file they come from: two parts on one tape."""
