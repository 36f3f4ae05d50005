"""Keys on the disk: for the node's user alone, whole or not at all, and never another than its name says."""

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marrowcount.errors import MarrowcountError, SettingsError, StorageError
from marrowcount_adapters.smart_backend import Algorithm, KeyFolder, KeyState

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BROKEN = ["", "[", "[]", '{"keys": 3}', '{"keys": [{}]}', '{"keys": [{"public": {"kid": "../x"}}]}']
ES384, RS384 = Algorithm.ES384, Algorithm.RS384


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "node" / "keys", DAY)


def signing(folder: KeyFolder, now: datetime = NOON, *algorithms: Algorithm) -> str:
    return folder.signing_key(algorithms or (ES384,), now).key_id


def refused(code: str) -> "pytest.RaisesExc[MarrowcountError]":
    return pytest.RaisesExc(MarrowcountError, check=lambda error: error.code == code)


def test_a_key_is_for_the_node_alone(folder: KeyFolder) -> None:
    """Folder, keys and list: nobody else may read, none of the files is left half written."""
    key = folder.make(ES384, NOON).key_id
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700
    assert {file.name for file in folder.folder.iterdir()} == {f"{key}.pem", "keys.json", "keys.lock"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.folder.iterdir()} == {0o600}


def test_the_list_holds_nothing_private(folder: KeyFolder) -> None:
    """It may be read without reading a key."""
    key = folder.make(RS384, NOON)
    entries = json.loads((folder.folder / "keys.json").read_bytes())["keys"]
    assert set(entries[0]["public"]) == {"kty", "n", "e", "kid", "alg", "use"}
    assert folder.records() == (key,)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_that_others_may_read_does_not_sign(folder: KeyFolder, mode: int) -> None:
    """It may have been copied; the complaint says what to do."""
    key = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    (folder.folder / f"{key}.pem").chmod(mode)
    with pytest.raises(SettingsError, match=f"{key}.pem.*chmod 600.*new key") as caught:
        signing(folder)
    assert caught.value.code == "key-exposed"


def test_a_key_under_another_name_does_not_sign(folder: KeyFolder) -> None:
    """Or the EHR would look for the wrong public half."""
    key, other = folder.make(ES384, NOON).key_id, folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    (folder.folder / f"{other}.pem").replace(folder.folder / f"{key}.pem")
    with refused("bad-key"):
        signing(folder)


def test_a_broken_or_missing_key_is_told_by_its_file(folder: KeyFolder) -> None:
    """With the name of the file, and nothing of its content."""
    key = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    file = folder.folder / f"{key}.pem"
    file.write_bytes(file.read_bytes().replace(b"PRIVATE", b"SECRET"))
    with pytest.raises(SettingsError, match=f"{key}.pem: it is no private key") as caught:
        signing(folder)
    assert "BEGIN" not in str(caught.value)
    file.unlink()
    with refused("keys-unreadable"):
        signing(folder)


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_list_is_not_taken_for_an_empty_one(folder: KeyFolder, content: str) -> None:
    """Or a new list would forget all keys."""
    folder.make(ES384, NOON)
    (folder.folder / "keys.json").write_text(content)
    with refused("keys-unreadable"):
        folder.make(ES384, NOON)
    assert (folder.folder / "keys.json").read_text() == content


def test_without_a_key_one_is_told_how_to_make_it(folder: KeyFolder) -> None:
    """No folder, no key, or none that was published: nothing signs."""
    with pytest.raises(SettingsError, match=r"ES384 or RS384.*keys new.*keys publish"):
        signing(folder, NOON, ES384, RS384)
    folder.make(ES384, NOON)
    with refused("no-signing-key"):
        signing(folder, NOON + 9 * DAY)


def test_the_favourite_algorithm_goes_first(folder: KeyFolder) -> None:
    """Where keys of both sign; where one is missing, the other does."""
    rsa = folder.make(RS384, NOON).key_id
    folder.note_published(NOON)
    assert signing(folder, NOON, ES384, RS384) == rsa
    elliptic = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    assert signing(folder, NOON, ES384, RS384) == elliptic
    assert signing(folder, NOON, RS384, ES384) == rsa


