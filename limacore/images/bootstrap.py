"""The packages of a built guest: a root file system as a tar file, made by mmdebstrap from signed packages."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from limacore.base import proc
from limacore.errors import ImageError
from limacore.images.recipe import DirectBoot, FirmwareBoot, Recipe

Report = Callable[[str, float | None], None]

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_DEFAULT_SUITE = "bookworm"
_ARCHIVES = "/var/cache/apt/archives"
_STAGES = (
    ("running apt-get update", 0.05), ("downloading packages", 0.10), ("extracting archives", 0.20),
    ("installing essential", 0.30), ("installing remaining", 0.40), ("running --customize", 0.85),
    ("creating tarball", 0.95),
)
_INHERITED = re.compile(
    r'^(Acquire::(?:http|https|ftp|tor)::(?:Proxy|CaInfo|CaPath|SslCert|SslKey|Verify-Peer|Verify-Host|Timeout)'
    r'\S*|Acquire::(?:Check-Valid-Until|Check-Date|Retries|ForceIPv4|ForceIPv6)) "(.*)";$'
)


class Sources(Struct, frozen=True):
    """Where packages come from: the suite and the deb822 text of its sources."""

    suite: str
    text: str


def host_sources(etc: Path = Path("/etc"), wanted: str = "") -> Sources:
    """The Debian sources that this computer itself uses, else Debian's own servers; `wanted` asks for one release."""
    suite = _host_suite(etc)
    entries = [each for each in _entries(etc) if suite and _is_debian(each, suite)]
    if entries and wanted in ("", suite):
        return Sources(suite, "\n".join(_stanza(each) for each in dict.fromkeys(entries)))
    return _default_sources(wanted or _DEFAULT_SUITE)


def _default_sources(suite: str) -> Sources:
    main = _Entry("http://deb.debian.org/debian", f"{suite} {suite}-updates", _KEYRING)
    security = _Entry("http://deb.debian.org/debian-security", f"{suite}-security", _KEYRING)
    return Sources(suite, "\n".join(map(_stanza, (main, security))))


class _Entry(Struct, frozen=True):
    uri: str
    suites: str
    keyring: str = ""
    components: str = "main"


def _host_suite(etc: Path) -> str:
    try:
        lines = (etc / "os-release").read_text().splitlines()
    except OSError:
        return ""
    values = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    return values.get("VERSION_CODENAME", "") if values.get("ID") == "debian" else ""


def _is_debian(entry: _Entry, suite: str) -> bool:
    known = {suite, f"{suite}-updates", f"{suite}-security"}
    return "debian" in entry.uri and "main" in entry.components.split() and set(entry.suites.split()) <= known


def _stanza(entry: _Entry) -> str:
    signed = entry.keyring or _KEYRING
    return f"Types: deb\nURIs: {entry.uri}\nSuites: {entry.suites}\nComponents: main\nSigned-By: {signed}\n"


def _entries(etc: Path) -> Iterator[_Entry]:
    folder = etc / "apt" / "sources.list.d"
    for path in [etc / "apt" / "sources.list", *sorted(folder.glob("*.list"))]:
        yield from _one_line_entries(_read(path))
    for path in sorted(folder.glob("*.sources")):
        yield from _deb822_entries(_read(path))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _one_line_entries(text: str) -> Iterator[_Entry]:
    for match in re.finditer(r"^deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+)$", text, re.MULTILINE):
        options, uri, suite, components = match.groups()
        keyring = re.search(r"signed-by=(\S+)", options or "")
        yield _Entry(uri, suite, keyring.group(1) if keyring else "", components.partition("#")[0])


def _deb822_entries(text: str) -> Iterator[_Entry]:
    plain = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", plain):
        fields = {key.lower(): " ".join(value.split())
                  for key, value in re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", block, re.MULTILINE)}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        signed = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            yield _Entry(uri, fields.get("suites", ""), signed if signed.startswith("/") else "",
                         fields.get("components", ""))


async def apt_options() -> list[str]:
    """This computer's settings of proxies, certificates and date checks, as `--aptopt` arguments."""
    dump = await proc.run(["apt-config", "dump"], timeout=30)
    found = (_INHERITED.match(line) for line in dump.stdout.splitlines())
    return [f'--aptopt={match.group(1)} "{match.group(2)}"' for match in found if match]


