"""What the worker does with kept callbacks, without the rest of the worker."""

from __future__ import annotations

from atlas_core.api.client import AtlasClient
from atlas_core.books.standards import Standards
from atlas_core.books.worklist import Worklist
from atlas_core.worker.gate import Gate
from atlas_core.worker.sync import Sync
from tests.doors import Door


def take_up_all(door: Door) -> list[str]:
    """Takes up every callback that waits; tells of those that could not be, and of bodies that could not be
    read for a reason of our own."""
    with (
        AtlasClient("http://127.0.0.1:9", "nobody", "nobody") as client,
        Worklist(door.book) as worklist,
    ):
        sync = Sync(client, door.writer, Gate(lambda *_: None), standards=Standards())
        while waiting := worklist.waiting_deliveries():
            for delivery in waiting:
                sync.take_up(delivery)
    return [
        reason
        for (reason,) in door.rows("SELECT reason FROM deliveries WHERE reason LIKE 'it could not be %'")
    ]
