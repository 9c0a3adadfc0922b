#!/bin/sh
# Installs what the tests on real Podman need, on Debian. The tests themselves install nothing: without Podman they say so and
# count as skipped. They bring their own configuration (runtime, limits, storage), so nothing is changed here but packages.
set -eu

packages="podman runc conmon netavark aardvark-dns catatonit busybox-static"

missing=""
for package in $packages; do
    if ! dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null | grep -q "ok installed"; then
        missing="$missing $package"
    fi
done
if [ -z "$missing" ]; then
    echo "podman is here: $(podman --version)"
    exit 0
fi
apt-get update
# shellcheck disable=SC2086 # The words are packages.
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
podman --version
