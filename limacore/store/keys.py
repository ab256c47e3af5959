"""The ssh identity of the home: `_config/user` and `user.pub`, and the public keys that may enter a guest."""

from __future__ import annotations

import subprocess
from pathlib import Path

from limacore.base.files import locked, write_failed
from limacore.errors import HostError
from limacore.model.config import Config
from limacore.paths import HomePaths


def ensure(home: HomePaths) -> Path:
    """The private key, made first when there is none; raises HostError."""
    try:
        home.config.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(home.config, error) from error
    with locked(home.config):
        if not home.private_key.exists():
            _generate(home.private_key)
    return home.private_key


def _generate(path: Path) -> None:
    # ssh-keygen asks before it overwrites a public key that was left alone.
    path.with_suffix(".pub").unlink(missing_ok=True)
    argv = ["ssh-keygen", "-t", "ed25519", "-q", "-N", "", "-C", "lima", "-f", str(path)]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise HostError("`ssh-keygen` is not installed", hint="install the OpenSSH client: "
                                                             "apt-get install openssh-client") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"`ssh-keygen` did not end within 60 s while making `{path}`") from None
    if done.returncode:
        raise HostError(f"cannot make the ssh key `{path}`", detail=(done.stderr or done.stdout).strip(),
                        hint="check space and permissions there")
    path.chmod(0o600)


def public_keys(home: HomePaths, config: Config) -> tuple[str, ...]:
    """The public keys that may enter the guest: ours first, those of ~/.ssh when the config wants them."""
    ensure(home)
    keys = [_line(home.public_key)]
    if config.ssh.load_dot_ssh_pub_keys:
        folder = Path("~/.ssh").expanduser()
        keys += [_line(path) for path in sorted(folder.glob("*.pub")) if path.is_file()]
    return tuple(dict.fromkeys(key for key in keys if key))


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError as error:
        raise HostError(f"cannot read the public key `{path}`", detail=error.strerror or "",
                        hint="remove the private key beside it to have both made anew") from error
