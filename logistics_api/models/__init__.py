"""Models: their versions and history, how right they are, what they predict and find odd, and jobs."""
