"""Alerts: rules about files, sources, figures and forecasts, and the incidents that they open and close."""
