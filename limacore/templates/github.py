"""`github:ORG/REPO/PATH@REF`: which file on GitHub a short locator means."""

from __future__ import annotations

import json
import os
import posixpath
import re

from msgspec import Struct

from limacore.base.goquote import ticked
from limacore.errors import ConfigError, HostError

_DEFAULT = ".lima.yaml"
_LOOK = 1024
"""Bytes of a file that show whether it leads elsewhere."""
_MAX_ANSWER = 1 << 20


class Hosts(Struct, frozen=True):
    """The two servers, replaceable for tests."""

    api: str = "https://api.github.com"
    raw: str = "https://raw.githubusercontent.com"


HOSTS = Hosts()


class Place(Struct, frozen=True):
    """A file in a repository; `ref` is empty for the default branch."""

    org: str
    repo: str
    path: str
    ref: str


def resolve(rest: str, hosts: Hosts = HOSTS) -> str:
    """The locator for what follows `github:`: a URL, or another `github:` one. Raises LimaError."""
    place = parse(rest)
    ref = place.ref or _default_branch(place, hosts)
    url = f"{hosts.raw}/{place.org}/{place.repo}/{ref}/{place.path}"
    if not place.path.endswith((".yaml", ".yml")):
        return url
    return _followed(place, ref, url, hosts)


def parse(rest: str) -> Place:
    """The parts of the locator, with the default file and a clean path; raises ConfigError."""
    whole = rest.partition("?")[0]
    shown, _, ref = whole.partition("@")
    org, _, below = shown.partition("/")
    if not org:
        raise ConfigError("github: URL must contain at least an ORG, got ``",
                          hint="write it as github:ORG/REPO/PATH@BRANCH")
    repo, _, path = below.partition("/")
    if repo == "..":
        raise ConfigError(f"repo `..` in github: URL {ticked(shown)} escapes the org")
    file = _file(path)
    for what, text in (("path", path), ("branch", ref)):
        if _escapes(text):
            raise ConfigError(f"{what} {ticked(text)} in github: URL {ticked(shown)} escapes the repository")
    return Place(org, repo or org, posixpath.normpath(file), ref)


def _file(path: str) -> str:
    if not path or path.endswith("/"):
        return path + _DEFAULT
    return path if "." in posixpath.basename(path)[1:] else f"{path}.yaml"


def _escapes(path: str) -> bool:
    clean = posixpath.normpath(path) if path else "."
    return clean == ".." or clean.startswith("../")


def _token() -> dict[str, str]:
    token = os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN") or ""
    return {"Authorization": f"token {token}"} if token else {}


def _default_branch(place: Place, hosts: Hosts) -> str:
    from limacore.templates import web

    where = f"{place.org}/{place.repo}"
    failed = f"failed to get default branch for {where}"
    headers = {"User-Agent": "lima", "Accept": "application/vnd.github.v3+json", **_token()}
    try:
        answer = web.ask(f"{hosts.api}/repos/{where}", _MAX_ANSWER, headers)
    except HostError as error:
        raise HostError(f"{failed}: failed to query GitHub API: {error.message}", hint=error.hint) from error
    if answer.status != 200:
        raise HostError(f"{failed}: GitHub API returned status {answer.status}",
                        hint="check the name; set GH_TOKEN for a private repository or when too much was asked")
    try:
        branch = json.loads(answer.body).get("default_branch")
    except (ValueError, AttributeError):
        branch = None
    if not isinstance(branch, str) or not branch:
        raise HostError(f"{failed}: repository has no default branch")
    return branch


def _followed(place: Place, ref: str, url: str, hosts: Hosts) -> str:
    """The URL of a file, or where its content leads: a link of git, or the redirect of an organisation."""
    status, text = _look(url)
    own = place.repo == place.org
    if status == 404 and own and place.ref:
        other = f"{hosts.raw}/{place.org}/{place.repo}/{_default_branch(place, hosts)}/{place.path}"
        status, text = _look(other)
        if status == 200:
            return _redirect(place, text)
    if status != 200:
        raise HostError(f"file {ticked(url)} not found or inaccessible: status {status}",
                        hint="check organisation, repository, path and branch")
    if own and text.startswith("github:"):
        return _redirect(place, text)
    if re.fullmatch(r"[^\n :]+", text):
        target = posixpath.join(posixpath.dirname(place.path), text)
        if _escapes(target):
            raise ConfigError(f"symlink {ticked(text)} in {ticked(url)} escapes the repository")
        return f"{hosts.raw}/{place.org}/{place.repo}/{ref}/{posixpath.normpath(target)}"
    return url


def _look(url: str) -> tuple[int, str]:
    from limacore.templates import web

    try:
        answer = web.ask(url, _LOOK, _token(), cut=True)
    except HostError as error:
        raise HostError(f"failed to fetch file: {error.message}", hint=error.hint) from error
    return answer.status, answer.body.decode(errors="replace")


def _redirect(place: Place, text: str) -> str:
    target = text.partition("\n")[0].strip()
    if not target.startswith(f"github:{place.org}/"):
        raise ConfigError(f"redirect {ticked(target)} is not a `github:{place.org}` URL")
    if "@" in target:
        raise ConfigError(f"redirect {ticked(target)} must not include a branch/tag/sha")
    return f"{target}@{place.ref}" if place.ref else target
