#!/usr/bin/python3
"""The guest agent: tells the host what happens inside, over one JSON line per message.

In guests it is one file, with the standard library of Python 3.6 and nothing else; limacore carries its parts as data,
joins them (limacore/guest/agentfile.py) and never imports them. Links: the virtio serial port (there before any
network) and a unix socket for the user. One thread, one poll(); while nothing happens it does not wake up. The messages
are described in limacore/model/guest.py.
"""
# The modules beneath `socket`, `signal` and friends, and `json` and `re` only where they are needed: an emulated guest
# starts the agent in half the time (0.34 s of CPU became 0.16 s), and the host waits for it.
