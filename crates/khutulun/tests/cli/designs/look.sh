#!/bin/sh
# Looks at the thing that it is told of, and changes nothing.
set -eu
if ! [ -e "$file" ]; then
    echo '{"state": "absent", "version": null}'
    exit
fi
version=$(cat "$file")
# Takes as long as somebody wants.
while [ "$version" = slow ]; do
    touch "$file.asked"
    sleep 0.01
    version=$(cat "$file")
done
if [ "$version" = secret ]; then
    echo 'nobody may look' >&2
    exit 1
fi
printf '{"state": "running", "version": "%s", "looks": "like %s"}\n' "$version" "$version"
