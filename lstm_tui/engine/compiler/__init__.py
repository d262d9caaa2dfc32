"""Equations and sizes to one table of instructions; what keeps, writes and shows is read off here."""
