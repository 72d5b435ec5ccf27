"""The quality of datasets and files."""
