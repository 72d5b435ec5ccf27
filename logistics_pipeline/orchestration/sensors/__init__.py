"""The sensors: new files, stale analytics, check results."""
