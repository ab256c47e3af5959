#!/bin/sh
# A large range of numbers for the users inside the user's containers, above the user's own.
set -eu

[ -d /run/systemd/system ] || exit 0
first=524288
[ "$LIMA_CIDATA_UID" -lt "$first" ] || first=$((LIMA_CIDATA_UID + 1))
for file in /etc/subuid /etc/subgid; do
    line=$LIMA_CIDATA_USER:$first:1073741824
    ! grep -qsx "$line" "$file" || continue
    rest=$(grep -v "^$LIMA_CIDATA_USER:" "$file" 2>/dev/null || true)
    printf '%s\n' ${rest:+"$rest"} "$line" >"$file"
done
