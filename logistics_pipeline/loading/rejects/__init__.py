"""Rejected records after the load: export for correction, validation anew, replay."""
