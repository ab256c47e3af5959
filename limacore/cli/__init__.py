"""The command line: limactl's verbs over the same engine. Importing this imports nothing: `cli.quick` depends on it."""


def main(argv: "list[str] | tuple[str, ...]") -> int:
    """Run one command line; returns its exit status."""
    from limacore.cli.group import main as run

    return run(argv)
