"""The succession of keys: whoever checks signatures always knows the key that signs."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marrowcount_adapters.smart_backend.keys import Algorithm
from marrowcount_adapters.smart_backend.rotation import KeyRecord, KeyState, in_use, published, shown, states

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def made(key_id: str, at: datetime = NOON, algorithm: Algorithm = Algorithm.ES384) -> KeyRecord:
    return KeyRecord(key_id, algorithm, {}, at)


def test_an_unpublished_key_never_signs() -> None:
    """However long it waits, and although there is no other."""
    assert in_use([made("a")], Algorithm.ES384, NOON + 1000 * DAY, DAY) is None


def test_the_first_key_signs_as_soon_as_it_is_published() -> None:
    """There is nobody to overlap with."""
    (record,) = published([made("a")], ["a"], NOON, DAY)
    assert states([record], NOON, DAY) == {"a": KeyState.SIGNING}


def test_a_new_key_takes_over_after_the_overlap() -> None:
    """Both are handed out all the while; the old one for another overlap after it signs no longer."""
    records = published([made("a")], ["a"], NOON, DAY)
    records = published([*records, made("b", NOON + DAY)], ["a", "b"], NOON + DAY, DAY)
    seen = [tuple(states(records, NOON + n * DAY / 2, DAY).values()) for n in range(2, 8)]
    assert seen == [
        (KeyState.SIGNING, KeyState.NEXT),
        (KeyState.SIGNING, KeyState.NEXT),
        (KeyState.RETIRING, KeyState.SIGNING),
        (KeyState.RETIRING, KeyState.SIGNING),
        (KeyState.RETIRED, KeyState.SIGNING),
        (KeyState.RETIRED, KeyState.SIGNING),
    ]


def test_two_first_keys_published_together_take_turns() -> None:
    """One signs at once, the other after the overlap."""
    records = published([made("a"), made("b")], ["a", "b"], NOON, DAY)
    assert list(states(records, NOON, DAY).values()) == [KeyState.SIGNING, KeyState.NEXT]


def test_each_algorithm_has_its_own_succession() -> None:
    """A new RSA key does not relieve an elliptic one."""
    records = published([made("a"), made("r", algorithm=Algorithm.RS384)], ["a", "r"], NOON, DAY)
    assert set(states(records, NOON, DAY).values()) == {KeyState.SIGNING}


def test_publishing_again_changes_no_turn() -> None:
    """Or somebody who publishes daily would never see the new key sign."""
    records = published([made("a")], ["a"], NOON, DAY)
    assert published(records, ["a"], NOON + DAY, DAY) == records


steps = st.lists(
    st.tuples(st.sampled_from(["make", "publish", "wait"]), st.integers(1, 40), st.sampled_from(list(Algorithm))),
    max_size=30,
)


@given(steps)
def test_the_key_that_signs_was_known_for_an_overlap(deeds: list[tuple[str, int, Algorithm]]) -> None:
    """Whatever is done when: a key that signs was published an overlap ago, or was the first; it, and what signed
    within the last overlap, is handed out."""
    records: list[KeyRecord] = []
    now, signed = NOON, dict[str, datetime]()
    for number, (deed, hours, algorithm) in enumerate(deeds):
        now += timedelta(hours=hours)
        if deed == "make":
            records.append(made(str(number), now, algorithm))
        elif deed == "publish":
            records = published(records, [record.key_id for record in records], now, DAY)
        for each in Algorithm:
            key = in_use(records, each, now, DAY)
            firsts = [r.signs_from for r in records if r.algorithm is each and r.signs_from is not None]
            if key is not None:
                assert key.published_at is not None
                assert key.signs_from == min(firsts) or now >= key.published_at + DAY
                signed[key.key_id] = now
        handed_out = {record.key_id for record in shown(records, now, DAY)}
        assert {key_id for key_id, last in signed.items() if now < last + DAY} <= handed_out