def arguments(recipe: Recipe, sources: Path, suite: str, archives: Path, options: list[str]) -> list[str]:
    """The mmdebstrap command line; the tar file comes out on stdout, packages are kept in `archives`."""
    kept = shlex.quote(str(archives))
    return [
        "mmdebstrap", "--variant=essential", "--format=tar", f"--architectures={recipe.arch}",
        "--aptopt=APT::Install-Recommends false", '--aptopt=Acquire::Languages "none"', *options,
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.excluded_paths),
        f"--include={','.join(recipe.packages)}",
        "--skip=essential/unlink",
        f'--setup-hook=mkdir -p "$1{_ARCHIVES}"',
        f"--setup-hook=sync-in {kept} {_ARCHIVES}",
        f"--essential-hook=sync-out {_ARCHIVES} {kept}",
        *_kernel_hooks(recipe),
        f"--customize-hook=sync-out {_ARCHIVES} {kept}",
        suite, "-", str(sources),
    ]


def _kernel_hooks(recipe: Recipe) -> tuple[str, ...]:
    if isinstance(recipe.boot, FirmwareBoot):
        return (f"--essential-hook={_initramfs_settings(recipe.boot)}",)
    return (f"--customize-hook={_kernel_files(recipe, recipe.boot)}",)


def _initramfs_settings(boot: FirmwareBoot) -> str:
    # Before the kernel package comes, which makes the RAM disk: small, and quick to unpack for an emulated CPU.
    modules = " ".join(boot.initramfs_modules)
    return f"""set -e
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
printf '%s\\n' MODULES=list COMPRESS=lz4 >"$1/etc/initramfs-tools/conf.d/virtual-machine"
printf '%s\\n' {modules} >"$1/usr/share/initramfs-tools/modules.d/virtual-machine"
"""


def _kernel_files(recipe: Recipe, boot: DirectBoot) -> str:
    # Installing the kernel package would pull in initramfs-tools and run it: its files are all that is wanted.
    excludes = " ".join(f"--exclude='*/kernel/{name}'" for name in boot.excluded_modules)
    return f"""set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
cd "$1{_ARCHIVES}"
package=$(apt-cache depends {boot.kernel_package} | sed -n 's/^ *Depends: \\(linux-image-.*\\)/\\1/p' | head -n 1)
version=$(apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
apt-get download "$package=$version"
dpkg-deb --fsys-tarfile "${{package}}_${{version}}_{recipe.arch}.deb" |
    tar -x -C "$1" --keep-directory-symlink --exclude='./usr/share/doc' {excludes}
for modules in "$1"/usr/lib/modules/*; do chroot "$1" depmod "${{modules##*/}}"; done
"""


async def bootstrap(recipe: Recipe, sources: Sources, target: Path, archives: Path, report: Report) -> None:
    """Write the root file system to `target`; raises ImageError with mmdebstrap's own words."""
    listing = target.with_name("debian.sources")
    listing.write_text(sources.text)
    archives.mkdir(parents=True, exist_ok=True)
    await assemble(arguments(recipe, listing, sources.suite, archives, await apt_options()), target, report)


async def assemble(argv: list[str], target: Path, report: Report) -> None:
    """Run mmdebstrap, whose tar file goes to `target`; raises ImageError with its own words."""
    with target.open("wb") as output:
        async with proc.spawn(argv, stdout=output.fileno(), stderr=lambda line: _follow(line, report),
                              env=_environment(target.parent), grace=20.0) as process:
            code = await process.wait()
    if code != 0:
        raise ImageError("mmdebstrap could not assemble the guest's packages", detail=_reason(process.stderr_tail),
                         hint="check the network and the apt sources of this computer, then start again")


def _environment(scratch: Path) -> dict[str, str]:
    # Root's scratch tree lies beside the image; other users' must lie where their mapped ids may look.
    extra = {"TMPDIR": str(scratch)} if os.geteuid() == 0 else {}
    return {**os.environ, "LC_ALL": "C.UTF-8", **extra}


def _follow(line: str, report: Report) -> None:
    for text, fraction in _STAGES:
        if text in line:
            report(line.removeprefix("I: ").rstrip("."), fraction)


def _reason(tail: str) -> str:
    wrong = [line for line in tail.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return "; ".join(wrong[-4:]) or tail[-400:]
