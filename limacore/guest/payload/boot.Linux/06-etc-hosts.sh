#!/bin/sh
# host.lima.internal is the host as the guest sees it.
set -eu

hosts=/etc/hosts
wanted="$LIMA_CIDATA_SLIRP_GATEWAY host.lima.internal"
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
