"""Figures as the dashboard draws them: by day, and a range against the one before it."""
