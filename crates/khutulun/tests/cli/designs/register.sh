#!/bin/sh
# Puts somebody on a list, or takes them off.
set -eu
mkdir -p "$HOME/list"
case $does in
add) touch "$HOME/list/$who" ;;
remove) rm -f "$HOME/list/$who" ;;
esac
