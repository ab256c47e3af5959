"""A world without VMs that behaves like one: to try the dashboard, to test it and to take its pictures."""

from __future__ import annotations

from limacore.drivers.demo.engine import DemoEngine

__all__ = ["DemoEngine"]
