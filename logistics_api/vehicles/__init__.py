"""Figures about vehicles: what they drove, burnt, carried and earned."""
