"""vz, the calls: for each description the exact classes, selectors and arguments, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.drivers.vz import objects
from limacore.drivers.vz.objects import Ends
from limacore.drivers.vz.plan import Card, Description, Disk, Efi, FrameSocket, Kernel, Nat, Share
from limacore.errors import DriverError
from tests.vzrecorder import Recorder

ENDS = Ends(10, 11, {1: 12})
ALWAYS = """\
VZVirtualMachineConfiguration.setCPUCount_(2)
VZVirtualMachineConfiguration.setMemorySize_(1073741824)
DISK
VZVirtualMachineConfiguration.setStorageDevices_([VZVirtioBlockDeviceConfiguration])
VZVirtioNetworkDeviceConfiguration.init()
VZNATNetworkDeviceAttachment.init()
VZVirtioNetworkDeviceConfiguration.setAttachment_(VZNATNetworkDeviceAttachment)
VZMACAddress.initWithString_(52:55:55:0:0:1)
VZVirtioNetworkDeviceConfiguration.setMACAddress_(VZMACAddress)
VZVirtualMachineConfiguration.setNetworkDevices_([VZVirtioNetworkDeviceConfiguration])
VZVirtioConsoleDeviceSerialPortConfiguration.init()
VZFileHandleSerialPortAttachment.initWithFileHandleForReading_fileHandleForWriting_(fd(10), fd(11))
VZVirtioConsoleDeviceSerialPortConfiguration.setAttachment_(VZFileHandleSerialPortAttachment)
VZVirtualMachineConfiguration.setSerialPorts_([VZVirtioConsoleDeviceSerialPortConfiguration])
VZVirtioEntropyDeviceConfiguration.init()
VZVirtualMachineConfiguration.setEntropyDevices_([VZVirtioEntropyDeviceConfiguration])
VZVirtioTraditionalMemoryBalloonDeviceConfiguration.init()
VZVirtualMachineConfiguration.setMemoryBalloonDevices_([VZVirtioTraditionalMemoryBalloonDeviceConfiguration])
VZVirtioSocketDeviceConfiguration.init()
VZVirtualMachineConfiguration.setSocketDevices_([VZVirtioSocketDeviceConfiguration])
"""
DISK = """\
VZDiskImageStorageDeviceAttachment.initWithURL_readOnly_cachingMode_synchronizationMode_error_\
(url(/disk), False, 2, 2, None)
VZVirtioBlockDeviceConfiguration.initWithAttachment_(VZDiskImageStorageDeviceAttachment)"""
PLATFORM = """\
VZGenericPlatformConfiguration.init()
VZGenericMachineIdentifier.init()
VZGenericMachineIdentifier.dataRepresentation()
VZGenericPlatformConfiguration.setMachineIdentifier_(VZGenericMachineIdentifier)
VZVirtualMachineConfiguration.setPlatform_(VZGenericPlatformConfiguration)
"""
KERNEL = """\
VZVirtualMachineConfiguration.init()
VZLinuxBootLoader.initWithKernelURL_(url(/kernel))
VZLinuxBootLoader.setCommandLine_(quiet)
VZVirtualMachineConfiguration.setBootLoader_(VZLinuxBootLoader)
"""
VALID = "VZVirtualMachineConfiguration.validateWithError_(None)\n"


def described(tmp_path: Path, **fields: object) -> Description:
    given: dict[str, object] = {
        "boot": Kernel(Path("/kernel"), None, "quiet"), "identifier": tmp_path / "vz-identifier", "cpus": 2,
        "memory": 1 << 30, "disks": (Disk(Path("/disk")),), "cards": (Card("52:55:55:0:0:1", Nat()),), **fields,
    }
    return Description(**given)  # type: ignore[arg-type]


def calls(recorder: Recorder, wanted: Description) -> str:
    objects.configuration(recorder, wanted, ENDS)
    return "".join(f"{line}\n" for line in recorder.lines)


def beyond(text: str) -> str:
    """What is called besides that which every machine needs."""
    assert text.startswith(KERNEL + PLATFORM + ALWAYS.replace("DISK", DISK))
    assert text.endswith(VALID)
    return text[len(KERNEL + PLATFORM + ALWAYS.replace("DISK", DISK)):-len(VALID)]


def test_the_least_machine(tmp_path: Path) -> None:
    assert beyond(calls(Recorder(), described(tmp_path))) == ""
    assert (tmp_path / "vz-identifier").read_bytes() == b"made"


EFI_NEW = """\
VZVirtualMachineConfiguration.init()
VZEFIBootLoader.init()
VZEFIVariableStore.initCreatingVariableStoreAtURL_options_error_(url(EFI), 0, None)
VZEFIBootLoader.setVariableStore_(VZEFIVariableStore)
VZVirtualMachineConfiguration.setBootLoader_(VZEFIBootLoader)
"""
EFI_THERE = EFI_NEW.replace("initCreatingVariableStoreAtURL_options_error_(url(EFI), 0, None)",
                            "initWithURL_(url(EFI))")


@pytest.mark.parametrize(("exists", "expected"), [(False, EFI_NEW), (True, EFI_THERE)])
def test_firmware_variables_are_made_once(tmp_path: Path, exists: bool, expected: str) -> None:
    store = tmp_path / "vz-efi"
    if exists:
        store.write_bytes(b"x")
    found = calls(Recorder(), described(tmp_path, boot=Efi(store)))
    assert found.startswith(expected.replace("EFI)", f"{store})"))


def test_a_kernel_with_its_ram_disk(tmp_path: Path) -> None:
    found = calls(Recorder(), described(tmp_path, boot=Kernel(Path("/k"), Path("/i"), "a b")))
    assert found.startswith(
        "VZVirtualMachineConfiguration.init()\nVZLinuxBootLoader.initWithKernelURL_(url(/k))\n"
        "VZLinuxBootLoader.setCommandLine_(a b)\nVZLinuxBootLoader.setInitialRamdiskURL_(url(/i))\n")


@pytest.mark.parametrize(("content", "expected"), [
    (None, ("VZGenericMachineIdentifier.init()", "VZGenericMachineIdentifier.dataRepresentation()", b"made")),
    (b"", ("VZGenericMachineIdentifier.init()", "VZGenericMachineIdentifier.dataRepresentation()", b"made")),
    (b"old", ("VZGenericMachineIdentifier.initWithDataRepresentation_(b'old')", b"old")),
])
def test_the_identifier_is_made_where_it_is_missing_or_empty(
    tmp_path: Path, content: bytes | None, expected: tuple[object, ...],
) -> None:
    path = tmp_path / "vz-identifier"
    if content is not None:
        path.write_bytes(content)
    lines = calls(Recorder(), described(tmp_path)).splitlines()
    assert (*(line for line in lines if line.startswith("VZGenericMachineIdentifier")), path.read_bytes()) == expected


def test_disks_cards_and_their_attachments(tmp_path: Path) -> None:
    wanted = described(
        tmp_path, disks=(Disk(Path("/iso"), read_only=True, usb=True), Disk(Path("/seed"), read_only=True)),
        cards=(Card("52:55:55:0:0:1", Nat()), Card("52:55:55:0:0:2", FrameSocket(Path("/fd.sock")))))
    lines = calls(Recorder(), wanted).splitlines()
    attachment = "VZDiskImageStorageDeviceAttachment"
    start = lines.index("VZVirtualMachineConfiguration.setMemorySize_(1073741824)") + 1
    assert lines[start:start + 15] == [
        f"{attachment}.initWithURL_readOnly_cachingMode_synchronizationMode_error_(url(/iso), True, 2, 2, None)",
        f"VZUSBMassStorageDeviceConfiguration.initWithAttachment_({attachment})",
        f"{attachment}.initWithURL_readOnly_cachingMode_synchronizationMode_error_(url(/seed), True, 2, 2, None)",
        f"VZVirtioBlockDeviceConfiguration.initWithAttachment_({attachment}#2)",
        "VZVirtualMachineConfiguration.setStorageDevices_("
        "[VZUSBMassStorageDeviceConfiguration, VZVirtioBlockDeviceConfiguration])",
        "VZVirtioNetworkDeviceConfiguration.init()",
        "VZNATNetworkDeviceAttachment.init()",
        "VZVirtioNetworkDeviceConfiguration.setAttachment_(VZNATNetworkDeviceAttachment)",
        "VZMACAddress.initWithString_(52:55:55:0:0:1)",
        "VZVirtioNetworkDeviceConfiguration.setMACAddress_(VZMACAddress)",
        "VZVirtioNetworkDeviceConfiguration.init()",
        "VZFileHandleNetworkDeviceAttachment.initWithFileHandle_(fd(12))",
        "VZVirtioNetworkDeviceConfiguration#2.setAttachment_(VZFileHandleNetworkDeviceAttachment)",
        "VZMACAddress.initWithString_(52:55:55:0:0:2)",
        "VZVirtioNetworkDeviceConfiguration#2.setMACAddress_(VZMACAddress#2)",
    ]


SHARES = """\
VZSharedDirectory.initWithURL_readOnly_(url(/a), True)
VZSingleDirectoryShare.initWithDirectory_(VZSharedDirectory)
VZVirtioFileSystemDeviceConfiguration.validateTag_error_(lima-1, None)
VZVirtioFileSystemDeviceConfiguration.initWithTag_(lima-1)
VZVirtioFileSystemDeviceConfiguration.setShare_(VZSingleDirectoryShare)
VZLinuxRosettaDirectoryShare.initWithError_(None)
VZLinuxRosettaUnixSocketCachingOptions.initWithPath_error_(/run/r.sock, None)
VZLinuxRosettaDirectoryShare.setOptions_(VZLinuxRosettaUnixSocketCachingOptions)
VZVirtioFileSystemDeviceConfiguration.validateTag_error_(vz-rosetta, None)
VZVirtioFileSystemDeviceConfiguration.initWithTag_(vz-rosetta)
VZVirtioFileSystemDeviceConfiguration#2.setShare_(VZLinuxRosettaDirectoryShare)
VZVirtualMachineConfiguration.setDirectorySharingDevices_\
([VZVirtioFileSystemDeviceConfiguration, VZVirtioFileSystemDeviceConfiguration#2])
"""
SOUND = """\
VZVirtioSoundDeviceOutputStreamConfiguration.init()
VZHostAudioOutputStreamSink.init()
VZVirtioSoundDeviceOutputStreamConfiguration.setSink_(VZHostAudioOutputStreamSink)
VZVirtioSoundDeviceConfiguration.init()
VZVirtioSoundDeviceConfiguration.setStreams_([VZVirtioSoundDeviceOutputStreamConfiguration])
VZVirtualMachineConfiguration.setAudioDevices_([VZVirtioSoundDeviceConfiguration])
"""
SCREEN = """\
VZVirtioGraphicsScanoutConfiguration.initWithWidthInPixels_heightInPixels_(1920, 1200)
VZVirtioGraphicsDeviceConfiguration.init()
VZVirtioGraphicsDeviceConfiguration.setScanouts_([VZVirtioGraphicsScanoutConfiguration])
VZVirtualMachineConfiguration.setGraphicsDevices_([VZVirtioGraphicsDeviceConfiguration])
VZUSBKeyboardConfiguration.init()
VZVirtualMachineConfiguration.setKeyboards_([VZUSBKeyboardConfiguration])
VZUSBScreenCoordinatePointingDeviceConfiguration.init()
VZVirtualMachineConfiguration.setPointingDevices_([VZUSBScreenCoordinatePointingDeviceConfiguration])
"""


@pytest.mark.parametrize(("fields", "expected"), [
    ({"shares": (Share("lima-1", Path("/a")),), "rosetta": True, "rosetta_cache": "/run/r.sock"}, SHARES),
    ({"sound": True}, SOUND), ({"display": (1920, 1200)}, SCREEN),
])
def test_what_is_there_on_demand(tmp_path: Path, fields: dict[str, object], expected: str) -> None:
    assert beyond(calls(Recorder(), described(tmp_path, **fields))) == expected


def test_nested_virtualization_is_asked_for_first(tmp_path: Path) -> None:
    lines = calls(Recorder(), described(tmp_path, nested=True)).splitlines()
    assert [line for line in lines if "Nested" in line] == [
        "VZGenericPlatformConfiguration.isNestedVirtualizationSupported()",
        "VZGenericPlatformConfiguration.setNestedVirtualizationEnabled_(True)"]
    with pytest.raises(DriverError, match="nestedVirtualization"):
        calls(Recorder(isNestedVirtualizationSupported=False), described(tmp_path, nested=True))


@pytest.mark.parametrize(("selector", "fields", "message"), [
    ("validateWithError_", {}, "does not take this configuration"),
    ("initWithURL_readOnly_cachingMode_synchronizationMode_error_", {}, "does not take the disk `/disk`"),
    ("validateTag_error_", {"shares": (Share("x", Path("/a")),)}, "the tag `x`"),
    ("initWithError_", {"rosetta": True}, "Rosetta cannot be shared"),
])
def test_the_words_of_the_framework_are_passed_on(
    tmp_path: Path, selector: str, fields: dict[str, object], message: str,
) -> None:
    recorder = Recorder()
    recorder.failing[selector] = "Nope."
    with pytest.raises(DriverError, match=message) as caught:
        calls(recorder, described(tmp_path, **fields))
    assert caught.value.detail == "Nope."


def test_a_python_without_the_entitlement_is_told_what_to_do(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.failing["validateWithError_"] = (
        "Invalid virtual machine configuration. The process doesn’t have the “com.apple.security.virtualization” "
        "entitlement.")
    with pytest.raises(DriverError) as caught:
        calls(recorder, described(tmp_path))
    assert "com.apple.security.virtualization" in caught.value.hint


def test_an_identifier_that_is_none_is_refused(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.failing["initWithDataRepresentation_"] = ""
    (tmp_path / "vz-identifier").write_bytes(b"x")
    with pytest.raises(DriverError, match="holds no machine identifier"):
        calls(recorder, described(tmp_path))
