"""Who may see and do what. Asked beside the data, by whatever reads or writes it; a page only hides."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from atlas_core.errors import NotAllowed


class Role(enum.StrEnum):
    """What somebody is here for; one person may have several."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    LEAD = "lead"
    ADMIN = "admin"


class Action(enum.StrEnum):
    """Whatever not everybody may do. The value is the word of the audit log."""

    LOOK = "look"  # at everything, personal values masked
    COMPARE = "compare"  # where two masked values differ, unmasked
    SAVE_VIEW = "save a view"
    SUBMIT = "submit"
    ASK_ATLAS = "ask Atlas now"
    DECIDE_UNKNOWN = "decide an unknown outcome"
    JUDGE = "judge"
    DISMISS = "dismiss"
    DRAFT_THRESHOLDS = "draft thresholds"
    ADOPT_THRESHOLDS = "adopt thresholds"
    ASSIGN = "assign"
    SET_SAMPLING = "set sampling"
    REVEAL = "reveal"
    EXPORT = "export"
    EXPORT_UNMASKED = "export unmasked"
    REPLAY = "replay"
    READ_AUDIT = "read the audit log"
    ERASE = "erase"
    HOLD = "hold"
    SIGN_IN = "sign in"
    SIGN_OUT = "sign out"


_EVERYBODY = frozenset(Role)
_JUDGES = frozenset({Role.ANALYST, Role.LEAD})
_LEAD = frozenset({Role.LEAD})
_ADMIN = frozenset({Role.ADMIN})

RIGHTS: dict[Action, frozenset[Role]] = {
    Action.LOOK: _EVERYBODY,
    Action.COMPARE: _JUDGES,
    Action.SAVE_VIEW: _EVERYBODY,
    Action.SUBMIT: _JUDGES,
    Action.ASK_ATLAS: _JUDGES,
    Action.DECIDE_UNKNOWN: _JUDGES,
    Action.JUDGE: _JUDGES,
    Action.DISMISS: _JUDGES,
    Action.DRAFT_THRESHOLDS: _JUDGES,
    Action.ADOPT_THRESHOLDS: _LEAD,
    Action.ASSIGN: _LEAD,
    Action.SET_SAMPLING: _LEAD,
    Action.REVEAL: _LEAD,
    Action.EXPORT: _LEAD,
    Action.EXPORT_UNMASKED: _LEAD,
    Action.REPLAY: _LEAD | _ADMIN,
    Action.READ_AUDIT: _LEAD | _ADMIN,
    Action.ERASE: _ADMIN,
    Action.HOLD: _ADMIN,
    Action.SIGN_IN: _EVERYBODY,
    Action.SIGN_OUT: _EVERYBODY,
}
"""What is not here nobody may do."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody at a page or a command line.

    `who` is what the sign-in knows them by and the audit log keeps; `name` is for people to read. `session`
    tells one browser session of theirs from another. `as_now` asks who they are at this moment, for what was
    drawn a while ago may be clicked now; None where roles cannot change meanwhile. It raises `NotAllowed`
    where their sign-in is over or they have no role any more.
    """

    who: str
    name: str
    roles: frozenset[Role] = field(default=frozenset())
    is_signed_in: bool = False
    session: str = ""
    as_now: Callable[[], User] | None = field(default=None, compare=False, repr=False)

    def may(self, action: Action) -> bool:
        """Whether one of their roles allows it."""
        return not self.roles.isdisjoint(RIGHTS.get(action, frozenset()))


LOCAL = User("local", "Local user", frozenset({Role.LEAD, Role.ADMIN}))
"""Whoever sits at this machine, where nobody signs in."""

COMMAND = User("command line", "Command line", frozenset({Role.LEAD, Role.ADMIN}))
"""Whoever runs a command on this machine: the operating system let them."""

WORKER = User("worker", "Worker", frozenset({Role.ADMIN}))
"""The worker, where it does what a setting asks for."""


def require(user: User, action: Action) -> User:
    """The user with the roles of this moment. Raises `NotAllowed` unless these allow it."""
    if user.as_now is not None:
        user = user.as_now()
    if not user.may(action):
        needed = " or ".join(sorted(RIGHTS.get(action, frozenset()))) or "nobody's"
        raise NotAllowed(
            f"To {action} takes the role {needed}; {user.name} has {_listed(user.roles)}. "
            "Ask whoever runs Atlas Desk."
        )
    return user


def _listed(roles: Collection[Role]) -> str:
    return ", ".join(sorted(roles)) or "none"
