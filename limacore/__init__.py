"""The engine: an asyncio owner of VM processes, ssh masters, seeds, disks and forwards."""
