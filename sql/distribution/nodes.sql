-- Tells what this server is in its cluster.
-- One row: whether it is the coordinator, and how many nodes may store rows of distributed tables.
-- Reads the catalogue of Citus.

SELECT
    (SELECT groupid = 0 FROM pg_dist_local_group) AS is_coordinator,
    (SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards AND noderole = 'primary') AS nodes
