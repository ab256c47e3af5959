"""The engine's verbs on a real home with real disks: each is a job, and what it does is seen on disk."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from limacore.engine import Engine
from limacore.model.job import Job, JobState
from tests.instances import YAML, make_instance


async def ended(engine: Engine, number: int) -> Job:
    """The job when it is over."""
    async with asyncio.timeout(60):
        async for jobs in engine.watch_jobs():
            job = next(each for each in jobs if each.id == number)
            if job.state is not JobState.RUNNING:
                return job
    raise AssertionError("closed")


async def done(engine: Engine, number: int) -> Job:
    job = await ended(engine, number)
    assert job.state is JobState.DONE, f"{job.error} {job.hint}"
    return job


@pytest.fixture
def engine(lima_home: Path) -> Engine:
    return Engine()


async def test_the_life_of_a_disk(engine: Engine, lima_home: Path) -> None:
    await done(engine, engine.create_disk("data", "1GiB"))
    job = await done(engine, engine.resize_disk("data", "2GiB"))
    assert job.command == "limatui disk resize data --size 2GiB" and "Resized disk `data`" in job.log[-1].text
    failed = await ended(engine, engine.resize_disk("data", "1GiB"))
    assert failed.state is JobState.FAILED and "Disk shrinking is currently unavailable" in failed.error
    await done(engine, engine.import_disk("copy", str(lima_home / "_disks/data/datadisk")))
    (lima_home / "_disks/copy/in_use_by").symlink_to(lima_home / "gone")
    await done(engine, engine.unlock_disk("copy"))
    await done(engine, engine.delete_disk("copy"))
    fleet = await anext(aiter(engine.watch()))
    assert [(disk.name, disk.size) for disk in fleet.disks] == [("data", 2 << 30)]
    await engine.close()


async def test_snapshots_of_a_stopped_machine(engine: Engine, lima_home: Path) -> None:
    make_instance(lima_home)
    await done(engine, engine.create_snapshot("one", "first"))
    job = await done(engine, engine.create_snapshot("one", "second one"))
    assert job.command == "limatui snapshot create one --tag 'second one'"
    found = await engine.snapshots("one")
    assert [(each.tag, each.memory) for each in found] == [("first", 0), ("second one", 0)] and found[0].date
    await done(engine, engine.apply_snapshot("one", "first"))
    assert (await ended(engine, engine.apply_snapshot("one", "third"))).state is JobState.FAILED
    await done(engine, engine.delete_snapshot("one", "first"))
    assert [each.tag for each in await engine.snapshots("one")] == ["second one"]
    await engine.close()


async def test_clone_rename_reset_delete(engine: Engine, lima_home: Path) -> None:
    make_instance(lima_home)
    await done(engine, engine.clone("one", "two"))
    await done(engine, engine.rename("two", "three"))
    assert {each.name for each in (await anext(aiter(engine.watch()))).instances} == {"one", "three"}
    taken = await ended(engine, engine.clone("one", "three"))
    assert taken.state is JobState.FAILED and "`three` already exists" in taken.error
    reset = await done(engine, engine.factory_reset("three"))
    assert not (lima_home / "three/disk").exists() and (lima_home / "three/lima.yaml").exists()
    assert any(line.text.startswith("Removing `") for line in reset.log)
    await done(engine, engine.protect("three", True))
    refused = await ended(engine, engine.delete("three"))
    assert "protected" in refused.error and (lima_home / "three").is_dir()
    await done(engine, engine.protect("three", False))
    await done(engine, engine.again(refused.id))
    assert not (lima_home / "three").exists()
    await engine.close()


async def test_create_from_an_edited_text(engine: Engine, lima_home: Path) -> None:
    make_instance(lima_home)
    image = lima_home / "image.qcow2"
    template = lima_home / "t.yaml"
    template.write_text(YAML.format(image=image))
    number = engine.create("new", str(template), start=False, memory="1GiB", changes={"mountType": "9p"},
                           text=YAML.format(image=image) + "# edited\n")
    job = await done(engine, number)
    assert job.command == f"limatui create --name=new --memory=1 --set '.mountType = \"9p\"' {template}"
    text = (lima_home / "new/lima.yaml").read_text()
    assert "# edited" in text and "mountType: 9p" in text and "memory: 1GiB" in text
    assert any("Attempting to download the image" in line.text for line in job.log)
    await engine.close()


async def test_the_download_cache(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LIMA_TEMPLATES_PATH", str(tmp_path / "none"))
    folder = tmp_path / "lima/download/by-url-sha256" / ("0" * 64)
    folder.mkdir(parents=True)
    (folder / "url").write_text("https://h/x.img")
    (folder / "data").write_bytes(b"x" * 70000)
    (entry,) = await engine.cache()
    assert (entry.url, entry.size, entry.used_by, entry.partial) == ("https://h/x.img", 70000, (), False)
    job = await done(engine, engine.prune())
    assert job.command == "limatui prune --keep-referred" and job.log[-1].text.startswith("Freed ")
    assert await engine.cache() == ()
    await engine.close()


class _Slowly(BaseHTTPRequestHandler):
    """Serves one image in pieces with pauses, so that a rate can be seen."""

    image = b""

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        self._head()
        for start in range(0, len(self.image), 1 << 16):
            time.sleep(0.1)
            self.wfile.write(self.image[start:start + (1 << 16)])

    def _head(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.image)))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def slow_image(tmp_path: Path) -> Iterator[str]:
    """The URL of a qcow2 image of about 1.3 MB that takes two seconds."""
    path = tmp_path / "image.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1G"], check=True)
    _Slowly.image = path.read_bytes().ljust(1_300_000, b"\0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slowly)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/image.qcow2"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_download_is_told_in_bytes(engine: Engine, lima_home: Path, slow_image: str, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    template = lima_home / "t.yaml"
    template.write_text(YAML.format(image=slow_image))
    number, seen = engine.create("web", str(template), start=False), []
    async with asyncio.timeout(60):
        async for (job,) in engine.watch_jobs():
            seen.append(job)
            if job.state is not JobState.RUNNING:
                break
    assert seen[-1].state is JobState.DONE, seen[-1].error
    moving = [job for job in seen if job.id == number and 0 < job.done < job.total]
    assert {job.total for job in moving} == {1_300_000} and any(job.rate > 1e5 and job.eta for job in moving)
    assert any("Attempting to download the image" in line.text for line in seen[-1].log)
    assert (lima_home / "web/lima.yaml").exists()
    await engine.close()
