#!/bin/sh
# /home/USER.linux and /home/USER.guest are one place under both names, whichever the home was made as.
set -eu

link_beside() { # link_beside HOME OTHER
    [ -e "$2" ] || [ -L "$2" ] || ln -s "$1" "$2"
}

base=/home/$LIMA_CIDATA_USER
case $LIMA_CIDATA_HOME in
"$base.guest") link_beside "$base.guest" "$base.linux" ;;
"$base.linux") link_beside "$base.linux" "$base.guest" ;;
esac
