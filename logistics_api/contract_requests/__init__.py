"""Requests to the pipeline about contracts: made by uploads and by decisions. The pipeline's watch serves them."""
