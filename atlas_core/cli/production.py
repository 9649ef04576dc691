"""`check --production`: is anything set up so that it should not hold real people's papers?

Asks of settings, files and this process only, so it can be run before the first start.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from atlas_core.books.invented import refuse_invented
from atlas_core.cli.answers import Answer, Question, say
from atlas_core.errors import BookError
from atlas_core.links import is_loopback
from atlas_core.settings import Settings
from atlas_core.sign_in import Way, read_roles

_ROOT = Path(__file__).resolve().parents[2]
_STREAMLIT_SECONDS = 60
# What the pages rely on, and what Streamlit does where nothing is said.
_PAGES_NEED: dict[str, tuple[object, object]] = {
    "client.showErrorDetails": ("none", "full"),
    "client.disableDataExport": (True, False),
    "browser.gatherUsageStats": (False, True),
    "server.enableXsrfProtection": (True, True),
    "server.enableCORS": (True, True),
    "server.enableStaticServing": (False, False),
    "server.enableAgentApi": (False, False),
    "server.fileWatcherType": ("none", "auto"),
}


def run_production_check(settings: Settings) -> int:
    """Prints one line a question; returns 0 where nothing is unsafe, else 1."""
    questions: list[tuple[str, Question]] = [
        ("Atlas", _atlas),
        ("The way in for Atlas", _receiver),
        ("The receiver's proxy", _proxy),
        ("The pages", _pages),
        ("Roles", _roles),
        ("The pages' own settings", _streamlit),
        ("Documents", _documents),
        ("The folder of the books", _data_folder),
        ("Backups", _backups),
        ("The file of secrets", _secrets),
        ("The user", _user),
    ]
    return 0 if say(questions, settings) else 1


def _atlas(settings: Settings) -> Answer:
    if settings.uses_sandbox:
        return False, (
            "no credentials are set, so a sandbox with invented people plays Atlas. Set ATLAS_CLIENT_ID and "
            "ATLAS_CLIENT_SECRET."
        )
    if settings.local_atlas:
        return False, (
            f"{settings.base_url} is this machine, so documents would be sent to a stand-in. Unset "
            "ATLAS_BASE_URL, or set it to the address that Atlas gave you."
        )
    return True, f"{settings.base_url}, by https."


def _receiver(settings: Settings) -> Answer:
    if is_loopback(settings.receiver_url):
        return False, (
            f"Atlas cannot reach {settings.receiver_url}, an address of this machine alone. Set "
            "ATLAS_RECEIVER_URL to the public address that leads here."
        )
    if not settings.receiver_url.startswith("https://"):
        return False, (
            "results and tokens would travel unencrypted. Set ATLAS_RECEIVER_URL to an address that starts "
            "with https://, and let a reverse proxy with TLS answer there."
        )
    return True, f"{settings.receiver_url}, by https."


def _proxy(settings: Settings) -> Answer:
    if settings.receiver_proxy is None:
        return False, (
            "no reverse proxy is named, so all callers would look like one and share its limits. Set "
            "ATLAS_RECEIVER_PROXY to the IP address from which the proxy comes."
        )
    if settings.receiver_proxy.is_loopback and not _listens_here_alone(settings.receiver_address):
        return False, (
            f"the receiver listens at {settings.receiver_address} without TLS, though its proxy is on this "
            "machine. Set ATLAS_RECEIVER_ADDRESS to 127.0.0.1."
        )
    return True, f"{settings.receiver_proxy} speaks for the callers."


def _pages(settings: Settings) -> Answer:
    sign_in = settings.sign_in
    if sign_in.way is Way.LOCAL:
        return False, (
            "nobody signs in, so whoever reaches them sees and does everything. Set up a sign-in with "
            "ATLAS_OIDC_PROVIDER, or with ATLAS_PROXY_USER_HEADER."
        )
    if not sign_in.is_encrypted:
        return False, (
            f"people would open {sign_in.ui_url} unencrypted. Set ATLAS_UI_URL to an address that starts "
            "with https://, and let a reverse proxy with TLS answer there."
        )
    if is_loopback(sign_in.provider):
        return False, (
            f"{sign_in.provider} on this machine would say who people are. Set ATLAS_OIDC_PROVIDER to your "
            "company's provider."
        )
    proxy_is_here = sign_in.way is Way.OPENID or ip_address(sign_in.proxy).is_loopback
    if proxy_is_here and not _listens_here_alone(settings.ui_address):
        return False, (
            f"they would listen at {settings.ui_address}, where others can reach them past TLS. Set "
            "ATLAS_UI_ADDRESS to 127.0.0.1 and let a reverse proxy with TLS stand before them."
        )
    return True, f"{sign_in.ui_url}, by https, for people who sign in."


def _roles(settings: Settings) -> Answer:
    file = settings.roles_file
    if not any(read_roles(file).values()):
        return False, f"{file} gives nobody a role, so nobody gets in. README says how it is written."
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o022:
        return False, f"others than its owner may change {file} (mode {mode:o}): chmod 600 {file}"
    return True, f"as {file} says."


def _streamlit(_: Settings) -> Answer:
    command = [sys.executable, "-m", "streamlit", "config", "show"]
    try:
        shown = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=_STREAMLIT_SECONDS, check=True
        )
        in_force = tomllib.loads(shown.stdout[shown.stdout.index("\n[") :])  # an introduction comes first
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return False, f"Streamlit does not tell them ({type(error).__name__}). Install Atlas Desk anew."
    wrong = []
    for name, (wanted, default) in _PAGES_NEED.items():
        section, key = name.split(".")
        found = in_force.get(section, {}).get(key, default)
        if found != wanted:
            wrong.append(f"{name} is {found!r} and must be {wanted!r}")
    if wrong:
        return False, (
            f"{'; '.join(wrong)}. Take it out of the environment (STREAMLIT_…) and of ~/.streamlit; the "
            "program's own .streamlit/config.toml sets it right."
        )
    return True, "as they must be: no error details, no usage statistics, no doors for machines."


def _documents(settings: Settings) -> Answer:
    if not settings.file_hosts:
        return False, (
            "links of any host would be sent to Atlas, also one that was mistyped or slipped in. Set "
            "ATLAS_FILE_HOSTS to the hosts of your storage."
        )
    return True, f"only from {', '.join(settings.file_hosts)}."


def _data_folder(settings: Settings) -> Answer:
    folder = settings.data_dir.resolve()
    if folder.is_relative_to(_ROOT):
        return False, (
            f"{folder} lies within the program, where an upgrade may take the books away. Set ATLAS_DATA_DIR "
            "to a folder elsewhere, such as /var/lib/atlas-desk."
        )
    if not folder.is_dir():
        return False, (
            f"{folder} is not there. Make it, for the user of Atlas Desk alone: "
            f"install -d -m 700 -o atlas-desk {folder}"
        )
    if settings.uses_real_atlas:
        with suppress(BookError):  # which the worker tells of, and the pages with it
            refuse_invented(settings.atlas_book, settings.desk_book)
    return _private([folder, *sorted(folder.glob("*.db*"))], f"{folder}, for its owner alone.")


def _backups(settings: Settings) -> Answer:
    if not settings.backup_hours:
        return False, (
            "the worker takes none, for ATLAS_BACKUP_HOURS is 0; what people decided would be lost with the "
            "disk. Set it to 1."
        )
    folder = settings.backup_dir.resolve()
    if not folder.is_dir():
        return True, f"every {settings.backup_hours:g} h; the worker makes {folder}."
    where = "elsewhere than the books" if _other_disk(folder, settings.data_dir) else "on the books' own disk"
    return _private([folder], f"every {settings.backup_hours:g} h into {folder}, {where}.")


def _secrets(_: Settings) -> Answer:
    file = Path(".env").resolve()
    if not file.exists():
        return True, "there is none here; the environment holds them."
    return _private([file], f"{file}, for its owner alone.")


def _user(_: Settings) -> Answer:
    if os.geteuid() == 0:
        return False, (
            "this is root, and what breaks into the program would own the machine. Run it as a user of its "
            "own, such as atlas-desk."
        )
    return True, "not root."


def _listens_here_alone(address: str) -> bool:
    return is_loopback(f"http://{f'[{address}]' if ':' in address else address}")


def _other_disk(one: Path, other: Path) -> bool:
    return other.exists() and one.stat().st_dev != other.stat().st_dev


def _private(paths: list[Path], well: str) -> Answer:
    for path, mode in _modes(paths):
        if mode & 0o077:
            safe = "700" if path.is_dir() else "600"
            return False, f"others than its owner may open {path} (mode {mode:o}): chmod {safe} {path}"
    return True, well


def _modes(paths: list[Path]) -> Iterator[tuple[Path, int]]:
    for path in paths:
        yield path, stat.S_IMODE(path.stat().st_mode)
