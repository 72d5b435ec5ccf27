"""Measures: what each is called, means and rests on (`definitions`), and how it is computed (`sql`)."""
