#!/bin/sh
# Makes image.tar: a container image that holds nothing but a static busybox, in the format of `podman save`. It needs no
# registry and no container engine, only a static busybox (Debian: busybox-static; or give its path as the argument).
set -eu

cd "$(dirname "$0")"
busybox=${1:-$(command -v busybox)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same bytes each time, so that the image's id only changes with busybox.
archive() { (cd "$1" && tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - -- *) > "$2"; }

mkdir -p "$work/root/bin" "$work/root/tmp" "$work/image"
cp "$busybox" "$work/root/bin/busybox"
chmod 755 "$work/root/bin/busybox"
for name in sh wget sleep; do ln -s busybox "$work/root/bin/$name"; done
archive "$work/root" "$work/image/layer.tar"

layer=$(sha256sum "$work/image/layer.tar" | cut -d ' ' -f 1)
case $(uname -m) in
    aarch64) architecture=arm64 ;;
    *) architecture=amd64 ;;
esac
cat > "$work/image/config.json" <<JSON
{"architecture":"$architecture","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created_by":"make-image.sh"}]}
JSON
cat > "$work/image/manifest.json" <<JSON
[{"Config":"config.json","RepoTags":["localhost/khutulun-hello-web:latest"],"Layers":["layer.tar"]}]
JSON
archive "$work/image" image.tar
echo "made image.tar"
