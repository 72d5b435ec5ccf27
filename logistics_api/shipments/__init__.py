"""Figures about shipments and the routes they took."""
