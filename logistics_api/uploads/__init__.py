"""Uploads: files that arrive by HTTP, put whole into the raw folder, where the pipeline finds them like any others."""
