"""What is likely: forecasts of series of figures, with the error they had in a back-test.

The engine (`panel`, `methods`, `backtesting`, `choosing`, `intervals`, `reconciling`, `scores`, `engine`) is arithmetic
on arrays: no database, no clock, no random numbers.
"""
