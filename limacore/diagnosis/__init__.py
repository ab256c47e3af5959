"""Why a boot does not get through: rules over what consoles, host agents and QEMU say."""
