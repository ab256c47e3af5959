"""From the description of a machine to the objects of the framework; called on the queue of the machine.

Not run on macOS: tests compare each call with a recorder in place of pyobjc.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from limacore.base.files import write_atomic
from limacore.drivers.vz.framework import Framework
from limacore.drivers.vz.plan import ROSETTA_TAG, Card, Description, Disk, Efi, Kernel, Nat, Share
from limacore.drivers.vz.rules import Limits, require_within
from limacore.errors import DriverError

_ENTITLEMENT = "com.apple.security.virtualization"


class Ends(Struct, frozen=True):
    """File descriptors that the machine gets: of the console, and of each card that is no NAT by its index."""

    console_in: int
    console_out: int
    frames: Mapping[int, int]


def configuration(frameworks: Framework, wanted: Description, ends: Ends) -> Any:
    """A valid VZVirtualMachineConfiguration; raises DriverError."""
    return _Maker(frameworks).configuration(wanted, ends)


def taken(answer: tuple[Any, Any], what: str) -> Any:
    """The first of what a selector with `error:` returns; raises DriverError with the words of the second."""
    made, error = answer
    if made:
        return made
    reason = str(error.localizedDescription()) if error is not None else ""
    hint = f"sign the Python that runs limatui with the entitlement {_ENTITLEMENT}" if _ENTITLEMENT in reason else ""
    raise DriverError(what, detail=reason, hint=hint)


class _Maker:
    def __init__(self, frameworks: Framework) -> None:
        self._vz = frameworks.vz
        self._foundation = frameworks.foundation

    def configuration(self, wanted: Description, ends: Ends) -> Any:
        kind = self._vz.VZVirtualMachineConfiguration
        require_within(wanted, Limits(
            (kind.minimumAllowedCPUCount(), kind.maximumAllowedCPUCount()),
            (kind.minimumAllowedMemorySize(), kind.maximumAllowedMemorySize()),
        ))
        made = kind.alloc().init()
        made.setBootLoader_(self._boot(wanted.boot))
        made.setPlatform_(self._platform(wanted))
        made.setCPUCount_(wanted.cpus)
        made.setMemorySize_(wanted.memory)
        made.setStorageDevices_([self._disk(disk) for disk in wanted.disks])
        made.setNetworkDevices_([self._card(card, index, ends) for index, card in enumerate(wanted.cards)])
        made.setSerialPorts_([self._console(ends)])
        self._always_there(made)
        self._on_demand(made, wanted)
        taken(made.validateWithError_(None), "vz does not take this configuration")
        return made

    def _always_there(self, made: Any) -> None:
        vz = self._vz
        made.setEntropyDevices_([vz.VZVirtioEntropyDeviceConfiguration.alloc().init()])
        made.setMemoryBalloonDevices_([vz.VZVirtioTraditionalMemoryBalloonDeviceConfiguration.alloc().init()])
        made.setSocketDevices_([vz.VZVirtioSocketDeviceConfiguration.alloc().init()])

    def _on_demand(self, made: Any, wanted: Description) -> None:
        shares = [self._share(share) for share in wanted.shares]
        if wanted.rosetta and (rosetta := self._rosetta(wanted.rosetta_cache)):
            shares.append(rosetta)
        if shares:
            made.setDirectorySharingDevices_(shares)
        if wanted.sound:
            made.setAudioDevices_([self._sound()])
        if wanted.display:
            made.setGraphicsDevices_([self._display(*wanted.display)])
            made.setKeyboards_([self._vz.VZUSBKeyboardConfiguration.alloc().init()])
            made.setPointingDevices_([self._vz.VZUSBScreenCoordinatePointingDeviceConfiguration.alloc().init()])

    def _url(self, path: Path) -> Any:
        return self._foundation.NSURL.fileURLWithPath_(str(path))

    def _handle(self, fd: int) -> Any:
        return self._foundation.NSFileHandle.alloc().initWithFileDescriptor_closeOnDealloc_(fd, False)

    def _boot(self, wanted: Efi | Kernel) -> Any:
        if isinstance(wanted, Efi):
            loader = self._vz.VZEFIBootLoader.alloc().init()
            loader.setVariableStore_(self._variables(wanted.variables))
            return loader
        loader = self._vz.VZLinuxBootLoader.alloc().initWithKernelURL_(self._url(wanted.kernel))
        loader.setCommandLine_(wanted.cmdline)
        if wanted.initrd:
            loader.setInitialRamdiskURL_(self._url(wanted.initrd))
        return loader

    def _variables(self, path: Path) -> Any:
        store = self._vz.VZEFIVariableStore.alloc()
        if path.exists():
            return store.initWithURL_(self._url(path))
        return taken(store.initCreatingVariableStoreAtURL_options_error_(self._url(path), 0, None),
                     f"cannot make `{path}`")

    def _platform(self, wanted: Description) -> Any:
        kind = self._vz.VZGenericPlatformConfiguration
        platform = kind.alloc().init()
        platform.setMachineIdentifier_(self._identifier(wanted.identifier))
        if wanted.nested:
            if not kind.isNestedVirtualizationSupported():
                raise DriverError("`nestedVirtualization` is not possible on this computer",
                                  hint="remove it from lima.yaml")
            platform.setNestedVirtualizationEnabled_(True)
        return platform

    def _identifier(self, path: Path) -> Any:
        """The one in the file; a new one where there is none, or where a clone has left an empty file."""
        kind = self._vz.VZGenericMachineIdentifier
        known = path.read_bytes() if path.exists() else b""
        if not known:
            made = kind.alloc().init()
            write_atomic(path, bytes(made.dataRepresentation()))
            return made
        made = kind.alloc().initWithDataRepresentation_(known)
        if made is None:
            raise DriverError(f"`{path}` holds no machine identifier", hint="remove the file: another one is made")
        return made

    def _disk(self, disk: Disk) -> Any:
        vz = self._vz
        attachment = taken(
            vz.VZDiskImageStorageDeviceAttachment.alloc()
            .initWithURL_readOnly_cachingMode_synchronizationMode_error_(
                self._url(disk.path), disk.read_only, vz.VZDiskImageCachingModeCached,
                vz.VZDiskImageSynchronizationModeFsync, None),
            f"vz does not take the disk `{disk.path}`")
        kind = vz.VZUSBMassStorageDeviceConfiguration if disk.usb else vz.VZVirtioBlockDeviceConfiguration
        return kind.alloc().initWithAttachment_(attachment)

    def _card(self, card: Card, index: int, ends: Ends) -> Any:
        vz = self._vz
        made = vz.VZVirtioNetworkDeviceConfiguration.alloc().init()
        if isinstance(card.to, Nat):
            made.setAttachment_(vz.VZNATNetworkDeviceAttachment.alloc().init())
        else:
            frames = vz.VZFileHandleNetworkDeviceAttachment.alloc()
            made.setAttachment_(frames.initWithFileHandle_(self._handle(ends.frames[index])))
        made.setMACAddress_(vz.VZMACAddress.alloc().initWithString_(card.mac))
        return made

    def _console(self, ends: Ends) -> Any:
        attachment = self._vz.VZFileHandleSerialPortAttachment.alloc()
        made = self._vz.VZVirtioConsoleDeviceSerialPortConfiguration.alloc().init()
        made.setAttachment_(attachment.initWithFileHandleForReading_fileHandleForWriting_(
            self._handle(ends.console_in), self._handle(ends.console_out)))
        return made

    def _share(self, share: Share) -> Any:
        directory = self._vz.VZSharedDirectory.alloc().initWithURL_readOnly_(self._url(share.path), share.read_only)
        return self._tagged(share.tag, self._vz.VZSingleDirectoryShare.alloc().initWithDirectory_(directory))

    def _tagged(self, tag: str, share: Any) -> Any:
        kind = self._vz.VZVirtioFileSystemDeviceConfiguration
        taken(kind.validateTag_error_(tag, None), f"vz does not take the tag `{tag}`")
        made = kind.alloc().initWithTag_(tag)
        made.setShare_(share)
        return made

    def _rosetta(self, cache: str) -> Any:
        vz = self._vz
        share = taken(vz.VZLinuxRosettaDirectoryShare.alloc().initWithError_(None), "Rosetta cannot be shared")
        if cache:
            options = vz.VZLinuxRosettaUnixSocketCachingOptions.alloc().initWithPath_error_(cache, None)
            share.setOptions_(taken(options, "Rosetta's cache cannot be set up"))
        return self._tagged(ROSETTA_TAG, share)

    def _sound(self) -> Any:
        vz = self._vz
        stream = vz.VZVirtioSoundDeviceOutputStreamConfiguration.alloc().init()
        stream.setSink_(vz.VZHostAudioOutputStreamSink.alloc().init())
        made = vz.VZVirtioSoundDeviceConfiguration.alloc().init()
        made.setStreams_([stream])
        return made

    def _display(self, width: int, height: int) -> Any:
        vz = self._vz
        scanout = vz.VZVirtioGraphicsScanoutConfiguration.alloc().initWithWidthInPixels_heightInPixels_(width, height)
        made = vz.VZVirtioGraphicsDeviceConfiguration.alloc().init()
        made.setScanouts_([scanout])
        return made
