"""What sources are: the model of a definition, how its file is read, and which definitions are in force.

Paths to values, secrets, times and units are here as well, as definitions are written with them.
"""
