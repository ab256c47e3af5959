#!/bin/sh
# 9p and virtiofs mounts that are not there yet: where no cloud-init made them, or where it could not (blanks).
set -eu

list=$LIMA_CIDATA_MNT/mounts
[ -r "$list" ] || exit 0
code=0
while read -r tag type options point; do
    ! mountpoint -q "$point" || continue
    mkdir -p "$point"
    [ "$type" != 9p ] || modprobe 9pnet_virtio 2>/dev/null || true
    mount -t "$type" -o "$options" "$tag" "$point" || code=1
done <"$list"
exit "$code"
