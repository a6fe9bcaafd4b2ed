"""The desk: the one door to the use cases of the calls room (spec C5, C6; docs/house.md names them all)."""

from __future__ import annotations

from cti_server.calls.desk_customers import Customers
from cti_server.calls.desk_evidence import Evidence
from cti_server.calls.desk_items import Items


class Desk(Evidence, Items, Customers):
    """A viewer at work in one transaction: ``Desk(work, viewer, clock)``. The unit of work has to be open for the
    viewer's scope; what lies outside it reads as not found."""
