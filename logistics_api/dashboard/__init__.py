"""Serves the dashboard: pages, modules, styles and chart specifications. `static/` holds its source."""
