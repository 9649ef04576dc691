"""Values of settings, read one at a time from texts; every complaint names the setting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from atlas_core.errors import SettingsError
from atlas_core.links import is_loopback

_PLACEHOLDERS = ("WRITE-", "YOUR-BANK")
_NEARLY = 0.9  # of two names of settings
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def refuse_placeholders(values: Mapping[str, str]) -> None:
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


def refuse_misspelt(values: Mapping[str, str], known: Set[str]) -> None:
    """A name that is nearly a setting's would leave that setting as it is by default, unnoticed."""
    for name in values:
        if name.startswith("ATLAS_") and name not in known:
            meant = get_close_matches(name, sorted(known), n=1, cutoff=_NEARLY)
            if meant:
                raise SettingsError(f"{name} is not a setting. {meant[0]} is: write it so, or take it out.")


class SettingValues:
    """Reads one setting at a time. Each raises `SettingsError`; `asked_for` are the names that were read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked_for: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        """A text without blanks around it and control characters in it."""
        self.asked_for.add(name)
        value = self._values.get(name, "").strip() or default
        if any(ord(character) < 32 for character in value):
            raise SettingsError(f"{name} holds a line break or another control character. Remove it.")
        return value

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number from `low` to `high`."""
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
        """A whole number from 0 to 100."""
        value = self.number(name, default, low=0, high=100)
        if value != int(value):
            raise SettingsError(f"{name} must be a whole number from 0 to 100; it is {value:g}.")
        return int(value)

    def port(self, name: str, default: int) -> int:
        """A port from 1 to 65535."""
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
        """Names of hosts with commas between them, in small letters."""
        hosts = tuple(part.strip().lower() for part in self.text(name).split(",") if part.strip())
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise SettingsError(
                    f"{name} must be hosts with commas between them, like files.your-bank.in, or for all "
                    f"that end so .s3.ap-south-1.amazonaws.com; {host!r} is none."
                )
        return hosts

    def address(self, name: str) -> Address | None:
        """One IP address; None where there is none."""
        text = self.text(name)
        try:
            return ip_address(text) if text else None
        except ValueError:
            raise SettingsError(f"{name} must be one IP address; it is {text!r}.") from None

    def networks(self, name: str) -> tuple[Network, ...]:
        """Networks with commas between them."""
        parts = [part.strip() for part in self.text(name).split(",")]
        try:
            return tuple(ip_network(part) for part in parts if part)
        except ValueError as error:
            raise SettingsError(
                f"{name} must be networks with commas between them, like 203.0.113.0/24: {error}."
            ) from None
