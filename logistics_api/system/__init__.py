"""The system about itself: whether it runs, whether it is ready, what it has loaded and calculated."""
