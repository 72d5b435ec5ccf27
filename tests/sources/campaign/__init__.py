"""The fault campaign of sources: real pulls from servers that break in every way that happens, then compared.

`python -m tests.sources.campaign` (or `make faults ONLY=sources N=500 SEED=1`) runs it by hand, `tests/sources/
test_campaign.py` a part of it. A run is the same whenever it has the same seed and number, but for times.
"""
