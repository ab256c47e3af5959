"""`python -m limacore.mounts.sftp LOCATION [--read-only]`: an SFTP server for one directory on stdin and stdout.

A process of its own, so that a slow disk does not hold up the host agent, and the ssh master is its only peer."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
from collections.abc import Callable, Iterator

from limacore.mounts import wire
from limacore.mounts.tree import MODE, Tree
from limacore.mounts.wire import Fields, Kind

_EXTENSIONS = {b"posix-rename@openssh.com": b"1", b"statvfs@openssh.com": b"2", b"hardlink@openssh.com": b"1",
               b"fsync@openssh.com": b"1"}
_BLOCK = 1 << 18
_NAMES = 64
"""Names in one answer: with the longest name still a packet."""

_LONGEST_READ = wire.MOST - 1024
_READ, _WRITE, _APPEND, _CREATE, _TRUNCATE, _EXCLUSIVE = 1, 2, 4, 8, 16, 32
_FLAGS = {_APPEND: os.O_APPEND, _CREATE: os.O_CREAT, _TRUNCATE: os.O_TRUNC, _EXCLUSIVE: os.O_EXCL}
_ACCESS = {0: os.O_RDONLY, _READ: os.O_RDONLY, _WRITE: os.O_WRONLY, _READ | _WRITE: os.O_RDWR}


class Listing:
    """A directory that is being listed."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._names = itertools.chain((b".", b".."), (os.fsencode(each.name) for each in os.scandir(fd)))

    def entries(self) -> list[bytes]:
        """The next names with what they have; empty at the end."""
        return [each for name in itertools.islice(self._names, _NAMES) for each in self._entry(name)]

    def _entry(self, name: bytes) -> Iterator[bytes]:
        try:
            # What `..` is does not concern the guest where this is the root.
            shown = b"." if name == b".." else name
            yield wire.entry(name, os.stat(shown, dir_fd=self.fd, follow_symlinks=False))
        except FileNotFoundError:
            return  # gone meanwhile
        except OSError:
            yield wire.entry(name)


