"""Filters of the coverage page, saved under a name."""

from __future__ import annotations

from cti_server.compliance.desk_base import DeskBase
from cti_server.compliance.saved_views import MOST, SavedView, name_of, reaches
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.viewer import needs


class ViewsDesk(DeskBase):
    """A user's own, and those that colleagues share with whoever sees at least as much."""

    @needs("audit")
    def saved_views(self) -> list[SavedView]:
        """By name."""
        return [one for one in self.work.saved_views.all() if reaches(self.viewer.scope, one)]

    @needs("audit")
    def save_view(self, name: str, address: str, shared: bool) -> int:
        """Keeps the filters of an address; one's own of the same name is replaced."""
        called = name_of(name)
        own = [one for one in self.work.saved_views.all() if one.user == self.viewer.id]
        if len(own) >= MOST and all(one.name != called for one in own):
            raise Invalid("You have 30 views already; delete one first", "name", "views-many")
        scope = self.viewer.scope
        view = SavedView(
            0, self.viewer.id, "", called, address, shared, scope.span, scope.branch, frozenset(scope.classes)
        )
        return self.work.saved_views.save(view, self.clock.now())

    @needs("audit")
    def delete_view(self, view_id: int) -> SavedView:
        """Forgets one of one's own."""
        found = next((one for one in self.work.saved_views.all() if one.id == view_id), None)
        if found is None or found.user != self.viewer.id:
            raise NotFound("There is no such view of yours")
        self.work.saved_views.delete(view_id)
        return found
