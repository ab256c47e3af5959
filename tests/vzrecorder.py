"""A double of pyobjc that knows Apple's classes and selectors, refuses all others, and writes down each call.

The vocabulary is that of the framework's documentation and of pyobjc's metadata: what does not exist there fails here.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_INIT = "init"
_CONFIGURATION = (
    "init", "setBootLoader_", "setPlatform_", "setCPUCount_", "setMemorySize_", "setStorageDevices_",
    "setNetworkDevices_", "setSerialPorts_", "setEntropyDevices_", "setMemoryBalloonDevices_", "setSocketDevices_",
    "setDirectorySharingDevices_", "setAudioDevices_", "setGraphicsDevices_", "setKeyboards_", "setPointingDevices_",
    "validateWithError_", "minimumAllowedCPUCount", "maximumAllowedCPUCount", "minimumAllowedMemorySize",
    "maximumAllowedMemorySize",
)
VOCABULARY: dict[str, tuple[str, ...]] = {
    "NSURL": ("fileURLWithPath_",),
    "NSFileHandle": ("initWithFileDescriptor_closeOnDealloc_",),
    "VZVirtualMachineConfiguration": _CONFIGURATION,
    "VZVirtualMachine": ("initWithConfiguration_queue_", "setDelegate_", "startWithCompletionHandler_",
                         "stopWithCompletionHandler_", "requestStopWithError_", "socketDevices"),
    "VZEFIBootLoader": (_INIT, "setVariableStore_"),
    "VZEFIVariableStore": ("initWithURL_", "initCreatingVariableStoreAtURL_options_error_"),
    "VZLinuxBootLoader": ("initWithKernelURL_", "setCommandLine_", "setInitialRamdiskURL_"),
    "VZGenericPlatformConfiguration": (_INIT, "setMachineIdentifier_", "isNestedVirtualizationSupported",
                                       "setNestedVirtualizationEnabled_"),
    "VZGenericMachineIdentifier": (_INIT, "initWithDataRepresentation_", "dataRepresentation"),
    "VZDiskImageStorageDeviceAttachment": ("initWithURL_readOnly_cachingMode_synchronizationMode_error_",),
    "VZVirtioBlockDeviceConfiguration": ("initWithAttachment_",),
    "VZUSBMassStorageDeviceConfiguration": ("initWithAttachment_",),
    "VZVirtioNetworkDeviceConfiguration": (_INIT, "setAttachment_", "setMACAddress_"),
    "VZNATNetworkDeviceAttachment": (_INIT,),
    "VZFileHandleNetworkDeviceAttachment": ("initWithFileHandle_",),
    "VZMACAddress": ("initWithString_",),
    "VZVirtioConsoleDeviceSerialPortConfiguration": (_INIT, "setAttachment_"),
    "VZFileHandleSerialPortAttachment": ("initWithFileHandleForReading_fileHandleForWriting_",),
    "VZVirtioEntropyDeviceConfiguration": (_INIT,),
    "VZVirtioTraditionalMemoryBalloonDeviceConfiguration": (_INIT,),
    "VZVirtioSocketDeviceConfiguration": (_INIT,),
    "VZVirtioSocketDevice": ("connectToPort_completionHandler_",),
    "VZVirtioSocketConnection": ("fileDescriptor", "close"),
    "VZVirtioFileSystemDeviceConfiguration": ("initWithTag_", "setShare_", "validateTag_error_"),
    "VZSingleDirectoryShare": ("initWithDirectory_",),
    "VZSharedDirectory": ("initWithURL_readOnly_",),
    "VZLinuxRosettaDirectoryShare": ("initWithError_", "setOptions_", "availability",
                                     "installRosettaWithCompletionHandler_"),
    "VZLinuxRosettaUnixSocketCachingOptions": ("initWithPath_error_",),
    "VZVirtioSoundDeviceConfiguration": (_INIT, "setStreams_"),
    "VZVirtioSoundDeviceOutputStreamConfiguration": (_INIT, "setSink_"),
    "VZHostAudioOutputStreamSink": (_INIT,),
    "VZVirtioGraphicsDeviceConfiguration": (_INIT, "setScanouts_"),
    "VZVirtioGraphicsScanoutConfiguration": ("initWithWidthInPixels_heightInPixels_",),
    "VZUSBKeyboardConfiguration": (_INIT,),
    "VZUSBScreenCoordinatePointingDeviceConfiguration": (_INIT,),
}
CONSTANTS = {
    "VZDiskImageCachingModeCached": 2, "VZDiskImageSynchronizationModeFsync": 2,
    "VZLinuxRosettaAvailabilityNotSupported": 0, "VZLinuxRosettaAvailabilityNotInstalled": 1,
}
ANSWERS: dict[str, Any] = {
    "minimumAllowedCPUCount": 1, "maximumAllowedCPUCount": 8, "minimumAllowedMemorySize": 4 << 20,
    "maximumAllowedMemorySize": 16 << 30, "dataRepresentation": b"made", "isNestedVirtualizationSupported": True,
    "availability": 2,
}
QUIET = tuple(name for name in ANSWERS if "Allowed" in name)


class Error:
    """An NSError."""

    def __init__(self, text: str) -> None:
        self.text = text

    def localizedDescription(self) -> str:
        return self.text


class Thing:
    """A class or an object of Objective-C."""

    def __init__(self, recorder: Recorder, kind: str, label: str) -> None:
        self._recorder, self._kind, self._label = recorder, kind, label

    def alloc(self) -> Thing:
        return self

    def __getattr__(self, selector: str) -> Callable[..., Any]:
        if selector not in VOCABULARY[self._kind]:
            raise AttributeError(f"{self._kind} has no {selector}")
        return lambda *arguments: self._recorder.called(self._kind, self._label, selector, arguments)


class Module:
    """A framework: its classes and constants by name."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name not in VOCABULARY:
            raise AttributeError(name)
        return Thing(self._recorder, name, name)


