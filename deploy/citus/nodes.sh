#!/bin/sh
# Makes the extension on all nodes and names the workers to the coordinator. What is there already stays as it is.
#   COORDINATOR, WORKERS: their hosts. PGUSER, PGPASSWORD, PGDATABASE: a superuser, and the database, on each.
set -eu

for host in $WORKERS $COORDINATOR; do
    psql --no-psqlrc --quiet --host="$host" --command='CREATE EXTENSION IF NOT EXISTS citus'
done

psql --no-psqlrc --quiet --host="$COORDINATOR" --set=ON_ERROR_STOP=1 --set=coordinator="$COORDINATOR" \
    --set=workers="$WORKERS" <<'SQL'
SELECT citus_set_coordinator_host(:'coordinator', 5432)
WHERE NOT EXISTS (SELECT FROM pg_dist_node WHERE groupid = 0);

SELECT citus_add_node(host, 5432)
FROM string_to_table(:'workers', ' ') AS host
WHERE host NOT IN (SELECT nodename FROM pg_dist_node);
SQL
