"""The parts of Apple's frameworks that are used, as pyobjc offers them.

Not run on macOS: tests give a recorder in place of pyobjc and compare each class, selector and argument.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable
from typing import Any, Protocol

from limacore.errors import HostError

Ended = Callable[[str], None]
"""Told how a machine ended: empty when the guest powered itself off, else the framework's words."""


class Virtualization(Protocol):
    """The classes and constants of Virtualization that are used."""

    VZVirtualMachine: Any
    VZVirtualMachineConfiguration: Any
    VZEFIBootLoader: Any
    VZEFIVariableStore: Any
    VZLinuxBootLoader: Any
    VZGenericPlatformConfiguration: Any
    VZGenericMachineIdentifier: Any
    VZDiskImageStorageDeviceAttachment: Any
    VZVirtioBlockDeviceConfiguration: Any
    VZUSBMassStorageDeviceConfiguration: Any
    VZVirtioNetworkDeviceConfiguration: Any
    VZNATNetworkDeviceAttachment: Any
    VZFileHandleNetworkDeviceAttachment: Any
    VZMACAddress: Any
    VZVirtioConsoleDeviceSerialPortConfiguration: Any
    VZFileHandleSerialPortAttachment: Any
    VZVirtioEntropyDeviceConfiguration: Any
    VZVirtioTraditionalMemoryBalloonDeviceConfiguration: Any
    VZVirtioSocketDeviceConfiguration: Any
    VZVirtioFileSystemDeviceConfiguration: Any
    VZSingleDirectoryShare: Any
    VZSharedDirectory: Any
    VZLinuxRosettaDirectoryShare: Any
    VZLinuxRosettaUnixSocketCachingOptions: Any
    VZVirtioSoundDeviceConfiguration: Any
    VZVirtioSoundDeviceOutputStreamConfiguration: Any
    VZHostAudioOutputStreamSink: Any
    VZVirtioGraphicsDeviceConfiguration: Any
    VZVirtioGraphicsScanoutConfiguration: Any
    VZUSBKeyboardConfiguration: Any
    VZUSBScreenCoordinatePointingDeviceConfiguration: Any
    VZDiskImageCachingModeCached: int
    VZDiskImageSynchronizationModeFsync: int
    VZLinuxRosettaAvailabilityNotSupported: int
    VZLinuxRosettaAvailabilityNotInstalled: int


class Foundation(Protocol):
    """The classes of Foundation that are used."""

    NSURL: Any
    NSFileHandle: Any


class Dispatch(Protocol):
    """The functions of libdispatch that are used."""

    def dispatch_queue_create(self, label: bytes, attributes: None) -> Any: ...
    def dispatch_async(self, queue: Any, block: Callable[[], None]) -> None: ...


class Framework(Protocol):
    """Everything of macOS that the driver talks to."""

    vz: Virtualization
    foundation: Foundation
    dispatch: Dispatch
    macos: tuple[int, ...]

    def delegate(self, ended: Ended) -> Any:
        """An object that the framework tells of a machine's end."""


def macos_version() -> tuple[int, ...]:
    """The version of macOS; empty elsewhere."""
    return tuple(int(part) for part in platform.mac_ver()[0].split(".") if part.isdecimal())


def load() -> Framework:
    """The frameworks by pyobjc; raises HostError where they are not."""
    try:
        return _pyobjc()
    except ImportError as error:
        raise HostError("vmType `vz` needs Apple's Virtualization framework", detail=str(error),
                        hint="on macOS 13 or newer: pip install pyobjc-framework-Virtualization "
                             "pyobjc-framework-libdispatch") from error


@functools.cache
def _pyobjc() -> _Pyobjc:
    return _Pyobjc()  # once in a process, since a class of Objective-C can be made only once


class _Pyobjc:
    """pyobjc itself."""

    def __init__(self) -> None:
        import Foundation
        import libdispatch
        import Virtualization

        self.vz: Any = Virtualization
        self.foundation: Any = Foundation
        self.dispatch: Any = libdispatch
        self.macos = macos_version()
        self._delegate: Any = _delegate_class(Foundation.NSObject)

    def delegate(self, ended: Ended) -> Any:
        made = self._delegate.alloc().init()
        made.ended = ended
        return made


def _delegate_class(base: Any) -> Any:
    class LimatuiMachineDelegate(base):  # type: ignore[misc]
        """Hears of the end of a machine; called on the queue of the machine."""

        def guestDidStopVirtualMachine_(self, machine: Any) -> None:
            self.ended("")

        def virtualMachine_didStopWithError_(self, machine: Any, error: Any) -> None:
            self.ended(str(error.localizedDescription()))

    return LimatuiMachineDelegate
