#!/bin/sh
# Fails for the colour that nobody likes; tells that it runs, and waits while somebody wants it to.
set -eu
echo "$text" >> "$HOME/ran"
while [ -e "$HOME/hold-$text" ]; do sleep 0.02; done
[ "$text" != black ] || { echo "nobody likes black" >&2; exit 3; }