def test_rotation_needs_no_second_command(folder: KeyFolder) -> None:
    """Made and published, the new key signs after the overlap; the old one leaves the key set after another, and is
    destroyed when the next one is made."""
    old = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    new = folder.make(ES384, NOON + DAY).key_id
    folder.note_published(NOON + DAY)
    assert signing(folder, NOON + DAY * 1.9) == old
    assert signing(folder, NOON + DAY * 2) == new
    assert handed_out(folder, NOON + DAY * 2.9) == {old, new}
    assert handed_out(folder, NOON + DAY * 3) == {new}
    assert (folder.folder / f"{old}.pem").exists()
    newest = folder.make(ES384, NOON + DAY * 3).key_id
    assert {file.stem for file in folder.folder.glob("*.pem")} == {new, newest}
    assert {record.key_id for record in folder.records()} == {new, newest}


def handed_out(folder: KeyFolder, now: datetime) -> set[str]:
    return {key["kid"] for key in folder.public_keys(now)["keys"]}


def test_a_published_key_can_be_used_at_once(folder: KeyFolder) -> None:
    """The one before it stays published; one that nobody knows is refused."""
    old = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    new = folder.make(ES384, NOON).key_id
    with refused("key-unpublished"):
        folder.use(new, NOON)
    folder.note_published(NOON)
    folder.use(new, NOON + timedelta(hours=1))
    assert signing(folder, NOON + timedelta(hours=1)) == new
    assert folder.states(NOON + timedelta(hours=2)) == {old: KeyState.RETIRING, new: KeyState.SIGNING}


def test_one_can_go_back_to_a_key_that_is_still_published(folder: KeyFolder) -> None:
    """Where an EHR turns out not to know the new one; a retired key is known no more."""
    old = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    folder.make(ES384, NOON)
    folder.note_published(NOON)
    with refused("key-retired"):
        folder.use(old, NOON + 3 * DAY)
    folder.use(old, NOON + DAY * 1.5)
    assert signing(folder, NOON + DAY * 1.5) == old


def test_only_keys_that_were_in_the_set_count_as_published(folder: KeyFolder) -> None:
    """Not one that was made between writing the set and noting it."""
    first, second = folder.make(ES384, NOON).key_id, folder.make(ES384, NOON).key_id
    assert folder.note_published(NOON, [first])
    assert [record.published_at for record in folder.records()] == [NOON, None]
    assert folder.note_published(NOON + DAY)
    assert not folder.note_published(NOON + 2 * DAY)
    assert [r.key_id for r in folder.records() if r.published_at == NOON + DAY] == [second]


def test_a_key_is_destroyed_unless_it_signs(folder: KeyFolder) -> None:
    """Or the node would stand without one."""
    old = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    with refused("key-in-use"):
        folder.remove(old, NOON)
    new = folder.make(ES384, NOON).key_id
    folder.note_published(NOON)
    later = NOON + timedelta(minutes=1)
    folder.use(new, later)
    folder.remove(old, later)
    assert handed_out(folder, later) == {new}
    assert not (folder.folder / f"{old}.pem").exists()
    with refused("unknown-key"):
        folder.remove(old, NOON)


def test_a_key_is_found_by_how_its_id_begins(folder: KeyFolder) -> None:
    """Where that is one alone."""
    keys = [folder.make(ES384, NOON).key_id for _ in range(3)]
    assert [folder.find(key[:12]) for key in keys] == keys
    for beginning in ("", "no such key"):
        with refused("unknown-key"):
            folder.find(beginning)


def test_commands_do_not_undo_each_other(folder: KeyFolder) -> None:
    """Made at the same time, each key stays."""
    makers = [threading.Thread(target=folder.make, args=(ES384, NOON)) for _ in range(12)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(folder.records()) == 12
    assert {file.stem for file in folder.folder.glob("*.pem")} == {record.key_id for record in folder.records()}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file in its place, for example."""
    (tmp_path / "keys").write_text("")
    with pytest.raises(StorageError) as caught:
        KeyFolder(tmp_path / "keys", DAY).make(ES384, NOON)
    assert caught.value.code == "keys-unwritable"
