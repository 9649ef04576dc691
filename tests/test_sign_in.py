"""Who somebody is: the settings, the file of roles, and how long a sign-in lasts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.access import Role, User
from atlas_core.books.desk import Desk
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.sign_ins import Ended, end_sign_in, see_sign_in
from atlas_core.clock import now_ms
from atlas_core.errors import SettingsError
from atlas_core.settings import Settings, load_settings
from atlas_core.sign_in import Way, read_roles, roles_from, roles_of
from atlas_core.web import loaders
from tests.desk_processes import desk_environment, run_command, running_pages
from tests.made_books import MINUTE, MadeBooks, make_books, reading
from tests.page_sessions import APP, said, sessions_over
from tests.test_pages_server import ask, websocket_status

OPENID = {
    "ATLAS_OIDC_PROVIDER": "https://login.lender.example/realms/staff",
    "ATLAS_OIDC_CLIENT_ID": "atlas-desk",
    "ATLAS_OIDC_CLIENT_SECRET": "an invented secret of tests",
    "ATLAS_COOKIE_SECRET": "an invented cookie secret of tests only",
    "ATLAS_UI_URL": "https://desk.lender.example",
}
PROXY = {"ATLAS_PROXY_USER_HEADER": "X-User", "ATLAS_PROXY_ADDRESS": "127.0.0.1"}
HOUR = 60 * MINUTE
BEGAN = 1_700_000_000_000
ANNA = User("anna@lender.example", "Anna", frozenset({Role.ANALYST}), True, "s1")
SIGN_IN = hashlib.sha256(b"anna's").hexdigest()


def settings_of(tmp_path: Path, **environ: str) -> Settings:
    return load_settings(environ, tmp_path / "no.env")


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def desk(books: MadeBooks) -> Desk:
    return books.open_desk()


@pytest.mark.parametrize(
    "name",
    [
        *("ATLAS_OIDC_CLIENT_ID", "ATLAS_OIDC_CLIENT_SECRET", "ATLAS_OIDC_GROUPS_CLAIM"),
        *("ATLAS_COOKIE_SECRET", "ATLAS_PROXY_ADDRESS", "ATLAS_PROXY_GROUPS_HEADER"),
    ],
)
def test_half_a_sign_in_is_refused_rather_than_none_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: set, but neither ATLAS_OIDC_PROVIDER nor"):
        settings_of(tmp_path, **{name: "x"})
    done = run_command(desk_environment(tmp_path) | {name: "x"}, "up")
    assert (done.returncode, done.stdout) == (1, "")
    assert name in done.stderr


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ATLAS_COOKIE_SECRET": ""}, "ATLAS_COOKIE_SECRET is not set"),
        ({"ATLAS_COOKIE_SECRET": "short"}, "at least 32 characters"),
        ({"ATLAS_OIDC_CLIENT_ID": ""}, "ATLAS_OIDC_CLIENT_ID is not set"),
        ({"ATLAS_OIDC_CLIENT_SECRET": ""}, "ATLAS_OIDC_CLIENT_SECRET is not set"),
        ({"ATLAS_UI_URL": "http://desk.lender.example"}, "ATLAS_UI_URL must start with https"),
        ({"ATLAS_OIDC_PROVIDER": "http://login.lender.example"}, "ATLAS_OIDC_PROVIDER must start with https"),
        (PROXY, "keep one of them"),
    ],
)
def test_a_sign_in_that_lacks_something_is_no_sign_in_and_no_start_b130(
    tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    assert settings_of(tmp_path, **OPENID).sign_in.way is Way.OPENID
    with pytest.raises(SettingsError, match=named):
        settings_of(tmp_path, **OPENID | changed)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ATLAS_PROXY_ADDRESS": ""}, "ATLAS_PROXY_ADDRESS is not set"),
        ({"ATLAS_PROXY_ADDRESS": "proxy.lender.example"}, "must be one IP address"),
        ({"FORWARDED_ALLOW_IPS": "*"}, "FORWARDED_ALLOW_IPS is set"),
    ],
)
def test_a_proxy_s_word_counts_only_from_the_one_address_it_comes_from(
    tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    assert settings_of(tmp_path, **PROXY).sign_in.way is Way.PROXY
    with pytest.raises(SettingsError, match=named):
        settings_of(tmp_path, **PROXY | changed)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.1.2.3", "desk.lender.example"])  # noqa: S104
def test_without_a_sign_in_the_pages_listen_on_this_machine_only(tmp_path: Path, address: str) -> None:
    assert settings_of(tmp_path, ATLAS_UI_ADDRESS="127.0.0.1").sign_in.way is Way.LOCAL
    with pytest.raises(SettingsError, match="nobody signs in"):
        settings_of(tmp_path, ATLAS_UI_ADDRESS=address)


def test_secrets_of_the_sign_in_are_in_no_repr(tmp_path: Path) -> None:
    shown = repr(settings_of(tmp_path, **OPENID))
    assert "invented" not in shown


def test_roles_come_from_names_and_groups_and_from_nothing_else() -> None:
    named = roles_from('lead = ["Ravi@Lender.example"]\nanalyst = ["group:loan-ops", "lead"]', "roles.toml")
    assert roles_of(named, "ravi@lender.example", ()) == {Role.LEAD}
    assert roles_of(named, "ravi@lender.example", ["loan-ops"]) == {Role.LEAD, Role.ANALYST}
    assert roles_of(named, "anna@lender.example", ["loan-ops"]) == {Role.ANALYST}
    assert roles_of(named, "anna@lender.example", ["Loan-Ops", "ravi@lender.example", "lead"]) == frozenset()
    assert roles_of(named, "group:loan-ops", ()) == frozenset()  # nobody is a group
    assert roles_of(named, "", ()) == frozenset()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('boss = ["a@b.example"]', "role that does not exist: 'boss'"),
        ('lead = "a@b.example"', "lead must be a list of texts"),
        ("lead = [5]", "lead must be a list of texts"),
        ("lead = [", r"roles\.toml cannot be read"),
    ],
)
def test_a_file_of_roles_that_is_wrong_names_the_place(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "roles.toml"
    assert read_roles(path) == {}
    path.write_text(text)
    with pytest.raises(SettingsError, match=named):
        read_roles(path)


def see(desk: Desk, now: int, *, is_active: bool = True, ends_at: int | None = None) -> Ended | None:
    return see_sign_in(desk, SIGN_IN, ANNA, began_at=BEGAN, ends_at=ends_at, is_active=is_active, now=now)


def actions(books: MadeBooks) -> list[tuple[str, str]]:
    with reading(books) as opened:
        entries = audit_entries(opened)
    return list(zip(entries["action"], entries["reason"], strict=True))[::-1]


def test_a_page_that_nobody_uses_closes_after_15_minutes_and_stays_closed_b128(
    books: MadeBooks, desk: Desk
) -> None:
    assert see(desk, BEGAN) is None
    for minutes in range(10, 120, 10):
        assert see(desk, BEGAN + minutes * MINUTE) is None
    # A page that looks by itself is no use of it.
    assert see(desk, BEGAN + 120 * MINUTE, is_active=False) is None
    assert see(desk, BEGAN + 125 * MINUTE, is_active=False) is Ended.IDLE
    assert see(desk, BEGAN + 126 * MINUTE) is Ended.IDLE
    assert actions(books) == [("sign in", ""), ("sign out", "idle")]


def test_a_sign_in_lasts_ten_hours_at_most_and_no_longer_than_the_provider_says_c4(
    books: MadeBooks, desk: Desk
) -> None:
    at = BEGAN
    while (ended := see(desk, at)) is None:
        at += 10 * MINUTE
    assert (ended, at) == (Ended.TEN_HOURS, BEGAN + 10 * HOUR)
    other = hashlib.sha256(b"another").hexdigest()
    for minutes, expected in ((0, None), (9, None), (10, Ended.BY_PROVIDER), (11, Ended.BY_PROVIDER)):
        assert (
            see_sign_in(
                desk, other, ANNA, began_at=BEGAN, ends_at=BEGAN + 10 * MINUTE, now=BEGAN + minutes * MINUTE
            )
            is expected
        )
    assert [reason for _, reason in actions(books)] == ["", "ten hours", "", "ended by the provider"]


def test_whoever_signed_out_is_out_for_every_copy_of_the_cookie(books: MadeBooks, desk: Desk) -> None:
    assert see(desk, BEGAN) is None
    end_sign_in(desk, SIGN_IN, ANNA, Ended.SIGNED_OUT, began_at=BEGAN, now=BEGAN + MINUTE)
    end_sign_in(desk, SIGN_IN, ANNA, Ended.SIGNED_OUT, began_at=BEGAN, now=BEGAN + 2 * MINUTE)
    assert see(desk, BEGAN + 2 * MINUTE) is Ended.SIGNED_OUT
    assert actions(books) == [("sign in", ""), ("sign out", "signed out")]


def test_an_old_cookie_that_was_never_seen_here_does_not_begin_a_sign_in(
    books: MadeBooks, desk: Desk
) -> None:
    assert see(desk, BEGAN + 20 * MINUTE) is Ended.IDLE


def session_of(claims: dict[str, object]) -> AppTest:
    session = AppTest.from_file(str(APP), default_timeout=20)
    session.user = claims
    return session.run()


@pytest.fixture
def openid_pages(books: MadeBooks, monkeypatch: pytest.MonkeyPatch) -> Iterator[MadeBooks]:
    with sessions_over(books.desk.parent):
        for name, value in OPENID.items():
            monkeypatch.setenv(name, value)
        loaders.desk_settings.cache_clear()
        books.desk.with_name("roles.toml").write_text('lead = ["ravi@lender.example"]')
        yield books


def test_a_page_shows_nothing_to_strangers_whatever_their_claims_lack(openid_pages: MadeBooks) -> None:
    now = now_ms() // 1000
    good = {"is_logged_in": True, "sub": "1", "iss": "i", "email": "ravi@lender.example", "iat": now}
    good["email_verified"] = True
    assert "lead" in said(session_of(good))
    assert "lead" in said(session_of(good | {"email_verified": "true"}))
    for changed, sentence in (
        ({"is_logged_in": False}, "Sign in to see them"),
        ({"sub": None}, "did not say who you are"),
        ({"iat": None}, "did not say who you are"),
        ({"email": "vera@lender.example"}, "have no role here yet"),
        *(
            ({"email_verified": vouched}, "known as 2, but have no role")
            for vouched in (False, None, "no", 0)
        ),
        ({"iat": now - 3600}, "Nobody used this page"),
        ({"exp": now - 1}, "sign-in has run out"),
    ):
        words = said(session_of(good | {"sub": "2"} | changed))
        assert sentence in words
        assert "What needs a person" not in words


def test_an_address_nobody_looked_at_counts_where_the_settings_say_so(
    openid_pages: MadeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = {"is_logged_in": True, "sub": "1", "iss": "i", "email": "ravi@lender.example"}
    claims["iat"] = now_ms() // 1000
    monkeypatch.setenv("ATLAS_OIDC_TRUST_EMAIL", "1")
    loaders.desk_settings.cache_clear()
    assert "lead" in said(session_of(claims))
    monkeypatch.setenv("ATLAS_OIDC_TRUST_EMAIL", "yes")
    with pytest.raises(SettingsError, match="must be 0 or 1"):
        load_settings()


def test_whoever_comes_past_the_proxy_is_turned_away(tmp_path: Path) -> None:
    environment = desk_environment(make_books(tmp_path).desk.parent)
    with running_pages(environment | PROXY | {"ATLAS_PROXY_ADDRESS": "10.0.0.2"}) as url:
        assert ask(url, "/", headers={"X-User": "ravi@lender.example"})[0] == 403
        # What a caller on this machine forwards does not stand for the connection it comes by.
        forwarded = {"X-User": "ravi@lender.example", "X-Forwarded-For": "10.0.0.2"}
        assert ask(url, "/", headers=forwarded)[0] == 403
        assert websocket_status(url, origin=url) == 403
        assert ask(url, "/_stcore/health")[0] == 200
