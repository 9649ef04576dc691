"""Environment → one frozen `Settings`. The only room that reads `os.environ`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from atlas_core.errors import SettingsError
from atlas_core.sign_in import SIGN_IN_NAMES, SignIn, read_sign_in
from atlas_core.thresholds import Thresholds

API_PREFIX = "/v3/verification"

_PLACEHOLDERS = ("WRITE-", "YOUR-BANK")
_NEARLY = 0.9  # of two names of settings
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one run. Secrets are kept out of the repr."""

    base_url: str  # without the API's prefix and without a slash at its end
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    uses_sandbox: bool
    product_type: str
    file_hosts: tuple[str, ...]  # where documents may come from, `.name` for all that end so; empty: anywhere
    document_hosts: tuple[str, ...]  # where a reader's browser may load documents from; empty: nowhere
    data_dir: Path
    ui_address: str
    ui_port: int
    receiver_address: str
    receiver_port: int
    receiver_url: str  # the address at which Atlas reaches the receiver
    receiver_proxy: Address | None  # the one reverse proxy whose word about its callers counts
    callback_addresses: tuple[Network, ...]  # where Atlas calls from; empty: anywhere
    sandbox_port: int
    poll_seconds: float
    strong_from: int
    review_below: int
    callback_client_id: str = field(repr=False)
    callback_client_secret: str = field(repr=False)
    former_callback_client: tuple[str, str] = field(repr=False)  # still good while Atlas changes over
    proxy: str | None = field(repr=False)
    ca_bundle: Path | None
    overdue_minutes: float
    sandbox_seconds: float
    sandbox_faults: str
    backup_dir: Path
    roles_file: Path  # who has which role, where people sign in
    sign_in: SignIn
    backup_hours: float  # 0: the worker takes none by itself
    alert_webhook: str | None = field(repr=False)  # who is told of alerts; the address is the secret
    alert_failure_percent: float
    keep_personal_days: float  # then values are erased; 0: they are kept

    @property
    def atlas_book(self) -> Path:
        """What Atlas said."""
        return self.data_dir / "atlas.db"

    @property
    def desk_book(self) -> Path:
        """What we said."""
        return self.data_dir / "desk.db"

    @property
    def callback_credentials(self) -> tuple[tuple[str, str], ...]:
        """The pairs that Atlas may show at our auth address, the one it should show first; none: it need
        not."""
        own = (self.callback_client_id, self.callback_client_secret)
        return tuple(pair for pair in (own, self.former_callback_client) if all(pair))

    @property
    def thresholds(self) -> Thresholds:
        """Those that hold until people adopt others."""
        return Thresholds(self.review_below, self.strong_from)

    @property
    def sandbox_origin(self) -> str:
        """Where the sandbox listens."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def receiver_origin(self) -> str:
        """Where this machine reaches the receiver."""
        return f"http://{reachable_here(self.receiver_address)}:{self.receiver_port}"

    @property
    def alert_proxy(self) -> str | None:
        """The way to the webhook: as to Atlas, unless it is on this machine."""
        return None if self.alert_webhook is None or is_loopback(self.alert_webhook) else self.proxy

    @property
    def uses_real_atlas(self) -> bool:
        """Whether what is sent goes to Atlas itself: not to the sandbox, nor to a stand-in on loopback."""
        return not self.uses_sandbox and self.local_atlas is None

    @property
    def operations_link(self) -> str:
        """The page that an alert leads to; empty where others cannot reach it."""
        return "" if is_loopback(self.sign_in.ui_url) else f"{self.sign_in.ui_url}/operations"

    @property
    def local_atlas(self) -> str | None:
        """The one http address on this machine from which documents may be sent: Atlas's own, where it
        is a stand-in on loopback."""
        return self.base_url if is_loopback(self.base_url) else None


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine alone."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def reachable_here(address: str) -> str:
    """The host under which this machine reaches a server that listens on `address`, as it stands in a URL."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- compared, not bound
    return everywhere.get(address, f"[{address}]" if ":" in address else address)


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """Settings from the environment, with `.env` of the working directory under it.

    Raises `SettingsError`, whose sentence names the setting that is missing or wrong.
    """
    path = Path(".env") if env_file is None else env_file
    values = _values_in(path)
    values.update(os.environ if environ is None else environ)
    _refuse_placeholders(values)
    read = _Reader(values)
    settings = _settings(read)
    _refuse_misspelt(values, read.asked_for | SIGN_IN_NAMES)
    return settings


def _refuse_placeholders(values: Mapping[str, str]) -> None:
    """What the sample of the settings says is public, its secrets too."""
    left = [
        name
        for name, value in values.items()
        if name.startswith("ATLAS_") and any(word in value for word in _PLACEHOLDERS)
    ]
    if left:
        raise SettingsError(
            f"{', '.join(left)}: the sample's placeholder still stands there (WRITE-… or YOUR-BANK). Write "
            "your own value in its place, or take the line out."
        )


