-- Finds a node that may not have committed what the coordinator has: Citus keeps a note until it has seen that it did.
-- One row: its host and port; none if there is no such node.
-- Reads the catalogue of Citus.

SELECT nodename, nodeport
FROM pg_dist_transaction
JOIN pg_dist_node USING (groupid)
LIMIT 1
