"""Every command and flag, as data: parsing, help and completion are made from this tree."""

from __future__ import annotations

from limacore.cli.pflag import Flag
from limacore.cli.tree import Command

_F = Flag

ROOT_FLAGS = (
    _F("log-level", help="least level of the lines shown: trace, debug, info, warn, error, fatal, panic"),
    _F("log-format", help="how log lines look: text, json", default="text"),
    _F("debug", "bool", "show debug lines, too"),
    _F("tty", "bool", "ask questions and open editors (default: when the output is a terminal)"),
    _F("yes", "bool", "ask nothing, the same as --tty=false", "y"),
)

_EDIT = (
    _F("cpus", "int", "number of CPUs", complete="cpus"),
    _F("dns", "ipSlice", "DNS servers in place of the host resolver", default=""),
    _F("memory", "float32", "memory in GiB", complete="memory"),
    _F("mount", "strings", "directories of the host to mount; `:w` makes one writable", complete="files"),
    _F("mount-only", "strings", "as --mount, in place of those of the template", complete="files"),
    _F("mount-none", "bool", "mount nothing"),
    _F("mount-type", help="how to mount: reverse-sshfs, 9p, virtiofs", complete="mount-type"),
    _F("mount-inotify", "bool", "tell the guest of changes in mounted directories"),
    _F("mount-writable", "bool", "make all mounts writable"),
    _F("nested-virt", "bool", "let the guest run virtual machines itself"),
    _F("network", "strings", "further networks: vzNAT, lima:NAME", complete="network"),
    _F("rosetta", "bool", "run x86_64 programs by Rosetta (vz)"),
    _F("set", "stringArray", "change the template by a yq expression", complete="set"),
    _F("param", "stringArray", "set a parameter that the template defines: NAME=VALUE", complete="none"),
    _F("ssh-port", "uint16", "port of ssh on the host (0: any)", complete="ssh-port"),
    _F("video", "bool", "show the guest's display"),
    _F("vm-type", help="driver: qemu, vz, wsl2", complete="vm-type"),
    _F("disk", "float32", "disk size in GiB", complete="disk"),
    _F("shell", help="login shell of the guest's user", complete="shell"),
)

_CREATE = (
    *_EDIT,
    _F("arch", help="architecture of the machine", complete="arch"),
    _F("arch-variant", help="take images of this variant of the architecture", complete="none"),
    _F("audio-device", help="QEMU audio device", complete="none"),
    _F("audio-interface", help="QEMU audio interface", complete="none"),
    _F("containerd", help="containerd: user, system, user+system, none", complete="containerd"),
    _F("image-variant", help="take images of this variant", complete="none"),
    _F("plain", "bool", "no agent, mounts, port forwards or containerd"),
    _F("port-forward", "stringArray", "forward a port: HOST:GUEST[,static=true]", complete="port-forward"),
    _F("name", help="name of the instance", complete="none"),
    _F("list-templates", "bool", "list the templates and exit"),
    _F("list-drivers", "bool", "list the drivers and exit"),
)
_START_AFTER = _F("start", "bool", "start the instance afterwards")
_JSON = _F("json", "bool", "print JSON lines")


def _force(text: str) -> Flag:
    return _F("force", "bool", text, "f")


