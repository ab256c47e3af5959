#!/bin/sh
# The prompt of the instance `default` is lime instead of green, once, where .bashrc is the one that Debian brings.
set -eu

[ "$LIMA_CIDATA_NAME" = default ] || exit 0
file=$LIMA_CIDATA_HOME/.bashrc
mark='# lima prompt'
[ -f "$file" ] && ! grep -q "^$mark" "$file" && grep -q '01;32m' "$file" || exit 0
sed -i 's/\\\[\\033\[01;32m\\\]/\\[\\033[38;5;10m\\]/' "$file"
echo "$mark" >>"$file"
