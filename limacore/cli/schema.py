"""generate-jsonschema: the schema of lima.yaml for editors, and files checked against it."""

from __future__ import annotations

import json
from pathlib import Path

from limacore.base import yamlio
from limacore.base.files import write_atomic
from limacore.base.goquote import ticked
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config import jsonschema
from limacore.errors import ConfigError, LimaError, UsageError


def generate(ctx: Context, call: Call) -> None:
    """Print the JSON schema; with files, write it to `--schemafile` and check them."""
    text = json.dumps(jsonschema.schema(), indent=4, ensure_ascii=False) + "\n"
    if not call.args:
        ctx.out(text)
        return
    target = call["schemafile"]
    if not target:
        raise UsageError("need --schemafile to validate", hint="it names the file to write the schema to")
    write_atomic(Path(target), text)
    for name in call.args:
        _check(name, Path(target))
        ctx.log("info", f"{ticked(name)}: OK")


def _check(name: str, target: Path) -> None:
    try:
        document = yamlio.load(yamlio.read(Path(name)), name)
    except LimaError as error:
        raise ConfigError(f"{ticked(name)}: {error.message}", hint=error.hint) from None
    if found := jsonschema.mismatches(document):
        lines = "\n".join(found)
        raise ConfigError(f"{ticked(name)}: jsonschema validation failed with 'file://{target.absolute()}#'\n{lines}")
