"""Environment → one frozen `Settings`. The only room that reads `os.environ`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from atlas_core.errors import SettingsError
from atlas_core.links import is_loopback
from atlas_core.setting_values import Address, Network, SettingValues, refuse_misspelt, refuse_placeholders
from atlas_core.sign_in import SIGN_IN_NAMES, SignIn, read_sign_in
from atlas_core.thresholds import Thresholds

API_PREFIX = "/v3/verification"


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
    refuse_placeholders(values)
    read = SettingValues(values)
    settings = _settings(read)
    refuse_misspelt(values, read.asked_for | SIGN_IN_NAMES)
    return settings


def _values_in(env_file: Path) -> dict[str, str]:
    try:
        return {key: value for key, value in dotenv_values(env_file).items() if value is not None}
    except UnicodeDecodeError:
        raise SettingsError(f"The file {env_file} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"The file {env_file} cannot be read: {error.strerror}.") from None


def _settings(read: SettingValues) -> Settings:
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
