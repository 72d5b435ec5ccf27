#!/bin/sh
# Starts a streaming replica of the server PRIMARY_HOST. The first time, it takes a base backup.
#   PGDATA: folder of the data. REPLICATION_PASSWORD: that of the login replicator. PORT: 5432 unless set.
set -eu
umask 077

mkdir -p "$(dirname "$PGDATA")"
passwords="$PGDATA.passwords"
echo "*:*:*:replicator:$REPLICATION_PASSWORD" > "$passwords"
source="host=$PRIMARY_HOST user=replicator application_name=replica passfile=$passwords"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Under another name until it is whole: what an interrupted backup leaves must not be started.
    unfinished="$PGDATA.unfinished"
    rm -rf "$unfinished"
    pg_basebackup -D "$unfinished" -R -c fast -d "$source"
    [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
    mv "$unfinished" "$PGDATA"
fi

# The address of today, whatever it was when the backup was taken; the settings of the primary, whose place it may take.
exec postgres -D "$PGDATA" -p "${PORT:-5432}" -c "primary_conninfo=$source" -c hot_standby_feedback=on \
    -c "listen_addresses=*" \
    -c shared_buffers=256MB -c work_mem=64MB -c maintenance_work_mem=256MB \
    -c max_wal_size=4GB -c checkpoint_timeout=15min -c max_connections=100 \
    -c timezone=UTC -c log_timezone=UTC
