#!/bin/sh
# Leaves a word in a file, and says whose.
set -eu
echo "$word from $KHUTULUN_NODE" >> "$file"
printf '{"said": "%s"}\n' "$word"
