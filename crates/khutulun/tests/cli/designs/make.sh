#!/bin/sh
# Makes the thing that it is told of.
set -eu
echo 1 > "$file"
printf '{"state": "running", "version": "1"}\n'
