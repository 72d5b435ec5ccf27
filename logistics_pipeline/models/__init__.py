"""Models: what is learnt from the records, kept in versions, tested against the past, promoted, and used.

`records`, `running_means`, `scoring_rules` and `backtesting` are arithmetic on arrays: no database, no clock, no random
numbers. `registry` keeps versions and their history, `training` makes them, `predicting` uses them, `jobs` answers what
was asked through the API.
"""
