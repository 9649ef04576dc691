"""Tells whoever listens at a webhook, with a deadline. Its address is a secret: no error names it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from atlas_core import __version__
from atlas_core.api.retries import parse_retry_after
from atlas_core.api.transport import Call, Wire
from atlas_core.errors import AtlasError, WebhookFailed

_HEADERS = {"User-Agent": f"atlas-desk/{__version__}", "Content-Type": "application/json"}


class Webhook:
    """One address that takes `{"text": …}`, as Slack's incoming webhooks do."""

    def __init__(
        self, url: str, *, proxy: str | None, ca_bundle: Path | None, total_seconds: float = 10.0
    ) -> None:
        parts = urlsplit(url)
        self._url = url
        self._wire = Wire(
            f"{parts.scheme}://{parts.netloc}",
            proxy=proxy,
            ca_bundle=ca_bundle,
            pool=1,
            connect_seconds=3.0,
            read_seconds=total_seconds,
            total_seconds=total_seconds,
        )

    def tell(self, text: str) -> None:
        """Sends one message; returns once the other side took it (2xx). Raises `WebhookFailed`."""
        body = json.dumps({"text": text}).encode()
        headers = {**_HEADERS, "Content-Length": str(len(body))}
        call = Call("POST webhook", "POST", self._url, headers, {}, body, is_deed=True)
        try:
            reply = self._wire.exchange(call, {})
        except AtlasError as error:
            raise WebhookFailed(f"The alert webhook did not take an alert: {error.kind}.") from None
        if not 200 <= reply.status < 300:
            raise WebhookFailed(
                f"The alert webhook answered with status {reply.status}.",
                parse_retry_after(reply.retry_after),
            )

    def close(self) -> None:
        """Gives its connection back."""
        self._wire.close()
