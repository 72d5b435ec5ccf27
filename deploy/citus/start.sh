#!/bin/sh
# Runs a program as a node of the cluster, with the passwords by which its server logs in to the other nodes.
#   PGPASSFILE: file for them. POSTGRES_PASSWORD, API_DATABASE_PASSWORD: of the logins logistics and logistics_api.
set -eu

line() {
    printf '*:*:*:%s:%s\n' "$1" "$(printf %s "$2" | sed 's/[\\:]/\\&/g')"
}

(umask 077 && { line logistics "$POSTGRES_PASSWORD"; line logistics_api "$API_DATABASE_PASSWORD"; } > "$PGPASSFILE")
[ "$(id -u)" != 0 ] || chown "${NODE_USER:-postgres}" "$PGPASSFILE"

exec "$@"
