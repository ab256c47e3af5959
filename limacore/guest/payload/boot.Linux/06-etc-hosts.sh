#!/bin/sh
# host.lima.internal is the host as the guest sees it.
set -eu

hosts=/etc/hosts
gateway=$LIMA_CIDATA_SLIRP_GATEWAY
if [ -z "$gateway" ]; then # on a network of the host's system its route tells
    gateway=$(ip -4 route show default | sed -n 's/.* via \([0-9.]*\) .*/\1/p' | head -n 1)
    [ -n "$gateway" ] || exit 0
fi
wanted="$gateway host.lima.internal"
found=""
while IFS= read -r line; do
    case $line in
    "$wanted") exit 0 ;;
    *[[:space:]]host.lima.internal) found=yes ;;
    esac
done <"$hosts"
if [ -n "$found" ]; then
    rest=$(grep -v '[[:space:]]host\.lima\.internal$' "$hosts" || true)
    printf '%s\n' "$rest" >"$hosts" # written into, not replaced: some guests have a mount there
fi
echo "$wanted" >>"$hosts"
