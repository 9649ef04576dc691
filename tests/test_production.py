"""`check --production` refuses what should not hold real papers, each with its reason and a way out."""

import os
from pathlib import Path

import pytest

from atlas_core.cli.production import run_production_check
from atlas_core.settings import load_settings
from tests.desk_processes import desk_environment, run_command

LINES = 11


@pytest.fixture
def sound(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is unsafe, but that tests may run as root."""
    data, backups = tmp_path / "books", tmp_path / "backups"
    for folder in (data, backups):
        folder.mkdir(mode=0o700)
    (data / "roles.toml").write_text('lead = ["anna@your-bank.in"]')
    return desk_environment(data) | {
        "ATLAS_CLIENT_ID": "desk",
        "ATLAS_CLIENT_SECRET": "invented",
        "ATLAS_RECEIVER_URL": "https://atlas-hooks.your-bank.in",
        "ATLAS_RECEIVER_PROXY": "127.0.0.1",
        "ATLAS_FILE_HOSTS": "files.your-bank.in",
        "ATLAS_BACKUP_DIR": str(backups),
        "ATLAS_UI_URL": "https://desk.your-bank.internal",
        "ATLAS_OIDC_PROVIDER": "https://sign-in.your-bank.internal",
        "ATLAS_OIDC_CLIENT_ID": "atlas-desk",
        "ATLAS_OIDC_CLIENT_SECRET": "invented",
        "ATLAS_COOKIE_SECRET": "invented-" * 4,
    }


def refusals(environment: dict[str, str]) -> dict[str, str]:
    """What is refused, with its sentence. The command's status says whether anything is."""
    done = run_command(environment, "check", "--production")
    lines = done.stdout.splitlines()
    assert len(lines) == LINES, done.stderr
    refused = dict(line[5:].split(": ", 1) for line in lines if line.startswith("BAD"))
    assert done.returncode == (1 if refused else 0)
    return refused


ALWAYS = {"The user"} if os.geteuid() == 0 else set()


def test_a_sound_setup_is_refused_for_nothing(sound: dict[str, str]) -> None:
    assert set(refusals(sound)) == ALWAYS


def test_the_sample_as_it_came_is_refused(sound: dict[str, str]) -> None:
    done = run_command(
        sound | {"ATLAS_COOKIE_SECRET": "WRITE-AT-LEAST-32-RANDOM-CHARACTERS"}, "check", "--production"
    )
    assert done.returncode == 1
    assert "ATLAS_COOKIE_SECRET: the sample's placeholder still stands there" in done.stderr


def test_a_fresh_checkout_is_refused_for_everything_that_is_a_rehearsal(tmp_path: Path) -> None:
    refused = refusals(desk_environment(tmp_path) | {"ATLAS_DATA_DIR": "data", "ATLAS_BACKUP_HOURS": "0"})
    for name, way_out in {
        "Atlas": "Set ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET",
        "The way in for Atlas": "Set ATLAS_RECEIVER_URL",
        "The receiver's proxy": "Set ATLAS_RECEIVER_PROXY",
        "Documents": "Set ATLAS_FILE_HOSTS",
        "The folder of the books": "Set ATLAS_DATA_DIR",
        "Backups": "Set it to 1",
        "The pages": "nobody signs in",
        "Roles": "gives nobody a role",
    }.items():
        assert way_out in refused[name]


def test_unsafe_settings_are_refused_with_their_way_out(sound: dict[str, str]) -> None:
    refused = refusals(
        sound
        | {
            "ATLAS_BASE_URL": "http://127.0.0.1:9",
            "ATLAS_RECEIVER_URL": "http://atlas-hooks.your-bank.in",
            "ATLAS_RECEIVER_ADDRESS": "10.0.0.5",
            "ATLAS_DATA_DIR": "/nonexistent/books",
            "ATLAS_UI_URL": "http://localhost:8501",
            "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full",
            "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
        }
    )
    assert set(refused) - ALWAYS == {
        "Atlas",
        "The way in for Atlas",
        "The receiver's proxy",
        "The folder of the books",
        "The pages",
        "The pages' own settings",
        "Roles",
    }
    assert "Unset ATLAS_BASE_URL" in refused["Atlas"]
    assert "starts with https://" in refused["The way in for Atlas"]
    assert "Set ATLAS_RECEIVER_ADDRESS to 127.0.0.1" in refused["The receiver's proxy"]
    assert "install -d -m 700 -o atlas-desk /nonexistent/books" in refused["The folder of the books"]
    assert "Set ATLAS_UI_URL to an address that starts with https://" in refused["The pages"]
    for name in ("showErrorDetails is 'full'", "enableXsrfProtection is False"):
        assert name in refused["The pages' own settings"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ATLAS_UI_ADDRESS": "10.0.0.5"}, "Set ATLAS_UI_ADDRESS to 127.0.0.1"),
        (
            {"ATLAS_OIDC_PROVIDER": "http://localhost:9000"},
            "Set ATLAS_OIDC_PROVIDER to your company's provider",
        ),
    ],
)
def test_pages_that_can_be_reached_past_tls_or_a_sign_in_that_is_a_stand_in_are_refused(
    sound: dict[str, str], settings: dict[str, str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_production_check(load_settings(sound | settings)) == 1
    assert reason in capsys.readouterr().out


def test_what_others_may_read_is_refused_with_the_command_that_closes_it_c29_c34(
    sound: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    book, backups = tmp_path / "books" / "desk.db", tmp_path / "backups"
    book.touch(mode=0o644)
    backups.chmod(0o750)
    (tmp_path / ".env").write_text("ATLAS_CLIENT_SECRET=invented")
    (tmp_path / ".env").chmod(0o640)
    (tmp_path / "books" / "roles.toml").chmod(0o666)
    monkeypatch.chdir(tmp_path)  # where the settings are read from
    assert run_production_check(load_settings(sound)) == 1
    said = capsys.readouterr().out
    for command in (
        f"chmod 600 {book}",
        f"chmod 700 {backups}",
        f"chmod 600 {tmp_path}/.env",
        "roles.toml (mode 666)",
    ):
        assert command in said
    assert "invented" not in said
