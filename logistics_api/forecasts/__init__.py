"""Forecasts: what is likely, with its intervals; what was said before; how right it was."""
