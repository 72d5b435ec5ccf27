"""Contracts of datasets: their versions, proposals for files of unknown shape, and what people decide about them."""
