#!/bin/sh
# A machine without a clock starts in the past, where no certificate is valid: the seed's date is a start, NTP does the rest.
set -eu

[ ! -c /dev/rtc0 ] && [ -d /run/systemd/system ] || exit 0
date -s "@$(stat -c %Y "$LIMA_CIDATA_MNT/user-data")" >/dev/null
tries=0
until [ "$(timedatectl show --property=NTPSynchronized --value)" = yes ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { echo "the clock was not set by NTP within a minute" >&2 && exit 1; }
    sleep 1
done