_BASIC = (
    Command("create", "Create an instance", "create:create", "create FILE.yaml|URL", _CREATE, args=(0, 1),
            group="basic", complete="templates", examples="""  {0} create
  {0} create --name=dev --cpus=4 --memory=8 template:debian-12
  {0} create ./lima.yaml
  cat lima.yaml | {0} create --name=dev -"""),
    Command("delete", "Delete instances", "instances:delete", "delete INSTANCE [INSTANCE, ...]",
            (_force("delete them even while they run"),), aliases=("remove", "rm"), args=(1, 1 << 30),
            group="basic", complete="instances"),
    Command("edit", "Edit an instance, or a template file", "edit:edit", "edit INSTANCE|FILE.yaml",
            (*_EDIT, _START_AFTER), args=(0, 1), group="basic", complete="instances"),
    Command("list", "List instances", "listing:list_instances", "list [flags] [INSTANCE]...", (
                _F("format", help="json, yaml, table, or a Go template", short="f", default="table", complete="format"),
                _F("list-fields", "bool", "list the fields of the Go template and exit"),
                _F("json", "bool", "the same as --format json"),
                _F("quiet", "bool", "only names", "q"),
                _F("all-fields", "bool", "never hide columns"),
                _F("yq", "stringArray", "apply a yq expression to each instance", complete="none"),
                _F("filter", "stringArray", "keep instances for which a yq expression holds", "l", complete="none"),
            ), aliases=("ls",), group="basic", complete="instances"),
    Command("restart", "Restart an instance", "instances:restart", "restart INSTANCE",
            (*_EDIT, _force("kill the machine in place of asking it to stop"),
             _F("progress", "bool", "show the guest's cloud-init progress")),
            args=(0, 1), group="basic", complete="instances"),
    Command("shell", "Open a shell in an instance, or run a command there", "shell:shell",
            "shell [flags] INSTANCE [COMMAND...]", (
                _F("shell", help="shell in place of the user's", complete="shell"),
                _F("workdir", help="directory in the guest to go to", complete="none"),
                _F("reconnect", "bool", "end the shared ssh connection first"),
                _F("preserve-env", "bool", "pass the environment on (LIMA_SHELLENV_BLOCK, LIMA_SHELLENV_ALLOW)"),
                _F("start", "bool", "start the instance when it is stopped"),
                _F("sync", help="copy a directory there and, after the command, back", complete="files"),
                _F("instance", hidden=True, complete="instances"),
            ), interspersed=False, group="basic", complete="instances", suggest_for=("ssh",)),
    Command("start", "Start an instance, creating it when needed", "create:start", "start NAME|FILE.yaml|URL", (
                _F("foreground", "bool", "run the host agent in this process"),
                _F("timeout", "duration", "how long to wait until it runs", default="10m0s", complete="none"),
                _F("progress", "bool", "show the guest's cloud-init progress"),
                _F("strict", "bool", "fail when a provision script of the guest failed"),
                *_CREATE,
            ), args=(0, 1), many="start NAME...|FILE.yaml|URL", group="basic", complete="startable",
            examples="""  {0} start
  {0} start --name=dev template:debian-12"""),
    Command("stop", "Stop instances", "instances:stop", "stop INSTANCE [INSTANCE, ...]",
            (_force("kill the machine"),
             _F("timeout", "duration", "how long to wait until it has shut down", complete="none")),
            group="basic", complete="instances"),
)

_DISK = Command("disk", "Additional disks", group="advanced", commands=(
    Command("create", "Create a disk", "disks:create", "create DISK",
            (_F("size", help="its size, such as 10GiB", required=True, complete="none"),
             _F("format", help="qcow2 or raw", default="qcow2", complete="disk-format")), args=(1, 1)),
    Command("delete", "Delete disks", "disks:delete", "delete DISK [DISK, ...]",
            (_force("also when an instance refers to it"),), aliases=("remove", "rm"), args=(1, 1 << 30),
            complete="disks"),
    Command("import", "Make a disk of an image file", "disks:import_file", "import DISK FILE", args=(2, 2),
            complete="files"),
    Command("list", "List disks", "disks:list_disks", "list",
            (_JSON, _F("all", "bool", "the main disks of instances, too")), aliases=("ls",), complete="disks"),
    Command("resize", "Make a disk larger", "disks:resize", "resize DISK",
            (_F("size", help="its new size", required=True, complete="none"),), args=(1, 1), complete="disks"),
    Command("unlock", "Release disks that a dead instance holds", "disks:unlock", "unlock DISK [DISK, ...]",
            args=(1, 1 << 30), complete="disks"),
))

_TAG = _F("tag", help="name of the snapshot", complete="none")
_SNAPSHOT = Command("snapshot", "Snapshots of an instance (experimental)", group="advanced", commands=(
    Command("apply", "Go back to a snapshot", "snapshots:apply", "apply INSTANCE", (_TAG,), aliases=("load",),
            args=(1, 1 << 30), bare=True, complete="instances"),
    Command("create", "Take a snapshot", "snapshots:create", "create INSTANCE", (_TAG,), aliases=("save",),
            args=(1, 1 << 30), bare=True, complete="instances"),
    Command("delete", "Delete a snapshot", "snapshots:delete", "delete INSTANCE", (_TAG,), aliases=("del",),
            args=(1, 1 << 30), bare=True, complete="instances"),
    Command("list", "List snapshots", "snapshots:list_snapshots", "list INSTANCE",
            (_F("quiet", "bool", "only tags", "q"),), aliases=("ls",), args=(1, 1 << 30), bare=True,
            complete="instances"),
))

