"""Our seed against recordings of the reference program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from limacore.base.host import Host
from limacore.config.load import load_layers
from limacore.config.setting import Setting
from limacore.guest import cidata, cloudconfig
from limacore.guest.environment import is_loopback
from limacore.guest.seed import Seed
from limacore.paths import HomePaths

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "runtime"
pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no recordings of the reference program here")

NOT_YET = {
    "rosetta-false": "Rosetta exists on Apple hosts only",
    "userv2": "networks.yaml", "userv2-two": "networks.yaml",
}
KEY = "ssh-ed25519 AAAA u@host"
HOST_ENVIRONMENT = {
    "env-proxy": {"HTTP_PROXY": "http://192.0.2.9:8080/p", "http_proxy": "http://127.0.0.1:8080/p",
                  "https_proxy": "http://user:pw@localhost:3129", "ftp_proxy": "http://192.0.2.7:21",
                  "no_proxy": "localhost,.local"},
    "env-proxy-conflict": {"FTP_PROXY": "::bad::", "HTTP_PROXY": "http://upper.invalid:2",
                           "http_proxy": "http://lower.invalid:1", "no_proxy": "127.0.0.1"},
}
UNRECORDED = {
    "load-dotssh": "",
    "user-overrides": ('user: {name: guesty, uid: 4242, comment: "Guest \\"Y\\" User", home: /srv/guesty, '
                       "shell: /bin/sh}\n"),
}
"""What the templates of recordings without a template add to the default one."""
STUB = "\n".join(f"      {line}" for line in cloudconfig._STUB.splitlines())
EXPORTS = 'while IFS= read -r line; do export "${line?}"; done <<\'EOF\''


def cases() -> list[str]:
    folder = GOLDEN / "cidata"
    return sorted(path.name for path in folder.glob("[a-z]*") if path.name not in NOT_YET) if GOLDEN.is_dir() else []


def files_of(case: str, tmp_path: Path) -> dict[str, str]:
    """What we write for the template of a recording, as text."""
    source = GOLDEN / "qemu" / f"{'default' if case in UNRECORDED else case}.yaml"
    text = source.read_text().replace("@HOME@", "/home/u") + UNRECORDED.get(case, "")
    directory = tmp_path / "home" / f"r-{case}"
    host = Host(user="u", uid=1001, home="/home/u", full_name="", cpus=2, memory=16 << 30, arch="x86_64",
                os="linux", timezone="Etc/UTC")
    setting = Setting(host=host, name=directory.name, directory=str(directory), lima_home=str(directory.parent),
                      yaml_path=str(directory / "lima.yaml"))
    config = load_layers(text, setting, HomePaths(directory.parent)).config
    keys = (KEY,) * (3 if case == "load-dotssh" else 1)
    resolver = config.host_resolver.enabled
    certificates = ("-----BEGIN CERTIFICATE-----\nREVG\n-----END CERTIFICATE-----\n",) * len(config.ca_certs.files)
    seed = Seed(config=config, name=directory.name, directory=str(directory), public_keys=keys, iid="iid-@TIME@",
                udp_dns_port=60001 * resolver, tcp_dns_port=60002 * resolver, host_home="/home/u",
                certificates=certificates)
    found = cidata.files(seed, HOST_ENVIRONMENT.get(case, {}), is_loopback)
    texts = {name: plain(content.decode()) for name, content in found.items()}
    return {**texts, "cloud-config.yaml": plain(cidata.cloud_config(seed))}


def plain(text: str) -> str:
    """Our text with the placeholders of the recordings."""
    text = text.replace(STUB, "      @PER_BOOT_STUB@").replace(EXPORTS, "@EXPORT_EACH_LINE_OF_HEREDOC@")
    text = re.sub(r"for pair in (.*); do\n(?:.*\n)+?.*; sleep 1\n  done\n", r"@NIC_RENAME_HELPER pairs=\1@\n", text)
    # Ours runs each script of mode `boot` in a shell of its own and notes how it ended.
    text = re.sub(r"- \|\n  lima_code=0\n(?:  .*\n)+", "", text)
    text = re.sub(r"  lima_begin \d+\n  \(\n((?:  .*\n)+?)  \) >/run/lima-early-output 2>&1\n  lima_end \d+ \$\?\n",
                  r"\1", text).replace('- |\n  exit "$lima_code"\n', "")
    text = text.replace(KEY, "@PUBKEY@").replace("60001", "@UDPDNSPORT@").replace("60002", "@TCPDNSPORT@")
    macs = dict.fromkeys(re.findall(r"52:55:55(?::[0-9a-f]{2}){3}", text))
    for number, mac in enumerate(macs):
        text = text.replace(mac, f"@MAC{number}@")
    return text.replace("/home/u", "@HOME@").strip()


def recorded(path: Path) -> str:
    text = re.sub(r"(?m)^ +$\n?", "", path.read_text())
    # cloud-init's schema refuses the old name of the keys and warns of a quoted number; all versions take these.
    text = re.sub(r'(?m)^( +uid: )"(\d+)"$', r"\1\2", text).replace(" ssh-authorized-keys:", " ssh_authorized_keys:")
    # A row with a blank breaks the guest's fstab and its next boot; a boot script of ours makes that mount.
    return re.sub(r"(?m)^- \[lima-\w+, /mnt/with blank, .*\n", "", text).strip()


@pytest.mark.parametrize("case", cases())
def test_a_seed_says_what_the_reference_program_says(case: str, tmp_path: Path) -> None:
    ours = files_of(case, tmp_path)
    folder = GOLDEN / "cidata" / case
    theirs = {str(path.relative_to(folder)): recorded(path) for path in folder.rglob("*")
              if path.is_file() and path.name not in ("tree.tsv", "volume.txt")}
    assert {name: ours.get(name) for name in theirs} == theirs
