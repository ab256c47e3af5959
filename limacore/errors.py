"""One tree of errors, by what the caller does next; each says what, why and what to do now."""

from __future__ import annotations


class LimaError(Exception):
    """Base of every error meant for a user: `message` (what, where), `detail` (why), `hint` (what now)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        parts = [self.message]
        if self.detail:
            parts.append(self.detail)
        text = ": ".join(parts)
        return f"{text} (hint: {self.hint})" if self.hint else text


class UsageError(LimaError):
    """The command or a value in it is not one that we take."""


class ConfigError(LimaError):
    """A YAML file cannot be used; the message carries file, line and field."""


class NotFoundError(LimaError):
    """The named instance, disk, template or file does not exist."""


class AlreadyExistsError(LimaError):
    """The name is taken."""


class StateError(LimaError):
    """The instance is not in a state in which this can be done."""


class ProtectedError(StateError):
    """The instance is protected against removal."""


class LockedError(LimaError):
    """Another process or instance holds it now."""


class HostError(LimaError):
    """This computer lacks something: a program, space, a permission, a free port."""


class ImageError(LimaError):
    """An image could not be fetched, verified, built or used."""


class DriverError(LimaError):
    """The VM driver (QEMU) failed."""


class ResumeError(DriverError):
    """A saved state cannot be loaded; the machine can be booted instead."""


class GuestError(LimaError):
    """The guest did not do what was asked, or not in time."""


class InterruptedByUserError(LimaError):
    """The user cancelled; what was begun has been undone."""

    exit_code = 130
