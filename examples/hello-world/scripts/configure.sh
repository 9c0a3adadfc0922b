#!/bin/sh
# What the operation `configure` of `web` runs. Its inputs are environment variables (and JSON on standard input); its outputs
# are the one JSON object that it prints. Whatever goes wrong ends it with a code that is not 0 and a word on standard error.
set -eu

if [ -z "$greeting" ]; then
    echo "the greeting is empty" >&2
    exit 1
fi

# Quotes and backslashes need a backslash in JSON.
quoted=$(printf '%s' "$greeting" | sed 's/["\\]/\\&/g')
printf '{ "banner": "*** %s from %s ***" }\n' "$quoted" "$(uname -n)"
