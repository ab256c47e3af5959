#!/bin/sh
# Users find the programs of the administrator, which rootless containers call, in every kind of shell.
set -eu

[ -d /run/systemd/system ] || exit 0
for name in .profile .bashrc .zshrc; do
    file=$LIMA_CIDATA_HOME/$name
    ! grep -qs '^# Lima BEGIN' "$file" || continue
    cat >>"$file" <<'BLOCK'
# Lima BEGIN
# Make sure that the programs of the administrator are found
PATH="$PATH:/usr/sbin:/sbin"
export PATH
BLOCK
    case $(uname -r) in # older kernels let no user mount an overlay
    [0-4].* | 5.[0-9].* | 5.1[0-2].*) echo "export CONTAINERD_SNAPSHOTTER=fuse-overlayfs" >>"$file" ;;
    esac
    echo "# Lima END" >>"$file"
    chown "$LIMA_CIDATA_USER" "$file"
done
