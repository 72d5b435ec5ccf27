"""Metrics of all datasets: what there is, answers to questions, and key figures with their change."""
