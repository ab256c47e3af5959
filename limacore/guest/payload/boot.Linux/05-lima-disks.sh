#!/bin/sh
# Additional disks: made once, found by their label, grown with their images, mounted at /mnt/lima-NAME.
set -eu

setting() { # setting NUMBER NAME
    eval "printf '%s' \"\${LIMA_CIDATA_DISK_$1_$2-}\""
}

settled() {
    ! command -v udevadm >/dev/null 2>&1 || udevadm settle
}

labelled() { # labelled LABEL: the device of the file system, empty for none
    blkid -L "$1" 2>/dev/null || true
}

make() { # make DEVICE LABEL TYPE ARGS: one partition over the whole disk, and what is to be in it
    printf 'label: gpt\n,\n' | sfdisk --quiet "$1"
    settled
    set -f
    # shellcheck disable=SC2086 # the arguments of mkfs are words
    case $3 in
    swap) mkswap -L "$2" $4 "${1}1" ;;
    *) "mkfs.$3" -L "$2" $4 "${1}1" ;;
    esac
    set +f
    settled
}

grow() { # grow DISK PARTITION TYPE PLACE
    command -v growpart >/dev/null 2>&1 && growpart "$1" 1 >/dev/null 2>&1 || return 0
    case $3 in
    ext*) resize2fs "$2" ;;
    xfs) xfs_growfs "$4" ;;
    btrfs) btrfs filesystem resize max "$4" ;;
    esac
}

number=0
while [ "$number" -lt "${LIMA_CIDATA_DISKS:-0}" ]; do
    label=lima-$(setting "$number" NAME)
    disk=/dev/$(setting "$number" DEVICE)
    type=$(setting "$number" FSTYPE)
    if [ -z "$(labelled "$label")" ] && [ "$(setting "$number" FORMAT)" = true ]; then
        make "$disk" "$label" "${type:-ext4}" "$(setting "$number" FSARGS)"
    fi
    number=$((number + 1))
    partition=$(labelled "$label")
    if [ -z "$partition" ]; then
        echo "$disk has no file system labelled $label" >&2
        continue
    fi
    place=/mnt/$label
    if [ "$type" = swap ]; then
        grep -q "^$(readlink -f "$partition") " /proc/swaps || swapon "$partition"
        continue
    fi
    mkdir -p "$place"
    mountpoint -q "$place" || mount "$partition" "$place"
    grow "$disk" "$partition" "${type:-ext4}" "$place"
done
