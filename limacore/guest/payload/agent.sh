#!/bin/sh
# What the host agent runs over ssh in a guest that has no Python for the guest agent: it answers one question a line,
# each answer ends with a line `.`, and while nobody asks it does not run. Only what every shell has, and no program
# where the shell itself can read: a program costs an emulated guest a twentieth of a second.
# It is handed over in single quotes, so there are none in here, and no backslash twice.
set -f
told=0

ports() { # TCP only: datagrams would need the agent
    found=""
    for kind in tcp tcp6; do
        [ ! -r "/proc/net/$kind" ] || while read -r _ where _ state _; do
            [ "$state" != 0A ] || found="$found $kind:$where"
        done <"/proc/net/$kind"
    done
    echo "ports$found"
}

boot() { # what boot.sh has noted since the last question, and its mark at the end
    number=0
    [ ! -r /run/lima-boot-progress ] || while IFS= read -r line; do
        number=$((number + 1))
        [ "$number" -le "$told" ] || echo "boot $line"
    done </run/lima-boot-progress
    told=$number
    [ ! -r /run/lima-boot-done ] || { read -r line </run/lima-boot-done && echo "ready $line"; }
}

first() { # the first line of a file into $line
    line=""
    [ ! -r "$1" ] || read -r line <"$1" || :
}

hello() {
    first /run/lima-ssh-ready
    iid=$line
    first /proc/sys/kernel/random/boot_id
    id=$line
    first /proc/sys/kernel/osrelease
    kernel=$line
    first /proc/sys/kernel/hostname
    name=$line
    first /proc/uptime
    echo "hello ${iid:--} $id $kernel $name ${line%% *}"
}

memory() {
    total=0
    free=0
    while read -r key value _; do
        case $key in
        MemTotal:) total=$value ;;
        MemAvailable:) free=$value && break ;;
        esac
    done </proc/meminfo
    echo "memory $total $free"
}

metrics() {
    first /proc/loadavg
    echo "load ${line%% *}"
    first /proc/stat
    echo "$line"
    memory
    df -P -k / | while read -r _ size used _; do echo "disk $size $used"; done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

off() { # off VERB
    if [ -d /run/systemd/system ]; then as_root systemctl --no-block "$1"; else as_root "$1"; fi
}

shift_clock() { # shift_clock NANOSECONDS: by a difference, for it takes its time to become root
    as_root sh -s -- "$1" <<"ROOT"
now=$(date +%s%N)
case $now in *[!0-9]*) now=${now%%[!0-9]*}000000000 ;; esac
now=$((now + $1))
part=000000000$((now % 1000000000))
exec date -u -s "@$((now / 1000000000)).${part#"${part%?????????}"}"
ROOT
}

echo "here"
while read -r question time rest; do
    case $question in
    hello) hello ;;
    ports) ports ;;
    boot) boot ;;
    metrics) metrics ;;
    date) date "+date %s.%N" ;;
    shift) shift_clock "$time" >/dev/null 2>&1 && echo "set" ;;
    touch) touch -c -d "@$time" "$rest" 2>/dev/null ;;
    off) off "$time" >/dev/null 2>&1 </dev/null ;;
    esac
    echo .
done