_FILL = _F("fill", "bool", "add all defaults, and print the result")
_VALIDATE = ("validate TEMPLATE [TEMPLATE, ...]", (_FILL,))
_TEMPLATE = Command("template", "Templates (experimental)", aliases=("tmpl",), group="advanced", commands=(
    Command("copy", "Copy a template", "templates:copy", "copy [OPTIONS] TEMPLATE [DEST]", (
                _F("embed", "bool", "embed bases and scripts that are files"),
                _F("embed-all", "bool", "embed bases that are named templates, too"),
                _F("fill", "bool", "embed everything and add all defaults"),
                _F("verbatim", "bool", "change nothing"),
            ), args=(1, 2), complete="templates"),
    Command("url", "Print the locator that another one stands for", "templates:url", "url CUSTOM_URL", args=(1, 1)),
    Command("validate", "Check templates", "templates:validate", *_VALIDATE, args=(1, 1 << 30), complete="templates"),
    Command("yq", "Evaluate a yq expression on a filled template", "templates:yq", "yq TEMPLATE EXPR", args=(2, 2),
            complete="templates"),
))

_NETWORK = Command("network", "Networks", group="advanced", commands=(
    Command("create", "Create a network", "networks:create", "create NETWORK", (
                _F("mode", help="user-v2, host, shared or bridged", default="user-v2", complete="network-mode"),
                _F("gateway", help="gateway with the length of its prefix, such as 192.168.42.1/24", complete="none"),
                _F("interface", help="interface of the host for a bridged network", complete="interfaces"),
            ), args=(1, 1)),
    Command("delete", "Delete networks", "networks:delete", "delete NETWORK [NETWORK, ...]",
            (_force("required for now"),), aliases=("remove", "rm"), args=(1, 1 << 30), complete="networks"),
    Command("list", "List networks", "networks:list_networks", "list", (_JSON,), aliases=("ls",),
            complete="networks"),
))

_AUTOSTART = Command("autostart", "Start instances at login", group="advanced", commands=(
    Command("disable", "Start it at login no more", "autostart:disable", "disable INSTANCE", args=(1, 1),
            complete="instances"),
    Command("enable", "Start it at login", "autostart:enable", "enable INSTANCE", (
                _F("condition", help="login, or boot on macOS", default="login", complete="condition"),
                _F("user", help="user that owns it, with --condition=boot", complete="none"),
            ), args=(1, 1), complete="instances"),
))

