"""Templates from web servers, and `github:` locators, against a server of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from limacore.base import yamlio
from limacore.errors import ConfigError, HostError, LimaError
from limacore.paths import HomePaths
from limacore.templates import embed, github, locator, rewrite

Routes = dict[str, tuple[int, str]]


class _Server(ThreadingHTTPServer):
    routes: Routes
    seen: list[tuple[str, str]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("Authorization", "")))
        status, text = self.server.routes.get(self.path, (404, "no such page\n"))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", text)
            text = ""
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text.encode())
        except ConnectionError:
            pass

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    made = _Server(("127.0.0.1", 0), _Handler)
    made.routes, made.seen = {}, []
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(5)


def _url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def home(lima_home: object) -> HomePaths:
    return HomePaths()


def test_a_template_with_bases_and_scripts_beside_it(server: _Server, home: HomePaths) -> None:
    server.routes = {
        "/x/my-vm.yaml": (200, "base: sub/b.yaml\nprovision: [{file: s.sh}]\n"),
        "/x/sub/b.yaml": (200, "base: c\ncpus: 2\n"),
        "/x/sub/c": (200, "memory: 1GiB\n"), "/x/s.sh": (302, "/elsewhere"), "/elsewhere": (200, "#!/bin/sh\n"),
    }  # fmt: skip
    given = f"{_url(server)}/x/my-vm.yaml?token=1"
    server.routes["/x/my-vm.yaml?token=1"] = server.routes.pop("/x/my-vm.yaml")
    assert locator.read(given, home).name == "my-vm"
    assert yamlio.load(embed.read(given, home)) == {
        "provision": [{"script": "#!/bin/sh\n"}], "cpus": 2, "memory": "1GiB"}
    assert f"base: {_url(server)}/x/sub/b.yaml" in embed.copied(given, home, embed.Mode.ABSOLUTE)


@pytest.mark.parametrize(("status", "text", "reason"), [
    (404, "cpus: 1\n", "status 404"), (500, "", "status 500"), (200, "x" * (yamlio.MAX_BYTES + 1), "longer than"),
    (302, "/t.yaml", "redirect"),
])  # fmt: skip
def test_what_a_server_may_answer_instead(
    server: _Server, home: HomePaths, status: int, text: str, reason: str
) -> None:
    server.routes = {"/t.yaml": (status, text)}
    with pytest.raises(HostError, match=reason) as caught:
        embed.read(f"{_url(server)}/t.yaml", home)
    assert caught.value.message.startswith(f'Get "{_url(server)}/t.yaml": ')


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.yaml", "http://[::bad/x.yaml", "http://h\x7f/x.yaml",
                                 "http://:80:80/x.yaml"])  # fmt: skip
def test_what_cannot_be_reached(url: str, home: HomePaths) -> None:
    with pytest.raises(LimaError):
        embed.read(url, home)


def _hosts(server: _Server) -> github.Hosts:
    return github.Hosts(_url(server) + "/api", _url(server) + "/raw")


def _repository(name: str, branch: str = "main") -> Routes:
    return {f"/api/repos/{name}": (200, json.dumps({"default_branch": branch}))}


@pytest.mark.parametrize(("given", "routes", "result"), [
    ("github:org", {**_repository("org/org"), "/raw/org/org/main/.lima.yaml": (200, "cpus: 1\n")},
     "org/org/main/.lima.yaml"),
    ("github:org/repo/dir/@v1", {"/raw/org/repo/v1/dir/.lima.yaml": (200, "cpus: 1\n")}, "org/repo/v1/dir/.lima.yaml"),
    ("github:org/repo/a/b@v1", {"/raw/org/repo/v1/a/b.yaml": (200, "cpus: 1\n")}, "org/repo/v1/a/b.yaml"),
    ("github:org/repo/s.sh", _repository("org/repo", "dev"), "org/repo/dev/s.sh"),
    ("github:org/repo/a/link@v1", {"/raw/org/repo/v1/a/link.yaml": (200, "../b.yaml")}, "org/repo/v1/b.yaml"),
    ("github:org//x@v1", {"/raw/org/org/v1/x.yaml": (200, "github:org/other/y\n"),
                          "/raw/org/other/v1/y.yaml": (200, "cpus: 1\n")}, "org/other/v1/y.yaml"),
    ("github:org//x@v1", {**_repository("org/org"), "/raw/org/org/main/x.yaml": (200, "github:org/other\n"),
                          "/raw/org/other/v1/.lima.yaml": (200, "cpus: 1\n")}, "org/other/v1/.lima.yaml"),
])  # fmt: skip
def test_github(server: _Server, given: str, routes: Routes, result: str) -> None:
    server.routes = routes
    assert rewrite.resolve(given, _hosts(server)) == f"{_url(server)}/raw/{result}"


@pytest.mark.parametrize(("given", "routes", "reason"), [
    ("github:org/repo@v1", {}, "not found or inaccessible: status 404"),
    ("github:org/repo", {}, "failed to get default branch for org/repo: GitHub API returned status 404"),
    ("github:org/repo", {"/api/repos/org/repo": (200, "[]")}, "has no default branch"),
    ("github:org/repo", {"/api/repos/org/repo": (200, "{")}, "has no default branch"),
    ("github:org@v1", {"/raw/org/org/v1/.lima.yaml": (200, "github:evil/x")}, "is not a `github:org` URL"),
    ("github:org@v1", {"/raw/org/org/v1/.lima.yaml": (200, "github:org/x@v2")}, "must not include a branch"),
    ("github:org/r/l@v1", {"/raw/org/r/v1/l.yaml": (200, "../../etc/x.yaml")}, "escapes the repository"),
    ("github:org/r@v1", {"/raw/org/r/v1/.lima.yaml": (500, "")}, "status 500"),
    ("github:org@v1", {"/raw/org/org/v1/.lima.yaml": (200, "github:org/org")}, "redirect loop"),
])  # fmt: skip
def test_github_refuses(server: _Server, given: str, routes: Routes, reason: str) -> None:
    server.routes = routes
    with pytest.raises((ConfigError, HostError), match=reason):
        rewrite.resolve(given, _hosts(server))


def test_the_token_goes_along(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "secret")
    server.routes = {**_repository("org/repo"), "/raw/org/repo/main/.lima.yaml": (200, "cpus: 1\n")}
    rewrite.resolve("github:org/repo", _hosts(server))
    assert {token for _, token in server.seen} == {"token secret"}
    rewrite.resolve("github:org/repo", _hosts(server))
    assert len(server.seen) == 2, "an answer is kept for a while"
