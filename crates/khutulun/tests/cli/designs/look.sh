#!/bin/sh
# Looks at the thing that it is told of, and changes nothing.
set -eu
if ! [ -e "$file" ]; then
    echo '{"state": "absent", "version": null}'
    exit
fi
version=$(cat "$file")
if [ "$version" = secret ]; then
    echo 'nobody may look' >&2
    exit 1
fi
printf '{"state": "running", "version": "%s", "looks": "like %s"}\n' "$version" "$version"