_ADVANCED = (
    _AUTOSTART,
    Command("clone", "Clone an instance", "instances:clone", "clone OLDINST NEWINST", (*_EDIT, _START_AFTER),
            args=(2, 2), group="advanced", complete="instances"),
    Command("copy", "Copy files between host and instances", "copying:copy", "copy SOURCE ... TARGET", (
                _F("recursive", "bool", "copy directories", "r"),
                _F("verbose", "bool", "tell what is done", "v"),
                _F("backend", help="auto, sftp (with progress), scp or rsync", default="auto", complete="copy-backend"),
            ), aliases=("cp",), args=(2, 1 << 30), group="advanced", complete="files"),
    _DISK,
    Command("factory-reset", "Make an instance as new", "instances:factory_reset", "factory-reset INSTANCE",
            args=(0, 1), group="advanced", complete="instances"),
    Command("info", "Show what is installed where", "about:info", "info", (
                _F("yq", help="apply a yq expression", default=".", complete="none"),
                _F("reprobe", "bool", "forget which accelerators fail here; the next start tries again"),
            ), args=(0, 0), group="advanced"),
    _NETWORK,
    Command("protect", "Forbid deletion of instances", "instances:protect", "protect INSTANCE [INSTANCE, ...]",
            args=(1, 1 << 30), group="advanced", complete="instances"),
    Command("prune", "Empty the download cache", "cache:prune", "prune",
            (_F("keep-referred", "bool", "keep what instances and templates refer to"),), args=(0, 0),
            group="advanced"),
    Command("rename", "Rename an instance", "instances:rename", "rename OLDINST NEWINST", (*_EDIT, _START_AFTER),
            args=(2, 2), group="advanced", complete="instances"),
    Command("screenshot", "Save a picture of the guest's display", "watching:screenshot", "screenshot INSTANCE",
            (_F("output", help="file to write, .png or .bmp", short="o", complete="files"),), args=(1, 1),
            group="advanced", complete="instances"),
    Command("show-ssh", "Show the ssh command line", "sshconfig:show_ssh", "show-ssh [flags] INSTANCE",
            (_F("format", help="cmd, args, options, config", short="f", default="cmd", complete="ssh-format"),),
            args=(1, 1), group="advanced", complete="instances"),
    _SNAPSHOT,
    Command("sudoers", "Write the sudoers file for socket_vmnet (macOS)", "autostart:sudoers",
            "sudoers [--check [SUDOERSFILE-TO-CHECK]]", (_F("check", "bool", "compare it with the one installed"),),
            args=(0, 1), group="advanced", complete="files"),
    _TEMPLATE,
    Command("tunnel", "Reach the network of an instance through a proxy (experimental)", "sshconfig:tunnel",
            "tunnel [flags] INSTANCE", (
                _F("type", help="kind of proxy: socks", default="socks", complete="tunnel-type"),
                _F("socks-port", "int", "port of the proxy (0: any)", complete="none"),
            ), args=(1, 1), interspersed=False, group="advanced", complete="instances"),
    Command("unprotect", "Allow deletion of instances", "instances:unprotect", "unprotect INSTANCE [INSTANCE, ...]",
            args=(1, 1 << 30), group="advanced", complete="instances"),
    Command("validate", "Check templates", "templates:validate", *_VALIDATE, args=(1, 1 << 30), group="advanced",
            complete="templates"),
    Command("watch", "Show the events of instances", "watching:watch", "watch [INSTANCE]...", (
                _F("json", "bool", "print JSON lines"),
                _F("history", "bool", "events before now, too"),
                _F("verbose", "bool", "what the host agents log, too"),
            ), group="advanced", complete="instances"),
)

_OURS = (
    Command("ansible-inventory", "Inventory of all instances for Ansible", "ansible:inventory",
            "ansible-inventory --list|--host INSTANCE", (
                _F("list", "bool", "all instances"),
                _F("host", help="variables of one instance", complete="instances"),
            ), args=(0, 0), group="ours"),
    Command("cache", "What the download cache holds", group="ours", commands=(
        Command("list", "List downloads", "cache:list_entries", "list", (_JSON,), aliases=("ls",), args=(0, 0)),
    )),
    Command("doctor", "Find out what is wrong, and mend it", "doctor:doctor", "doctor [INSTANCE]...", (
                _F("fix", "bool", "do the repairs"),
                _F("json", "bool", "print one JSON object"),
            ), group="ours", complete="instances"),
    Command("export", "Write an instance into a file", "archive:export", "export INSTANCE FILE.tar.zst", args=(2, 2),
            group="ours", complete="instances"),
    Command("forward", "Forwarded ports of a running instance", group="ours", commands=(
        Command("add", "Forward one more port or socket, until the instance stops", "forward:add",
                "add INSTANCE GUEST [HOST]", (
                    _F("proto", help="tcp or udp", default="tcp", complete="none"),
                    _F("reverse", "bool", "a socket of the guest that leads to one of this computer"),
                ), args=(2, 3), complete="instances"),
        Command("list", "List ports of the guest and where they are here", "forward:list_forwards", "list INSTANCE",
                (_JSON,), aliases=("ls",), args=(1, 1), complete="instances"),
        Command("remove", "Stop a forward", "forward:remove", "remove INSTANCE HOST", aliases=("rm",), args=(2, 2),
                complete="instances"),
    )),
    Command("memory", "Memory that a running guest may use", group="ours", commands=(
        Command("get", "What it may use now, and at most", "power:memory_get", "get INSTANCE", (_JSON,), args=(1, 1),
                complete="instances"),
        Command("set", "Let it use less, or more again, until it stops", "power:memory_set", "set INSTANCE SIZE",
                args=(2, 2), complete="instances"),
    )),
    Command("pause", "Let a machine stand still", "power:pause", "pause INSTANCE", args=(1, 1), group="ours",
            complete="instances"),
    Command("resume", "Let a paused machine go on", "power:resume", "resume INSTANCE", args=(1, 1), group="ours",
            complete="instances"),
    Command("suspend", "Keep the memory of a machine in its disk and end it; start goes on from there",
            "power:suspend", "suspend INSTANCE", args=(1, 1), group="ours", complete="instances"),
    Command("import", "Make an instance of an exported file", "archive:import_file", "import FILE.tar.zst",
            (_F("name", help="name of the instance", complete="none"),), args=(1, 1), group="ours",
            complete="files"),
    Command("remount", "Mount a directory of this computer in a running instance again", "remount:remount",
            "remount INSTANCE MOUNTPOINT", args=(2, 2), group="ours", complete="instances"),
)

