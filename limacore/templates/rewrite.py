"""Locators of other schemes made into ones that can be read: `github:`, programs `limactl-url-SCHEME`, old forms."""

from __future__ import annotations

import os
import subprocess
import time

from limacore.base import notice, plugins
from limacore.base.goquote import ticked
from limacore.errors import ConfigError, HostError
from limacore.templates import github

_MOST = 20
_TIMEOUT = 60.0
_KEPT = 30.0
"""Seconds for which an answer holds: a name and a text are asked for one after the other."""
_answers: dict[tuple[str, str], tuple[float, str]] = {}


def resolve(locator: str, hosts: github.Hosts = github.HOSTS) -> str:
    """The locator that `locator` stands for, itself when nothing rewrites it; raises LimaError."""
    key = (locator, "\0".join([*plugins.search_path(), hosts.api, hosts.raw]))
    known = _answers.get(key)
    if known and time.monotonic() - known[0] < _KEPT:
        return known[1]
    found = _resolved(locator, hosts)
    _answers[key] = (time.monotonic(), found)
    return found


def _resolved(locator: str, hosts: github.Hosts) -> str:
    seen, now = {locator}, locator
    for _ in range(_MOST):
        following = _step(now, hosts)
        if following == now and not _is_github(now):
            if any(map(_is_github, seen)):
                notice.warning("The github: scheme is still EXPERIMENTAL")
            return now
        notice.debug(f"Locator {ticked(now)} replaced with {ticked(following)}")
        if following in seen:
            break
        seen.add(following)
        now = following
    raise ConfigError(f"custom locator {ticked(locator)} has a redirect loop",
                      hint="look at what the programs limactl-url-* print")


def _is_github(locator: str) -> bool:
    return locator[:7].lower() == "github:"


def _step(locator: str, hosts: github.Hosts) -> str:
    scheme, colon, rest = locator.partition(":")
    scheme = scheme.lower()
    if not colon or len(scheme) < 2 or not scheme[0].isalpha() or not scheme.replace("-", "a").replace(
            "+", "a").replace(".", "a").isalnum():
        return locator
    if scheme == "template":
        return _named(locator, rest)
    if scheme == "github":
        return github.resolve(rest, hosts)
    plugin = plugins.find(f"url-{scheme}")
    return _answer(plugin.path, rest, locator) if plugin else locator


def _named(locator: str, rest: str) -> str:
    if rest and not rest.startswith("/"):
        return locator
    better = f"template:{rest.removeprefix('//')}"
    notice.warning(f"Template locator {ticked(locator)} should be written {ticked(better)} since Lima v2.0")
    return better


def _answer(program: str, argument: str, locator: str) -> str:
    environment = {**os.environ, "PATH": os.pathsep.join(plugins.search_path())}
    command = ticked(f"{program} {argument}")
    try:
        done = subprocess.run([program, argument], env=environment, capture_output=True, timeout=_TIMEOUT, check=False,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise HostError(f"command {command} failed: {error}") from error
    if done.returncode:
        raise HostError(f"command {command} failed: {done.stderr.decode(errors='replace').strip()}")
    answer = done.stdout.decode(errors="replace").strip()
    if not answer:
        raise HostError(f"command {command} gave no locator for {ticked(locator)}",
                        hint="it has to print a path or a URL")
    return answer
