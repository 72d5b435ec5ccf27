"""The fault campaign of a cluster: its servers are killed, and its network is cut, amid loads, refreshes and unloads.

`python -m tests.cluster.campaign` (or `make faults ONLY=cluster N=200 SEED=1`) runs it by hand, `tests/cluster/
test_campaign.py` a part of it. It starts the servers itself, with the programs of LOGISTICS_TEST_POSTGRES, where these
have the extension Citus. What happens in a run is the same whenever it has the same seed and number; the moment at
which a fault strikes is so only roughly, as Citus decides what it sends over which connection.
"""
