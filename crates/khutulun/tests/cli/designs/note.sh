#!/bin/sh
# Says what it was given, as a script's author would.
set -eu
printf '{"noted": "%s"}\n' "$text"
