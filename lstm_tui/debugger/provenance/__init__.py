"""Reverse watch: who last moved a value, who lost a memory, where a number was born that is none."""
