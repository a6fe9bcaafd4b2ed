"""From the cookie to the viewer, and from the viewer to a scoped unit of work. Every page is shut unless it says that
it is :func:`public`.

    from cti_web.viewer import desk, needs, signed_in, viewer

    @blueprint.get("/calls")
    @signed_in
    def calls():
        with desk() as d:
            return render_template("calls.html", page=d.calls(query), name=viewer.name)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast
from urllib.parse import quote

from flask import Flask, Response, current_app, g, redirect, request
from werkzeug.local import LocalProxy

from cti_adapters.storage.outbox import watch
from cti_adapters.storage.work import Database
from cti_server.shared.clock import Clock
from cti_server.shared.viewer import Right, Viewer
from cti_web import bearer, cookies

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk


class Accounts(Protocol):
    """What the web needs of the identity room."""

    def sign_in(self, login: str, password: str, address: str, browser: str = "") -> str:
        """A new session's token. Raises Invalid where login or password are wrong (always the same sentence),
        Unavailable where there were too many attempts, and SecondStepNeeded where more is asked for."""

    def sign_out(self, token: str) -> str | None:
        """Ends the session; gives its id, which `SessionEnded` names. Null if there was none."""

    def viewer_of(self, token: str) -> Viewer | None:
        """Whose session it is; null if there is none or it is over. Counts as the user doing something."""

    def set_language(self, viewer: Viewer, language: str) -> None:
        """Keeps the language that the user chose."""


class Outbox(Protocol):
    """The way to tell the daemon that rows wait for it."""

    def wake(self, rows: list[int]) -> None:
        """Tells the daemon; may be lost, the daemon finds the rows by itself then."""


OpenDesk = Callable[[Viewer], "AbstractContextManager[Desk]"]

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def _current() -> Viewer | None:
    return cast("Viewer | None", g.get("viewer"))


viewer: Viewer = cast(Viewer, LocalProxy(_current))
"""The viewer of this request; falsy on a public page that nobody is signed in for."""


def present() -> Viewer:
    """The viewer of this request as such, for what outlives the request. Only where somebody is signed in."""
    return cast(Viewer, _current())


def public(view: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Marks a page that needs no sign-in."""
    cast(Any, view).is_public = True
    return view


def signed_in(view: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Says of a page that it needs a sign-in. Every page that isn't :func:`public` does, said or not."""
    cast(Any, view).is_public = False
    return view


def needs(right: Right) -> Callable[[Callable[_Args, _Result]], Callable[_Args, _Result]]:
    """Decorates a page with the authority that it takes. Without it: NotAllowed, a page with status 403."""

    def decorate(view: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
        @wraps(view)
        def checked(*args: _Args.args, **more: _Args.kwargs) -> _Result:
            viewer.require(right)
            return view(*args, **more)

        return checked

    return decorate


def desk() -> AbstractContextManager[Desk]:
    """The use cases of the calls room, for the viewer, in one transaction: committed when the block ends, rolled back
    when it raises. What the block leaves in the outbox wakes the daemon after the commit."""
    opened: OpenDesk = current_app.extensions["yobirin.desk"]
    return opened(present())


def desk_opener(database: Database, clock: Clock, outbox: Outbox) -> OpenDesk:
    """`desk` over a database."""
    from cti_server.calls.desk import Desk

    @contextmanager
    def opened(of: Viewer) -> Iterator[Desk]:
        with database.open(of.scope) as work:
            watch(work, outbox.wake)
            yield Desk(work, of, clock)

    return opened


def safe_path(path: str | None) -> str:
    """A path within the product, to go on to; the beginning where it is none. Never another site's address."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable():
        return path
    return "/"


def register(app: Flask, accounts: Accounts) -> None:
    """Looks the viewer up before every request, and shows the door to whoever has none."""
    app.extensions["yobirin.accounts"] = accounts

    @app.before_request
    def let_in() -> Response | None:
        if request.endpoint == "static":
            return None
        if bearer.asks_for_json():
            return bearer.let_in(app, cast(Any, accounts).tokens)
        token = cookies.read(cookies.SESSION)
        g.viewer = accounts.viewer_of(token) if token else None
        if g.viewer is not None or getattr(app.view_functions.get(request.endpoint or ""), "is_public", False):
            return None
        return to_the_door()

    @app.after_request
    def keep_private(response: Response) -> Response:
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.jinja_env.globals["viewer"] = viewer


def to_the_door() -> Response:
    """To the sign-in page and back; a fragment's page goes there as a whole."""
    if "HX-Request" in request.headers:
        back = safe_path(request.headers.get("HX-Current-URL", "").removeprefix(request.host_url.rstrip("/")))
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = f"/signin?next={quote(back)}"
        return answer
    if request.method not in ("GET", "HEAD") or request.path in ("/", "/desk"):
        return cast(Response, redirect("/signin", 303))
    return cast(Response, redirect(f"/signin?next={quote(request.full_path.rstrip('?'))}", 303))
