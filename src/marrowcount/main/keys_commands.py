"""``marrowcount keys``: the keys by which the node proves to EHRs who it is (SMART Backend Services)."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from marrowcount.errors import StorageError
from marrowcount.settings import read_settings

if TYPE_CHECKING:
    from marrowcount.settings import Settings
    from marrowcount_adapters.smart_backend import KeyFolder

__all__ = ["keys"]

keys = typer.Typer(help="Keys by which EHRs know the node: make, publish, use.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="Id of a key, as `keys list` shows it, or how it begins.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")]


@keys.command()
def new(
    algorithm: Annotated[
        Literal["ES384", "RS384"], typer.Option(help="RS384 for EHRs that know no elliptic curves.")
    ] = "ES384",
    settings: SettingsFile = None,
) -> None:
    """Make a key; it signs nothing before it is published, and then only after the overlap with the one before it."""
    from marrowcount_adapters.smart_backend import Algorithm  # noqa: PLC0415 - the listener must stay small

    read, folder = _opened(settings)
    made = folder.make(Algorithm(algorithm), _now())
    _say(f"{made.key_id}: a new {algorithm} key, in {folder.folder}. {_how_to_publish(read)}")


@keys.command()
def publish(
    out: Annotated[Path | None, typer.Option(help="File for the key set; without, it is printed.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Write the public keys as EHRs register them (JSON Web Key Set); from now on they count as published."""
    read, folder = _opened(settings)
    document = folder.public_keys(_now())
    text = json.dumps(document, indent=2) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        _write(out, text)
    folder.note_published(_now(), [key["kid"] for key in document["keys"]])
    _tell_of_turns(folder, read)


@keys.command("list")
def list_keys(*, settings: SettingsFile = None) -> None:
    """Show all keys: what each is good for, and since when or from when on."""
    from marrowcount.main.key_tables import keys_table  # noqa: PLC0415 - the listener must stay small

    _, folder = _opened(settings)
    Console().print(keys_table(folder.records(), folder.states(_now())))


@keys.command()
def use(key_id: KeyId, settings: SettingsFile = None) -> None:
    """Sign with a published key from now on, without waiting: every EHR knows it."""
    _, folder = _opened(settings)
    found = folder.find(key_id)
    folder.use(found, _now())
    _say(f"{found}: signs from now on")


@keys.command()
def remove(key_id: KeyId, settings: SettingsFile = None) -> None:
    """Destroy a key that does not sign; then publish again, so that EHRs trust it no longer."""
    read, folder = _opened(settings)
    found = folder.find(key_id)
    folder.remove(found, _now())
    _say(f"{found}: destroyed. {_how_to_publish(read)}")


def _opened(file: Path | None) -> tuple[Settings, KeyFolder]:
    from marrowcount.main.ehr_access import key_folder  # noqa: PLC0415 - the listener must stay small

    settings = read_settings(file)
    return settings, key_folder(settings)


def _how_to_publish(settings: Settings) -> str:
    if settings.keys.published == "web":
        return "The running node hands out the change within a minute."
    return "Hand out the change by `marrowcount keys publish`."


def _tell_of_turns(folder: KeyFolder, settings: Settings) -> None:
    """On standard error, since the key set may go to standard output."""
    waiting = [each for each in folder.records() if each.signs_from is not None and each.signs_from > _now()]
    for record in waiting:
        sys.stderr.write(
            f"{record.key_id}: signs from {record.signs_from:%Y-%m-%d %H:%M} UTC on "
            f"(keys.overlap_h = {settings.keys.overlap_h:g}), or from `marrowcount keys use` on\n"
        )


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError("cannot-write", f"{file}: {error.strerror}") from None


def _now() -> datetime:
    return datetime.now(UTC)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
