"""Forwarded ports as lines, what may be done with one, and what is wrong with one that is asked for: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

from limacore.errors import LimaError
from limacore.forward import byhand
from limacore.model.instance import Forward, Instance, Status
from limacore.model.probe import Probe
from limatui.ink import Line, cut, fit
from limatui.present.words import plural

Probes = Mapping[tuple[str, str], Probe]
_ADDRESS, _WIDE_ADDRESS, _RULE, _STATE = 18, 24, 22, 14
_ROOMY, _WIDE = 92, 116
"""Columns from which on there is room for the rule, and for longer addresses."""
_IGNORED = ("portForwards", "the port of ssh")
_LOOKS = {
    "forwarding": ("●", "running"), "failed": ("✗", "bad"), "waiting": ("◐", "warn"), "ignored": ("·", "faint"),
    "stopped": ("○", "dim"), "not forwarded": ("·", "faint"),
}
_PROBED = {"answers": "running", "closes": "warn", "refused": "bad", "silent": "warn", "no probe": "faint"}
_MEANT = {
    "answers": "something in the guest took the connection", "no probe": "only TCP can be knocked at",
    "closes": "the connection was closed at once: nothing in the guest takes it",
    "refused": "nothing on this computer listens there", "silent": "no answer within three seconds",
}


def key_of(each: Forward) -> tuple[str, str, str]:
    """What tells forwards apart."""
    return each.protocol, each.guest, each.rule


def state(each: Forward) -> str:
    """What became of a port, in a word."""
    if each.state != "not-forwarding":
        return each.state
    if each.rule == "stopped by hand":
        return "stopped"
    return "ignored" if each.rule.startswith(_IGNORED) else "not forwarded"


def _cells(width: int) -> int:
    return _WIDE_ADDRESS if width >= _WIDE else _ADDRESS


def titles(width: int) -> Line:
    """The names of the columns."""
    address = _cells(width)
    rule = f"{'RULE':<{_RULE}}" if width >= _ROOMY else ""
    return ((f"    {'GUEST':<{address}}  {'HOST':<{address}}  {'PROTO':<7}  {rule}{'STATE':<{_STATE}}PROBE", "faint"),)


def line(each: Forward, probes: Probes, width: int) -> Line:
    """One port."""
    address, word = _cells(width), state(each)
    sign, mark = _LOOKS.get(word, _LOOKS["not forwarded"])
    up = word == "forwarding"
    rule: Line = ((fit(each.rule, _RULE - 2) + "  ", "faint"),) if width >= _ROOMY else ()
    return cut((("  ", ""), (f"{sign} ", mark), (fit(each.guest, address), "" if up else "dim"), ("  ", ""),
                (fit(each.host or "-", address), "bold" if up else "dim"), (f"  {fit(each.protocol, 7)}  ", "faint"),
                *rule, (fit(word, _STATE), mark), *_probe(probes.get((each.protocol, each.host)), width)), width)


def _probe(found: Probe | None, width: int) -> Line:
    if found is None:
        return ()
    took = f"  {1000 * found.seconds:.0f} ms" if found.well and width >= _ROOMY else ""
    return ((found.word, _PROBED.get(found.word, "dim")), (took, "dim"))


def details(each: Forward, name: str, probes: Probes, cells: int) -> tuple[Line, ...]:
    """Why it is as it is, what a knock found, and the command that stops or makes it."""
    probe = probes.get((each.protocol, each.host))
    found: Line = ((_MEANT[probe.word], _PROBED[probe.word]),) if probe and probe.word in _MEANT else \
        (("p", "accent-key"), (" knocks at every forward", "dim"))
    return tuple(cut(((label.ljust(13), "faint"), *text), cells) for label, text in (
        ("because", _why(each)), ("probe", found), ("command", ((command(each, name), "dim"),))))


def _why(each: Forward) -> Line:
    if each.error:
        return ((each.error, "bad"),)
    if each.state == "waiting":
        return (("the guest is not reached yet", "dim"),)
    rule = each.rule or "no rule takes this address"
    if each.state == "not-forwarding":
        return ((rule, ""), (_NOT.get(rule, "  keeps it inside"), "dim"))
    return ((rule, ""), (_DOES.get(rule, "  of lima.yaml"), "dim"))


_NOT = {"stopped by hand": "", "no rule takes this address": "", "the port of ssh": "  has a forward of its own"}
_DOES = {"default": "  every port of the guest's 127.0.0.1", "by hand": "  until the instance stops",
         "no rule takes this address": ""}


def command(each: Forward, name: str) -> str:
    """The command line that stops it, or that forwards it."""
    if each.host:
        return f"limatui forward remove {name} {quote(each.host)}"
    return add_command(name, each.guest, "", each.protocol)


def add_command(name: str, guest: str, host: str, protocol: str) -> str:
    """The equivalent command line."""
    flag = " --reverse" if protocol == "reverse" else "" if protocol == "tcp" else f" --proto {protocol}"
    return f"limatui forward add{flag} {name} {quote(guest) if guest else 'GUEST'}{f' {quote(host)}' if host else ''}"


def wrong(guest: str, host: str, protocol: str) -> str:
    """What is wrong with a forward that is asked for; empty when nothing is."""
    if not guest:
        return "the guest's side: a port such as 8080, ADDRESS:PORT or a socket"
    try:
        byhand.parse(protocol, guest, host)
    except LimaError as error:
        return error.message if "use" in error.hint or not error.hint else f"{error.message}: {error.hint}"
    return ""


def why_not(verb: str, subject: Instance | None, each: Forward | None) -> str:
    """Why a verb is not possible now; empty when it is."""
    if subject is None:
        return "no instance is selected"
    if subject.status is not Status.RUNNING:
        return f"{subject.name} does not run"
    if verb in ("add", "probe"):
        return ""
    if each is None:
        return "no port is selected"
    if verb == "remove":
        return "" if each.host else f"{each.guest} is not forwarded"
    if not each.host:
        return f"{each.guest} is not forwarded: it has no address here"
    if verb == "open" and (each.protocol != "tcp" or each.host.startswith("/")):
        return f"{each.host} is no TCP port"
    return ""


def url(each: Forward) -> str:
    """Where a browser finds it."""
    address, _, port = each.host.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(address, address)
    return f"https://{host}:{port}/" if port in ("443", "8443") else f"http://{host}:{port}/"


def empty(subject: Instance) -> tuple[Line, ...]:
    """What the pane says when there is nothing to list."""
    if subject.status is Status.RUNNING:
        return ((("nothing in the guest listens yet", "dim"),), (),
                (("a", "accent-key bold"), (" forwards a port by hand, now or for later", "dim")))
    rules = subject.config.port_forwards if subject.config else ()
    told = f"{plural(len(rules), 'rule')} of lima.yaml" if rules else "every port that is listened on"
    return (((f"{subject.name} does not run", "dim"),), (),
            ((f"when it does, {told} will be forwarded", "faint"),))


def summary(forwards: Sequence[Forward]) -> Line:
    """`3 forwarded   1 failed   2 not`; empty when there is none."""
    if not forwards:
        return ()
    words = [state(each) for each in forwards]
    up, failed = words.count("forwarding"), words.count("failed")
    rest = len(words) - up - failed
    return ((f"{up} forwarded", "dim"), (f"   {failed} failed" if failed else "", "bad"),
            (f"   {rest} not" if rest else "", "faint"))
