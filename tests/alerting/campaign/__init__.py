"""The fault campaign of alerts and messages: real workers, receivers and a real database, struck in every way.

`python -m tests.alerting.campaign` (or `make faults ONLY=alerts N=500 SEED=1`) runs it by hand, `tests/alerting/
test_campaign.py` a part of it. What happens in a run is the same whenever it has the same seed and number; the moment
at which a fault strikes is so only roughly.
"""