_HIDDEN = (
    Command("hostagent", "Run the host agent of an instance", "inside:hostagent", "hostagent INSTANCE", (
                _F("pidfile", help="write the process id there", short="p"),
                _F("socket", help="socket of its API"),
                _F("run-gui", "bool", "run a graphical driver in this process"),
                _F("guestagent", help="guest agent binary; ours needs none"),
                _F("nerdctl-archive", help="nerdctl archive on the host"),
                _F("progress", "bool", "report cloud-init progress"),
            ), args=(1, 1), complete="instances"),
    Command("usernet", "Run a user-v2 network", "inside:usernet", "usernet", (
                _F("pidfile", help="write the process id there", short="p"),
                _F("endpoint", help="socket of its API", short="e"),
                _F("listen-qemu", help="socket for QEMU"),
                _F("listen", help="socket that takes file descriptors"),
                _F("subnet", help="its subnet", default="192.168.5.0/24"),
                _F("mtu", "int", "greatest packet", default="1500"),
                _F("leases", "stringToString", "fixed addresses: IP=MAC"),
            ), bare=True, args=(0, 0)),
    Command("guest-install", "Install the guest agent into a running guest", "inside:guest_install",
            "guest-install INSTANCE", args=(0, 1), complete="instances"),
    Command("debug", "Help for developers", commands=(
        Command("dns", "Run the DNS server for guests", "inside:debug_dns", "dns UDPPORT [TCPPORT]",
                (_F("ipv6", "bool", "answer with IPv6 addresses, too", "6"),), args=(1, 2)),
    )),
    Command("generate-doc", "Write a page about each command", "help:generate_doc", "generate-doc DIR", (
                _F("type", help="man or docsy", default="man"), _F("output"), _F("prefix"),
            ), args=(1, 1 << 30)),
    Command("generate-jsonschema", "Print the JSON schema of lima.yaml", "schema:generate", "generate-jsonschema",
            (_F("schemafile", help="write the schema there and check the files against it"),)),
    Command("start-at-login", "Start an instance at login", "autostart:start_at_login", "start-at-login INSTANCE",
            (_F("enabled", "bool", "start it at login, or no more", default="true"),), args=(0, 1),
            deprecated='use "{0} autostart" instead', complete="instances"),
    Command("yq", "Evaluate yq expressions on files", "yq:yq", "yq [EXPRESSION] [FILE]..."),
    Command("yq-restrictions", "What yq expressions may not do in flags", long="""\
Expressions of --set, --yq and --filter are evaluated without access to the environment and to files:
`env`, `strenv`, `envsubst`, `load`, `load_str` and `system` are refused. `{0} yq` has the first three."""),
    Command("completion", "Completion script for a shell", commands=tuple(
        Command(shell, f"Completion script for {shell}", f"completionscripts:{shell}", shell,
                (_F("no-descriptions", "bool", "candidates without descriptions"),), args=(0, 0))
        for shell in ("bash", "fish", "powershell", "zsh"))),
)

ROOT = Command("", "Linux virtual machines", flags=ROOT_FLAGS, commands=(*_BASIC, *_ADVANCED, *_OURS, *_HIDDEN))
"""Plugins are added when a command line is run (`cli.plugins`)."""
