"""The command line: limactl's verbs over the same engine. Importing this imports nothing: `cli.quick` depends on it."""


def main(argv: "list[str] | tuple[str, ...]", program: str = "limatui") -> int:
    """Run one command line under the name that was called; returns its exit status."""
    from limacore.cli.dispatch import run

    return run(argv, program)
