#!/bin/sh
# Runs a command beside a PostgreSQL server of its own, which ends and goes with it: `with-postgres.sh cargo bench …`.
# FLORIA_POSTGRES_URL tells the command where it is: a unix socket in a folder of its own, and nowhere else.
set -eu

programs=$(dirname "$(readlink -f "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb | tail -n 1)")")
folder=$(mktemp -d "${TMPDIR:-/tmp}/floria-pg.XXXXXX")
as=""
if [ "$(id -u)" = 0 ]; then
    # PostgreSQL does not run as root.
    as="setpriv --reuid=postgres --regid=postgres --clear-groups"
    chown postgres "$folder"
fi
chmod 755 "$folder"
cd_from=$(pwd)
cd "$folder"
$as "$programs/initdb" --pgdata="$folder/data" --username=floria --auth=trust --no-locale --encoding=UTF8 >/dev/null
$as "$programs/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" >log 2>&1 &
server=$!
trap 'kill -INT $server; wait $server || true; rm -rf "$folder"' EXIT
until "$programs/pg_isready" --quiet --host="$folder"; do
    kill -0 $server || { cat log; exit 1; }
    sleep 0.1
done
cd "$cd_from"
FLORIA_POSTGRES_URL="postgres://floria@$(echo "$folder" | sed 's|/|%2F|g')/postgres" "$@"