def _refuse_misspelt(values: Mapping[str, str], known: Set[str]) -> None:
    """A name that is nearly a setting's would leave that setting as it is by default, unnoticed."""
    for name in values:
        if name.startswith("ATLAS_") and name not in known:
            meant = get_close_matches(name, sorted(known), n=1, cutoff=_NEARLY)
            if meant:
                raise SettingsError(f"{name} is not a setting. {meant[0]} is: write it so, or take it out.")


def _values_in(env_file: Path) -> dict[str, str]:
    try:
        return {key: value for key, value in dotenv_values(env_file).items() if value is not None}
    except UnicodeDecodeError:
        raise SettingsError(f"The file {env_file} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"The file {env_file} cannot be read: {error.strerror}.") from None


class _Reader:
    """Reads one setting at a time; every complaint names it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked_for: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self.asked_for.add(name)
        value = self._values.get(name, "").strip() or default
        if any(ord(character) < 32 for character in value):
            raise SettingsError(f"{name} holds a line break or another control character. Remove it.")
        return value

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        text = self.text(name)
        try:
            value = float(text) if text else default
        except ValueError:
            raise SettingsError(
                f"{name} must be a number from {low:g} to {high:g}; it is {text!r}."
            ) from None
        if not low <= value <= high:
            raise SettingsError(f"{name} must be from {low:g} to {high:g}; it is {value:g}.")
        return value

    def threshold(self, name: str, default: int) -> int:
        value = self.number(name, default, low=0, high=100)
        if value != int(value):
            raise SettingsError(f"{name} must be a whole number from 0 to 100; it is {value:g}.")
        return int(value)

    def port(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not (_PORT.fullmatch(text) and 1 <= int(text) <= 65535):
            raise SettingsError(f"{name} must be a port from 1 to 65535; it is {text[:20]!r}.")
        return int(text)

    def url(self, name: str, default: str) -> str:
        """An address without a slash at its end, whose scheme is in small letters."""
        text = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise SettingsError(f"{name} is not an address. Write it like {default}.") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise SettingsError(
                f"{name} must start with https:// (or http:// on this machine) and name a host."
            )
        if parts.username or parts.query or parts.fragment:
            raise SettingsError(f"{name} must be an address alone, without user, question mark or hash.")
        return parts.scheme + text[len(parts.scheme) :]

    def secret_url(self, name: str) -> str | None:
        """An address whose path and query are the secret: no complaint repeats it."""
        text = self.text(name)
        try:
            parts = urlsplit(text)
            good = bool(parts.hostname) and parts.port != 0 and not parts.username and not parts.fragment
        except ValueError:
            good = False
        is_safe = good and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(text)))
        if text and (not is_safe or not text.isascii() or " " in text):
            raise SettingsError(
                f"{name} must be one address that starts with https:// (or http:// on this machine)."
            )
        return text or None

    def hosts(self, name: str) -> tuple[str, ...]:
        hosts = tuple(part.strip().lower() for part in self.text(name).split(",") if part.strip())
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise SettingsError(
                    f"{name} must be hosts with commas between them, like files.your-bank.in, or for all "
                    f"that end so .s3.ap-south-1.amazonaws.com; {host!r} is none."
                )
        return hosts

    def address(self, name: str) -> Address | None:
        text = self.text(name)
        try:
            return ip_address(text) if text else None
        except ValueError:
            raise SettingsError(f"{name} must be one IP address; it is {text!r}.") from None

    def networks(self, name: str) -> tuple[Network, ...]:
        parts = [part.strip() for part in self.text(name).split(",")]
        try:
            return tuple(ip_network(part) for part in parts if part)
        except ValueError as error:
            raise SettingsError(
                f"{name} must be networks with commas between them, like 203.0.113.0/24: {error}."
            ) from None


def _settings(read: _Reader) -> Settings:
    client_id, client_secret = read.text("ATLAS_CLIENT_ID"), read.text("ATLAS_CLIENT_SECRET")
    if bool(client_id) != bool(client_secret):
        missing = "ATLAS_CLIENT_SECRET" if client_id else "ATLAS_CLIENT_ID"
        raise SettingsError(
            f"{missing} is not set, but its partner is. Set both, or neither for the sandbox."
        )
    callback_id, callback_secret = (
        read.text("ATLAS_CALLBACK_CLIENT_ID"),
        read.text("ATLAS_CALLBACK_CLIENT_SECRET"),
    )
    if bool(callback_id) != bool(callback_secret):
        missing = "ATLAS_CALLBACK_CLIENT_SECRET" if callback_id else "ATLAS_CALLBACK_CLIENT_ID"
        raise SettingsError(f"{missing} is not set, but its partner is. Set both or neither.")
    former_pair = (
        read.text("ATLAS_CALLBACK_FORMER_CLIENT_ID"),
        read.text("ATLAS_CALLBACK_FORMER_CLIENT_SECRET"),
    )
    if any(former_pair) and not (all(former_pair) and callback_id):
        raise SettingsError(
            "ATLAS_CALLBACK_FORMER_CLIENT_ID and ATLAS_CALLBACK_FORMER_CLIENT_SECRET go together, and beside "
            "the new pair in ATLAS_CALLBACK_CLIENT_ID and ATLAS_CALLBACK_CLIENT_SECRET."
        )

    uses_sandbox = not client_id
    sandbox_port = read.port("ATLAS_SANDBOX_PORT", 8700)
    receiver_port = read.port("ATLAS_RECEIVER_PORT", 8600)
    ui_port = read.port("ATLAS_UI_PORT", 8501)
    taken = {"ATLAS_UI_PORT": ui_port, "ATLAS_RECEIVER_PORT": receiver_port}
    if uses_sandbox:
        taken["ATLAS_SANDBOX_PORT"] = sandbox_port
    if len(set(taken.values())) < len(taken):
        raise SettingsError(f"{', '.join(taken)} must be different ports.")

    if uses_sandbox and read.text("ATLAS_BASE_URL"):
        raise SettingsError(
            "ATLAS_BASE_URL is set, but ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET are not. "
            "Set all three for Atlas, or none for the sandbox."
        )
    base_url = (
        f"http://127.0.0.1:{sandbox_port}"
        if uses_sandbox
        else read.url("ATLAS_BASE_URL", "https://api.helloatlas.in").removesuffix(API_PREFIX)
    )
    if urlsplit(base_url).scheme == "http" and not is_loopback(base_url):
        raise SettingsError("ATLAS_BASE_URL must start with https:// unless Atlas is on this machine.")

    strong_from = read.threshold("ATLAS_STRONG_FROM", 90)
    review_below = read.threshold("ATLAS_REVIEW_BELOW", 70)
    if review_below > strong_from:
        raise SettingsError("ATLAS_REVIEW_BELOW must not be above ATLAS_STRONG_FROM.")

    bundle = read.text("ATLAS_CA_BUNDLE")
    if bundle and not Path(bundle).is_file():
        raise SettingsError("ATLAS_CA_BUNDLE names a file that is not there.")

    data_dir = Path(read.text("ATLAS_DATA_DIR", "data"))
    ui_address = read.text("ATLAS_UI_ADDRESS", "127.0.0.1")
    ui_url = read.url("ATLAS_UI_URL", f"http://{reachable_here(ui_address)}:{ui_port}")
    return Settings(
        base_url=base_url,
        client_id=client_id or "sandbox",
        client_secret=client_secret or "sandbox",
        uses_sandbox=uses_sandbox,
        product_type=read.text("ATLAS_PRODUCT_TYPE", "PROD_CDL"),
        file_hosts=read.hosts("ATLAS_FILE_HOSTS"),
        document_hosts=read.hosts("ATLAS_DOCUMENT_HOSTS"),
        data_dir=data_dir,
        ui_address=ui_address,
        ui_port=ui_port,
        receiver_address=read.text("ATLAS_RECEIVER_ADDRESS", "127.0.0.1"),
        receiver_port=receiver_port,
        receiver_url=read.url("ATLAS_RECEIVER_URL", f"http://127.0.0.1:{receiver_port}"),
        receiver_proxy=read.address("ATLAS_RECEIVER_PROXY"),
        callback_addresses=read.networks("ATLAS_CALLBACK_ADDRESSES"),
        sandbox_port=sandbox_port,
        poll_seconds=read.number("ATLAS_POLL_SECONDS", 5, low=5, high=3600),
        strong_from=strong_from,
        review_below=review_below,
        callback_client_id=callback_id,
        callback_client_secret=callback_secret,
        former_callback_client=former_pair,
        proxy=read.url("ATLAS_PROXY", "") if read.text("ATLAS_PROXY") else None,
        ca_bundle=Path(bundle) if bundle else None,
        overdue_minutes=read.number("ATLAS_OVERDUE_MINUTES", 10, low=1, high=1440),
        sandbox_seconds=read.number("ATLAS_SANDBOX_SECONDS", 10, low=0, high=3600),
        sandbox_faults=read.text("ATLAS_SANDBOX_FAULTS"),
        backup_dir=Path(read.text("ATLAS_BACKUP_DIR") or data_dir / "backups"),
        roles_file=Path(read.text("ATLAS_ROLES_FILE") or data_dir / "roles.toml"),
        sign_in=read_sign_in(read.text, ui_url, ui_address),
        backup_hours=read.number("ATLAS_BACKUP_HOURS", 1, low=0, high=168),
        alert_webhook=read.secret_url("ATLAS_ALERT_WEBHOOK"),
        alert_failure_percent=read.number("ATLAS_ALERT_FAILURE_PERCENT", 20, low=1, high=100),
        keep_personal_days=read.number("ATLAS_KEEP_PERSONAL_DAYS", 365, low=0, high=36_500),
    )
