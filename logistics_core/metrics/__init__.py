"""Metrics of datasets: what they are, over which periods, and how they are computed."""
