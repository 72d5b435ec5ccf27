"""The fault campaign: real loads, broken in their middle in every way that happens, then resumed and compared.

`python -m tests.faults` (or `make faults N=500 SEED=1`) runs it by hand, `test_campaign.py` a part of it with every
`make test`. Tests of single interruptions, statement by statement, belong to `tests/database`.
"""
