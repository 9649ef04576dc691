"""A company's sign-in on loopback: a real OpenID Connect provider in a process of its own, with invented
people. `python -m tests.sign_in_provider PORT`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.desk_processes import free_port, running_process

ANNA, RAVI, VERA, ADA, NOBODY = (
    f"{name}@lender.example" for name in ("anna.analyst", "ravi.lead", "vera.viewer", "ada.admin", "nobody")
)
ROLES = f"""
viewer = ["{VERA}"]
analyst = ["group:loan-ops"]
lead = ["{RAVI}"]
admin = ["{ADA}"]
"""


@contextmanager
def running_provider() -> Iterator[str]:
    """The provider; gives its address."""
    port = free_port()
    # Its own libraries deprecate each other; that is nobody's here to mend.
    command = [sys.executable, "-W", "ignore", "-m", "tests.sign_in_provider", str(port)]
    url = f"http://localhost:{port}"
    with running_process(command, dict(os.environ), f"{url}/.well-known/openid-configuration"):
        yield url


def main(port: int) -> None:
    from oidc_provider_mock import User, run_server_in_thread

    people = [
        User(
            sub=email,
            claims={
                "email": email,
                "email_verified": True,
                "name": email.split("@", maxsplit=1)[0].replace(".", " ").title(),
                "groups": ["loan-ops"] if email == ANNA else [],
            },
        )
        for email in (ANNA, RAVI, VERA, ADA, NOBODY)
    ]
    with run_server_in_thread(port, user_claims=people):
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
