"""Sources that data are pulled from: their definitions in force, their pulls and pages, and requests to pull now."""
