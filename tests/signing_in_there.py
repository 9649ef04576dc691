"""A desk whose people sign in at a provider, and how a visitor does that."""

from __future__ import annotations

import re

from tests.browser import Visitor


def with_sign_in(environment: dict[str, str], provider: str) -> dict[str, str]:
    """The environment of a desk whose people sign in at the provider at that address."""
    return environment | {
        "ATLAS_OIDC_PROVIDER": provider,
        "ATLAS_OIDC_CLIENT_ID": "atlas-desk",
        "ATLAS_OIDC_CLIENT_SECRET": "an invented secret of tests",
        "ATLAS_COOKIE_SECRET": "an invented cookie secret of tests only",
        "ATLAS_UI_URL": f"http://127.0.0.1:{environment['ATLAS_UI_PORT']}",
    }


def meet(visitor: Visitor, provider: str) -> None:
    """Lets the visitor be sent to the provider, whose page has its style from afar, where tests do not go."""
    visitor.sign_in = provider
    visitor.page.route("https://cdn.jsdelivr.net/**", lambda route: route.fulfill(content_type="text/css"))


def sign_in(visitor: Visitor, email: str) -> None:
    """From the page that asks for it, and back."""
    visitor.page.get_by_role("button", name="Sign in with your company account").click()
    visitor.page.get_by_role("button", name=re.compile(re.escape(email))).click()
    visitor.page.wait_for_url(f"{visitor.url}/**")
