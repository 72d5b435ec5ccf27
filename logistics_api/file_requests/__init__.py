"""Requests to the pipeline about a file: load it again, unload it, dismiss it. The pipeline serves them."""
