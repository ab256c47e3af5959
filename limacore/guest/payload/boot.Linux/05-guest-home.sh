#!/bin/sh
# /home/USER.linux and /home/USER.guest are one place under both names, and what is in it is the user's own.
set -eu

link_beside() { # link_beside HOME OTHER
    [ -e "$2" ] || [ -L "$2" ] || ln -s "$1" "$2"
}

base=/home/$LIMA_CIDATA_USER
case $LIMA_CIDATA_HOME in
"$base.guest") link_beside "$base.guest" "$base.linux" ;;
"$base.linux") link_beside "$base.linux" "$base.guest" ;;
esac
# A mount point or a file of `data` provisioning below it may have been there before the user was.
if [ -d "$LIMA_CIDATA_HOME" ] && [ "$(stat -c %u "$LIMA_CIDATA_HOME")" = 0 ] && [ "$LIMA_CIDATA_UID" != 0 ]; then
    find "$LIMA_CIDATA_HOME" -xdev -user 0 -exec chown -h "$LIMA_CIDATA_USER" {} +
fi
