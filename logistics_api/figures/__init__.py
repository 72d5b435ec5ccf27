"""Figures for the dashboard: by day, and for a date range compared with the previous one."""
