#!/bin/sh
# Where there is no cloud-init: the user with its keys, and the seed where everything else looks for it.
# Not run on Windows.
set -eu

[ -n "${LIMA_CIDATA_NO_CLOUD_INIT:-}" ] || exit 0
if ! id -u "$LIMA_CIDATA_USER" >/dev/null 2>&1; then
    useradd --home-dir "$LIMA_CIDATA_HOME" --create-home --shell "$LIMA_CIDATA_SHELL" --uid "$LIMA_CIDATA_UID" \
        --comment "$LIMA_CIDATA_COMMENT" "$LIMA_CIDATA_USER"
fi
keys=$LIMA_CIDATA_HOME/.ssh
mkdir -p "$keys"
cp "$LIMA_CIDATA_MNT/ssh_authorized_keys" "$keys/authorized_keys"
chmod 700 "$keys"
chmod 600 "$keys/authorized_keys"
chown -R "$LIMA_CIDATA_USER" "$keys"

mkdir -p /etc/sudoers.d
echo "$LIMA_CIDATA_USER ALL=(ALL) NOPASSWD:ALL" >/etc/sudoers.d/90-lima-user
chmod 440 /etc/sudoers.d/90-lima-user

place=${LIMA_SEED_PLACE:-/mnt/lima-cidata}
[ "$LIMA_CIDATA_MNT" = "$place" ] || ln -sfn "$LIMA_CIDATA_MNT" "$place"
