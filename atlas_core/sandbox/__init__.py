"""Atlas as documented, on this machine: a rehearsal of the Flow API over HTTP with invented applications.

It imports nothing else of this project, so a misreading of Atlas cannot be mirrored: it and the dashboard
agree only where both follow the vendor's pages.

Nothing in it is about a real person. Names, addresses, dealers, brands and prices are put together by chance
from a seed text. Aadhaar numbers start with 0 or 1 (never issued) but carry a right check digit, so that
masking can be seen to work; the fourth letter of a PAN, and of the PAN inside a GST number, is one that is
never issued; phone numbers start with 50 (no such range); IMEIs are of the test range 00; mail goes to
example.com.

    serve(...)              runs the server until SIGTERM or SIGINT
    make_application(...)   the next invented application: its id and its documents' signed addresses
    read_application(...)   what Atlas answers for an application: the results payload
    final_status(...)       the four statuses in which its flow ends
"""

from .applications import final_status, make_application, read_application
from .server import serve

__all__ = ["final_status", "make_application", "read_application", "serve"]
