"""edit: an instance or a template file, by flags or in an editor; and what other commands need of that."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from limacore.base import yamlio
from limacore.base.files import write_atomic
from limacore.base.goquote import ticked
from limacore.cli.context import Context
from limacore.cli.tree import Call
from limacore.config import editflags
from limacore.errors import ConfigError, HostError, LimaError, NotFoundError, StateError, UsageError
from limacore.lifecycle import edit as editing
from limacore.lifecycle.edit import Outcome
from limacore.lifecycle.guard import configured
from limacore.model.instance import Status
from limacore.paths import HomePaths, check_instance_name
from limacore.store.scan import inspect

REJECTED = "lima.REJECTED.yaml"
"""Where a text that was refused is kept, in the working directory."""
_EDITORS = ("editor", "vim", "vi", "emacs")
_EMPTY = "Aborting, as requested by saving the file with empty content"


def edit(ctx: Context, call: Call) -> None:
    """Edit an instance or a file; with `--start`, or when the user wants it, start the instance then."""
    name = call.arg(0, "default")
    try:
        outcome = _edit_instance(ctx, call, name) if _is_name(name) else _edit_file(ctx, call, Path(name).absolute())
    except editing.RejectedError as error:
        raise rejected(error.text, error) from error
    if outcome is not Outcome.CHANGED:
        ctx.log("info", _EMPTY if outcome is Outcome.EMPTY else "Aborting, no changes made to the instance")
    elif _is_name(name):
        from limacore.cli.ready import offer_start

        ctx.log("info", f"Instance {ticked(name)} configuration edited")
        offer_start(ctx, name, call["start"], asked=call.given("start"))


def _is_name(text: str) -> bool:
    try:
        return bool(check_instance_name(text))
    except UsageError:
        return False


def _edit_instance(ctx: Context, call: Call, name: str) -> Outcome:
    try:
        paths = configured(ctx.home, name)
    except NotFoundError as error:
        raise NotFoundError(f"instance {ticked(name)} not found", hint=error.hint) from error
    if inspect(ctx.home, name).status is Status.RUNNING:
        raise StateError("cannot edit a running instance", hint="stop it first")
    text = yamlio.read(paths.lima_yaml)
    if editflags.given(call.values, call.names_given):
        return editing.apply(ctx.home, name, edit_expression(ctx, call, new=False, text=text))
    if not ctx.tty:
        return Outcome.EMPTY
    return editing.replace(ctx.home, name, edited(text, name, ctx.home))


def _edit_file(ctx: Context, call: Call, path: Path) -> Outcome:
    text = yamlio.read(path)
    if editflags.given(call.values, call.names_given):
        return editing.apply_to_file(path, ctx.home, edit_expression(ctx, call, new=False, text=text))
    if not ctx.tty:
        return Outcome.EMPTY
    return editing.replace_file(path, ctx.home, edited(text, str(path), ctx.home))


def edit_expression(ctx: Context, call: Call, *, new: bool, text: str) -> str:
    """The yq expression of the edit flags of a call, empty without any; `text` is the lima.yaml they are for.

    Raises UsageError in limactl's words.
    """
    wish = editflags.Wish(call.values, call.names_given, new, _params(text) if call.given("param") else (),
                          Path.cwd(), Path.home())
    found = editflags.edits(wish)
    for warning in found.warnings:
        ctx.log("warning", warning)
    return found.expression


def _params(text: str) -> tuple[str, ...]:
    data = yamlio.load(text)
    params = data.get("param") if isinstance(data, dict) else None
    return tuple(params) if isinstance(params, dict) else ()


def rejected(text: str, error: LimaError) -> ConfigError:
    """Keep a refused text in the working directory; the error that says so."""
    reason = ": ".join(part for part in (error.message, error.detail) if part)
    return ConfigError(f"the YAML is invalid, {save_rejected(text)}: {reason}", hint=error.hint)


def save_rejected(text: str) -> str:
    """Write the text to `lima.REJECTED.yaml`; what became of it, in limactl's words."""
    try:
        write_atomic(Path.cwd() / REJECTED, text)
    except HostError as error:
        return f"attempted to save the buffer as {ticked(REJECTED)} but failed ({error.detail})"
    return f"saved the buffer as {ticked(REJECTED)}"


def in_editor(ctx: Context, text: str, name: str) -> str:
    """A text as the user leaves it in the editor; raises UsageError when nothing is left of it."""
    changed = edited(text, name, ctx.home)
    if not changed.strip():
        raise UsageError(_EMPTY)
    return changed


def edited(text: str, name: str, home: HomePaths) -> str:
    """A text after the user's editor, without the words above it; raises HostError."""
    header = _header(name, home)
    path = _temporary()
    try:
        path.write_text(header + text)
        _open_editor(editor(), path)
        return path.read_text("utf-8").removeprefix(header)
    except UnicodeDecodeError:
        raise ConfigError("the edited file is not UTF-8 text") from None
    finally:
        path.unlink(missing_ok=True)


def _temporary() -> Path:
    """A new empty file of the user's own, with digits at its end as limactl names it."""
    while True:
        path = Path(tempfile.gettempdir()) / f"lima-editor-{secrets.randbelow(1 << 32)}"
        try:
            path.touch(0o600, exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise HostError(f"open {path}", detail=error.strerror or str(error)) from error
        return path


def _open_editor(program: str, path: Path) -> None:
    try:
        status = subprocess.run([program, path], check=False).returncode
    except OSError as error:
        raise _failed(program, path, error.strerror or str(error)) from error
    if status:
        raise _failed(program, path, f"exit status {status}" if status > 0 else f"signal {-status}")


def _failed(program: str, path: Path, why: str) -> HostError:
    return HostError(f"could not execute editor {ticked(program)} for a file {ticked(str(path))}", detail=why,
                     hint="set $EDITOR to the name of your editor")


def editor() -> str:
    """The user's editor: $VISUAL, $EDITOR, or one that is installed; raises HostError."""
    for wish in (os.environ.get("VISUAL", ""), os.environ.get("EDITOR", ""), *_EDITORS):
        if wish and (found := shutil.which(wish)):
            return found
    raise HostError("could not detect a text editor binary, try setting $EDITOR",
                    hint="$VISUAL and $EDITOR name one program, without arguments")


def _header(name: str, home: HomePaths) -> str:
    lines = [f"# This is the configuration of {ticked(name)}: edit it, save it and leave the editor.",
             "# An empty file leaves everything as it is."]
    for path, effect in ((home.override_yaml, "takes precedence over what stands here"),
                         (home.default_yaml, "gives what is not set here")):
        if path.is_file():
            lines += ["#", f"# {path} {effect}:", *(f"#   {line}".rstrip() for line in _shown(path))]
    return "\n".join(lines) + "\n\n"


def _shown(path: Path) -> list[str]:
    try:
        return yamlio.read(path).splitlines()
    except LimaError as error:
        return [error.message]
