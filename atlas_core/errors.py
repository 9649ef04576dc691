"""Everything Atlas Desk raises, as one tree.

    AtlasDeskError
    ├── SettingsError            a setting is missing or wrong; names it
    ├── InputError               a person's input cannot be used; says which and why
    │   └── CaseHeld             the case is held: nothing of it is erased
    ├── CaseMoved                a case is no longer what somebody saw of it; says what happened to it
    ├── NotAllowed               somebody's roles do not allow what they asked for
    ├── PayloadError             bytes or JSON that are not what the contract says; says where
    ├── AtlasError               a call to Atlas did not bring what was asked
    │   ├── NotSent              it never reached Atlas: sending again is safe
    │   │   └── InsecureConnection   TLS was refused; sending again will not help
    │   ├── OutcomeUnknown       it was sent and the answer was lost: Atlas may have acted
    │   ├── NoAnswer             a question (GET, authtoken) was sent and not answered in time
    │   ├── UnexpectedReply      an answer came that is not Atlas's contract
    │   │   └── AnotherFlow      it is about a flow we did not ask for, and was thrown away
    │   └── Refused              Atlas answered with an error
    │       ├── CredentialsRefused   401, after one fresh token
    │       ├── FlowNotFound         409: no flow has this flow_uuid
    │       ├── VersionRetired       410: this version of the API is gone
    │       ├── ReceiverUnreachable  422: Atlas could not reach our auth_url
    │       └── Busy                 429 or 503: later, perhaps after `retry_after` seconds
    ├── LoopBroken               our public address does not lead back to our receiver
    ├── WebhookFailed            whoever is told of alerts did not take one
    ├── ExportFailed             an export could not be written whole; nothing of it is left
    │   └── ExportCancelled      somebody stopped it
    └── BookError                a book cannot be used as asked
        ├── BookMissing          there is no such book yet
        ├── BookNewer            it was written by a newer version of this program
        ├── BookDamaged          it is not a sound database
        ├── BookBusy             somebody else is writing, or is the writer already
        └── BookFull             the disk (or the book's limit) is full

Errors of `requests`, `urllib3`, `json` and `sqlite3` never leave the room that uses them.
"""

from __future__ import annotations

import re

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class AtlasDeskError(Exception):
    """The root of the tree. `str(error)` is a sentence a user can act on."""


class SettingsError(AtlasDeskError):
    """A setting is missing or wrong; the sentence names it."""


class InputError(AtlasDeskError):
    """A person's input cannot be used; the sentence says which part and why."""


class CaseHeld(InputError):
    """A case that somebody wants erased is held; the sentence names the application and why it is held."""


class CaseMoved(AtlasDeskError):
    """A case is no longer what the person saw when they judged it: nothing of theirs was kept."""


class NotAllowed(AtlasDeskError, PermissionError):
    """Somebody's roles do not allow what they asked for; the sentence says which role does."""


class PayloadError(AtlasDeskError):
    """Bytes or JSON that break the contract.

    `place` is a path such as `cross_checks[3].similarity_score`, or a byte offset such as `byte 120`;
    the text never quotes the payload itself.
    """

    def __init__(self, problem: str, place: str = "") -> None:
        self.problem = problem
        self.place = place
        super().__init__(f"{problem} (at {place})" if place else problem)


class AtlasError(AtlasDeskError):
    """A call to Atlas that did not bring what was asked.

    `asked` is the call (`POST flow/init`), `came` what came instead, `advice` what to do next. None of
    the three ever holds a token, a signed URL or a body.
    """

    def __init__(self, asked: str, came: str, advice: str, status: int | None = None) -> None:
        self.asked = asked
        self.came = came
        self.advice = advice
        self.status = status
        super().__init__(f"{asked}: {came}. {advice}")

    @property
    def kind(self) -> str:
        """The error's name as words, such as 'not sent' or 'outcome unknown': what is counted and shown."""
        return _CAPITAL.sub(" ", type(self).__name__).lower()


class NotSent(AtlasError):
    """The request never reached Atlas; sending it again is safe."""


class InsecureConnection(NotSent):
    """The TLS connection was refused; there is no switch to go on without it."""


class OutcomeUnknown(AtlasError):
    """flow/init or multiupload was sent and its answer lost; it is never sent again by itself."""


class NoAnswer(AtlasError):
    """A question was sent and not answered whole in time."""


class UnexpectedReply(AtlasError):
    """An answer that the contract does not know: HTML, a redirect, broken JSON, another shape."""


class AnotherFlow(UnexpectedReply):
    """The answer is about a flow we did not ask for: it is thrown away, and somebody must be told."""


class Refused(AtlasError):
    """Atlas answered with one of its error envelopes, or with an error status alone."""


class CredentialsRefused(Refused):
    """401, though the token was fresh: the credentials are wrong or were withdrawn."""


class FlowNotFound(Refused):
    """409: Atlas knows no flow with this flow_uuid."""


class VersionRetired(Refused):
    """410: Atlas no longer serves this version of its API."""


class ReceiverUnreachable(Refused):
    """422: Atlas could not reach our auth_url."""


class Busy(Refused):
    """429 or 503. `retry_after` is what Atlas asked us to wait, in seconds, at most 120; None if unsaid."""

    def __init__(
        self, asked: str, came: str, advice: str, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(asked, came, advice, status)
        self.retry_after = retry_after


class LoopBroken(AtlasDeskError):
    """The address that Atlas is given does not lead back to our receiver; the sentence says how far."""


class WebhookFailed(AtlasDeskError):
    """Whoever is told of alerts did not take one; the sentence never names its address.

    `retry_after` is how long it asked us to wait, in seconds; None if unsaid.
    """

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ExportFailed(AtlasDeskError):
    """An export could not be written whole; nothing of it is left."""


class ExportCancelled(ExportFailed):
    """Somebody stopped the export."""


class BookError(AtlasDeskError):
    """A book cannot be used as asked."""


class BookMissing(BookError):
    """There is no such book yet; the worker makes it."""


class BookNewer(BookError):
    """A newer version of this program wrote the book; older ones leave it alone."""


class BookDamaged(BookError):
    """The file is not a sound database; it is never overwritten."""


class BookBusy(BookError):
    """Somebody else holds the book longer than we wait, or is its writer already."""


class BookFull(BookError):
    """The disk is full; nothing was written."""
