"""System state: health, readiness, and what has been loaded and calculated."""
