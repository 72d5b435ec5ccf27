"""Figures about routes: pairs of origin and destination."""
