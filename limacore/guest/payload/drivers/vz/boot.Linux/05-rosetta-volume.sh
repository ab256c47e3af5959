#!/bin/sh
# Rosetta, shared by the host, runs x86_64 programs: the kernel hands them to it where that is asked for.
# Not run on macOS.
set -eu

[ "$LIMA_CIDATA_ROSETTA_ENABLED" = true ] || exit 0
share=/mnt/lima-rosetta
formats=${LIMA_BINFMT:-/proc/sys/fs/binfmt_misc}
# The head of an ELF file for x86_64, and which of its bits count; the kernel reads the escapes.
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00'
mask='\xff\xff\xff\xff\xff\xfe\xfe\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

if ! mountpoint -q "$share"; then
    mkdir -p "$share"
    mount -t virtiofs vz-rosetta "$share"
fi
if [ ! -e "$formats/register" ]; then
    modprobe binfmt_misc || true
    mount -t binfmt_misc binfmt_misc "$formats"
fi
[ ! -e "$formats/rosetta" ] || echo -1 >"$formats/rosetta"
[ "$LIMA_CIDATA_ROSETTA_BINFMT" = true ] || exit 0
printf '%s\n' ":rosetta:M::$magic:$mask:$share/rosetta:OCF" >"$formats/register"
