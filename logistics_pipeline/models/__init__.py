"""Models: what is learnt from the records, kept in versions, tested against the past, promoted, and used.

`arrays`, `running_means`, `tracking`, `residuals` and `backtesting` are arithmetic: no database, no clock, no random
numbers. `registry` keeps versions and their history, `training` makes them, `predicting` uses them, `jobs` answers what
was asked through the API.
"""
