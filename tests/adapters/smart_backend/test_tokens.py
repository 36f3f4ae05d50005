"""The cache: one request whoever asks, renewal before the end, nothing shown."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from marrowcount.errors import PeerError
from marrowcount_adapters.smart_backend.tokens import AccessToken, TokenCache, TokenKey

KEY = TokenKey("https://auth.example.org/token", "node", "system/Patient.rs")


class Held:
    """A clock that moves when it is told to, and a server that numbers its tokens."""

    def __init__(self, life_s: float = 300) -> None:
        self.now, self.life_s, self.asked, self.took_s = 1000.0, life_s, 0, 0.0
        self.cache = TokenCache(lambda: self.now)

    def ask(self) -> AccessToken:
        self.asked += 1
        self.now += self.took_s
        return AccessToken(f"token {self.asked}", self.life_s)

    def token(self, key: TokenKey = KEY) -> str:
        return self.cache.token(key, self.ask).value


@pytest.mark.parametrize(("life_s", "used_s"), [(300, 270), (60, 30), (3600, 3240), (301, 270.9)])
def test_a_token_is_renewed_before_it_ends(life_s: float, used_s: float) -> None:
    """By half a minute, or a tenth of its life if that is more."""
    held = Held(life_s)
    assert held.token() == "token 1"
    held.now += used_s - 0.01
    assert held.token() == "token 1"
    held.now += 0.02
    assert held.token() == "token 2"


def test_life_counts_from_the_request() -> None:
    """A slow answer has used up some of it already."""
    held = Held(300)
    held.took_s = 100
    held.token()
    held.now += 170 - 0.01
    assert held.token() == "token 1"
    held.now += 0.02
    assert held.token() == "token 2"


@pytest.mark.parametrize("life_s", [0, 5, 30])
def test_a_token_of_a_short_life_is_used_once(life_s: float) -> None:
    """By whoever asked for it."""
    held = Held(life_s)
    assert [held.token(), held.token()] == ["token 1", "token 2"]


def test_other_clients_and_scopes_have_other_tokens() -> None:
    """A token is as good as its scope, for the one that it was given to."""
    held = Held()
    for key in (KEY, KEY._replace(scope="x"), KEY._replace(client_id="x"), KEY._replace(token_url="x")):  # noqa: S106 - no secret
        held.token(key)
    assert held.asked == 4


def test_many_threads_make_one_request() -> None:
    """Those that come while a token is asked for wait for it."""
    held, asking, go_on = Held(), threading.Event(), threading.Event()

    def slowly() -> AccessToken:
        asking.set()
        assert go_on.wait(30)
        return held.ask()

    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(held.cache.token, KEY, slowly)
        assert asking.wait(30)
        others = [pool.submit(held.cache.token, KEY, held.ask) for _ in range(15)]
        go_on.set()
        assert {each.result(30).value for each in [first, *others]} == {"token 1"}
    assert held.asked == 1


def test_one_slow_server_holds_up_no_other() -> None:
    """Each has a lock of its own."""
    held, asking, go_on = Held(), threading.Event(), threading.Event()

    def slowly() -> AccessToken:
        asking.set()
        assert go_on.wait(30)
        return AccessToken("slow", 300)

    elsewhere = TokenKey("https://slow.example.org/token", "node", "system/Patient.rs")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(held.cache.token, elsewhere, slowly)
        assert asking.wait(30)
        assert held.token() == "token 1"
        go_on.set()
        assert slow.result(30).value == "slow"


def test_a_failure_is_not_kept() -> None:
    """The next one asks again; an old token does not come back."""
    held = Held()
    held.token()
    held.now += 1000

    def fail() -> AccessToken:
        raise PeerError("no-answer", "none")

    for _ in range(2):
        with pytest.raises(PeerError):
            held.cache.token(KEY, fail)
    assert held.token() == "token 2"


def test_a_refused_token_is_dropped_once() -> None:
    """A thread that learns of it late does not drop the new one."""
    held = Held()
    first = held.cache.token(KEY, held.ask)
    for _ in range(2):
        held.cache.drop(KEY, first)
        assert held.token() == "token 2"
    assert held.asked == 2


def test_nothing_shows_a_token() -> None:
    """Neither itself nor the cache that holds it."""
    held = Held()
    token = held.cache.token(KEY, held.ask)
    assert "token 1" not in repr(token) + str(token) + repr(held.cache) + f"{[token]}"
