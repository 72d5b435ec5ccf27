"""The catalogue of datasets, for programs and for the dashboard."""