class Server:
    """Answers packets about one tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._open: dict[bytes, int | Listing] = {}
        self._numbers = itertools.count()
        self._answers: dict[int, Callable[[int, Fields], bytes]] = {
            Kind.OPEN: self._open_file, Kind.CLOSE: self._close, Kind.READ: self._read, Kind.WRITE: self._write,
            Kind.LSTAT: self._lstat, Kind.STAT: self._stat, Kind.FSTAT: self._fstat, Kind.SETSTAT: self._setstat,
            Kind.FSETSTAT: self._fsetstat, Kind.OPENDIR: self._open_folder, Kind.READDIR: self._readdir,
            Kind.REMOVE: self._remove, Kind.MKDIR: self._mkdir, Kind.RMDIR: self._rmdir,
            Kind.REALPATH: self._realpath, Kind.RENAME: self._rename, Kind.READLINK: self._readlink,
            Kind.SYMLINK: self._symlink, Kind.EXTENDED: self._extended,
        }

    def answer(self, packet: bytes) -> bytes:
        """The reply to one packet without its length; raises Malformed."""
        if packet[:1] == bytes((Kind.INIT,)):
            return wire.version(_EXTENSIONS)
        fields = Fields(packet, 1)
        number = fields.number()
        found = self._answers.get(packet[0])
        if found is None:
            return wire.status(number, wire.UNSUPPORTED)
        try:
            return found(number, fields)
        except OSError as error:
            return wire.failure(number, error)
        except (ValueError, OverflowError):  # a null byte inside a path; an offset beyond 63 bits
            return wire.status(number, wire.BAD_MESSAGE)

    def _open_file(self, number: int, fields: Fields) -> bytes:
        path, wanted, attributes = fields.text(), fields.number(), fields.attributes()
        flags = _ACCESS[wanted & 3]
        for bit, flag in _FLAGS.items():
            flags |= flag if wanted & bit else 0
        mode = 0o666 if attributes.mode is None else attributes.mode
        return self._keep(number, self._tree.open(path, flags, mode))

    def _open_folder(self, number: int, fields: Fields) -> bytes:
        return self._keep(number, Listing(self._tree.folder(fields.text())))

    def _keep(self, number: int, value: int | Listing) -> bytes:
        name = wire.handle_name(next(self._numbers))
        self._open[name] = value
        return wire.handle(number, name)

    def _file(self, fields: Fields) -> int:
        found = self._open.get(fields.text())
        if not isinstance(found, int):
            raise OSError(errno.EBADF, "no such handle")
        return found

    def _close(self, number: int, fields: Fields) -> bytes:
        found = self._open.pop(fields.text(), None)
        if found is None:
            raise OSError(errno.EBADF, "no such handle")
        os.close(found if isinstance(found, int) else found.fd)
        return wire.status(number, wire.OK)

    def _read(self, number: int, fields: Fields) -> bytes:
        fd, offset, size = self._file(fields), fields.long(), fields.number()
        content = os.pread(fd, min(size, _LONGEST_READ), offset)
        return wire.data(number, content) if content or not size else wire.status(number, wire.EOF)

    def _write(self, number: int, fields: Fields) -> bytes:
        fd, offset, content = self._file(fields), fields.long(), fields.view()
        while content:
            done = os.pwrite(fd, content, offset)
            content, offset = content[done:], offset + done
        return wire.status(number, wire.OK)

    def _lstat(self, number: int, fields: Fields) -> bytes:
        return wire.attrs(number, self._tree.stat(fields.text(), follow=False))

    def _stat(self, number: int, fields: Fields) -> bytes:
        return wire.attrs(number, self._tree.stat(fields.text(), follow=True))

    def _fstat(self, number: int, fields: Fields) -> bytes:
        return wire.attrs(number, os.fstat(self._file(fields)))

    def _setstat(self, number: int, fields: Fields) -> bytes:
        path, wanted = fields.text(), fields.attributes()
        if wanted.size is not None:
            self._tree.truncate(path, wanted.size)
        if wanted.mode is not None:
            self._tree.chmod(path, wanted.mode)
        if wanted.times is not None:
            self._tree.utime(path, *wanted.times)
        if wanted.owner is not None:
            self._tree.chown(path, *wanted.owner)
        return wire.status(number, wire.OK)

    def _fsetstat(self, number: int, fields: Fields) -> bytes:
        fd, wanted = self._file(fields), fields.attributes()
        self._tree.must_change()
        if wanted.size is not None:
            os.ftruncate(fd, wanted.size)
        if wanted.mode is not None:
            os.fchmod(fd, wanted.mode & MODE)
        if wanted.times is not None:
            os.utime(fd, wanted.times)
        if wanted.owner is not None:
            os.fchown(fd, *wanted.owner)
        return wire.status(number, wire.OK)

    def _readdir(self, number: int, fields: Fields) -> bytes:
        found = self._open.get(fields.text())
        if not isinstance(found, Listing):
            raise OSError(errno.EBADF, "no such handle")
        entries = found.entries()
        return wire.names(number, entries) if entries else wire.status(number, wire.EOF)

    def _remove(self, number: int, fields: Fields) -> bytes:
        self._tree.unlink(fields.text())
        return wire.status(number, wire.OK)

    def _mkdir(self, number: int, fields: Fields) -> bytes:
        path, mode = fields.text(), fields.attributes().mode
        self._tree.mkdir(path, 0o777 if mode is None else mode)
        return wire.status(number, wire.OK)

    def _rmdir(self, number: int, fields: Fields) -> bytes:
        self._tree.rmdir(fields.text())
        return wire.status(number, wire.OK)

    def _realpath(self, number: int, fields: Fields) -> bytes:
        return wire.names(number, [wire.entry(self._tree.real(fields.text()))])

    def _rename(self, number: int, fields: Fields) -> bytes:
        self._tree.rename(fields.text(), fields.text(), replace=False)
        return wire.status(number, wire.OK)

    def _readlink(self, number: int, fields: Fields) -> bytes:
        return wire.names(number, [wire.entry(self._tree.readlink(fields.text()))])

    def _symlink(self, number: int, fields: Fields) -> bytes:
        # OpenSSH has the two in this order, against the draft, and every client follows it.
        target, path = fields.text(), fields.text()
        self._tree.symlink(target, path)
        return wire.status(number, wire.OK)

    def _extended(self, number: int, fields: Fields) -> bytes:
        match fields.text():
            case b"posix-rename@openssh.com":
                self._tree.rename(fields.text(), fields.text(), replace=True)
            case b"hardlink@openssh.com":
                self._tree.link(fields.text(), fields.text())
            case b"fsync@openssh.com":
                os.fsync(self._file(fields))
            case b"statvfs@openssh.com":
                return wire.room(number, self._tree.statvfs(fields.text()))
            case _:
                return wire.status(number, wire.UNSUPPORTED)
        return wire.status(number, wire.OK)


def packets(source: int) -> Iterator[list[bytes]]:
    """The packets that `source` brings, in groups as they come, without their lengths; raises Malformed."""
    rest = b""
    while block := os.read(source, _BLOCK):
        rest = rest + block if rest else block
        group, at = [], 0
        while len(rest) >= at + 4:
            size = int.from_bytes(rest[at:at + 4], "big")
            if not 5 <= size <= wire.MOST:
                raise wire.Malformed
            if len(rest) < at + 4 + size:
                break
            group.append(rest[at + 4:at + 4 + size])
            at += 4 + size
        rest = rest[at:]
        yield group


def serve(tree: Tree, source: int, sink: int) -> None:
    """Answer until the client hangs up."""
    server = Server(tree)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for group in packets(source):
            for packet in group:
                _write_all(sink, server.answer(packet))


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view):]


def main(argv: list[str]) -> int:
    """Serve the directory that the first word names; a message and 1 when that is not possible."""
    location, read_only = os.fsencode(argv[0]), "--read-only" in argv[1:]
    try:
        serve(Tree(location, writable=not read_only), 0, 1)
    except OSError as error:
        sys.stderr.write(f"cannot serve `{argv[0]}`: {error.strerror or error}\n")
        return 1
    except wire.Malformed:
        sys.stderr.write("the guest does not speak SFTP\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