class Dispatch:
    """libdispatch with one real thread for its queue."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    def dispatch_queue_create(self, label: bytes, attributes: None) -> str:
        return f"queue({label.decode()})"

    def dispatch_async(self, queue: str, block: Callable[[], None]) -> None:
        self._thread.submit(block)


class Recorder:
    """The frameworks. `lines` are the calls; `failing` maps selectors to their errors; `ports` are open vsocks."""

    def __init__(self, macos: tuple[int, ...] = (15, 5), **answers: Any) -> None:
        self.macos = macos
        self.lines: list[str] = []
        self.answers = {**ANSWERS, **answers}
        self.failing: dict[str, str] = {}
        self.ports: dict[int, Callable[[], socket.socket]] = {}
        self.vz: Any = Module(self)
        self.foundation: Any = Module(self)
        self.dispatch: Any = Dispatch()
        self.ended: Callable[[str], None] = lambda reason: None
        self._labels: dict[str, int] = {}
        self._opened: dict[str, socket.socket] = {}

    def delegate(self, ended: Callable[[str], None]) -> str:
        self.ended = ended
        return "delegate"

    def called(self, kind: str, label: str, selector: str, arguments: tuple[Any, ...]) -> Any:
        if kind in ("NSURL", "NSFileHandle"):
            return f"{'url' if kind == 'NSURL' else 'fd'}({arguments[0]})"
        if selector not in QUIET:
            self.lines.append(f"{label}.{selector}({', '.join(map(_shown, arguments))})")
        failure = self.failing.get(selector)
        if selector.endswith("ompletionHandler_"):
            self._complete(selector, arguments, failure)
            return None
        value = self._value(kind, label, selector)
        if selector.lower().endswith("error_"):
            return (None, Error(failure)) if failure is not None else (value, None)
        return None if failure is not None else value

    def _value(self, kind: str, label: str, selector: str) -> Any:
        if selector in self.answers:
            return self.answers[selector]
        if selector.startswith("init"):
            return Thing(self, kind, self._numbered(kind))
        if selector == "socketDevices":
            return [Thing(self, "VZVirtioSocketDevice", "VZVirtioSocketDevice")]
        if selector == "fileDescriptor":
            return self._opened[label].fileno()
        if selector == "close":
            return self._opened.pop(label).close()
        return True if selector.startswith(("validate", "request")) else None

    def _numbered(self, kind: str) -> str:
        self._labels[kind] = self._labels.get(kind, 0) + 1
        return kind if self._labels[kind] == 1 else f"{kind}#{self._labels[kind]}"

    def _complete(self, selector: str, arguments: tuple[Any, ...], failure: str | None) -> None:
        handler = arguments[-1]
        if not selector.startswith("connectToPort"):
            handler(None if failure is None else Error(failure))
        elif arguments[0] not in self.ports:
            handler(None, Error("connection reset by peer"))
        else:
            label = self._numbered("VZVirtioSocketConnection")
            self._opened[label] = self.ports[arguments[0]]()
            handler(Thing(self, "VZVirtioSocketConnection", label), None)


def guest(answer: bytes) -> tuple[Callable[[], socket.socket], list[socket.socket]]:
    """A port of a guest that says `answer` to everybody, and the guest's ends of its connections."""
    ends: list[socket.socket] = []

    def accept() -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(answer)
        ends.append(theirs)
        return ours

    return accept, ends


def _shown(value: Any) -> str:
    if isinstance(value, Thing):
        return value._label
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return "handler" if callable(value) else str(value)
