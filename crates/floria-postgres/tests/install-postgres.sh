#!/bin/sh
# Installs a PostgreSQL server for the tests, on Debian. The tests themselves install nothing: without a server they say so and
# count as skipped. They start servers of their own, in folders of their own; the one that the package starts is not used.
set -eu

if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then
    echo "a PostgreSQL server is here"
    exit 0
fi
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql
