#!/bin/sh
# Our block of /etc/environment is what cidata says; after that a login sees the right variables.
set -eu

file=/etc/environment
[ -e "$file" ] || : >"$file"
variables() { printf '%s\n' "$1" | sed '/^#/d; /^$/d'; }
other() { [ "$(variables "$before")" != "$(variables "$wanted")" ]; }
before=$(cat "$file")
wanted=$(sed '/^#LIMA-START$/,/^#LIMA-END$/d' "$file" && cat "$LIMA_CIDATA_MNT/etc_environment")
if [ "$before" != "$wanted" ]; then
    printf '%s\n' "$wanted" >"$file"
    # Sessions that were opened before have the old variables: they must go, but only if there is a difference.
    if other && command -v loginctl >/dev/null 2>&1; then
        loginctl terminate-user "$LIMA_CIDATA_USER" || true
    fi
fi
echo "$LIMA_CIDATA_IID" >/run/lima-ssh-ready
