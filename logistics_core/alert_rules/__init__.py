"""Rules of alerts: what they say, how they are read, and those that are built in. The pipeline evaluates them."""
