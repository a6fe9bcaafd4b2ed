"""The page that is shown while the dashboard process is down: it comes back by itself, and so does the page."""

from __future__ import annotations

from html import escape
from pathlib import Path

from babel.support import NullTranslations, Translations
from twisted.web import http
from twisted.web.http import Request

_FOLDER = Path(__file__).parent / "translations"

RETRY_SECONDS = 2

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  {again}<title>{title} · Yobirin</title>
  <link rel="stylesheet" href="/static/css/yobirin.css">
</head>
<body>
<div class="y-plain">
  <main>
    <section class="y-card y-pad y-stack">
      <p class="y-brand"><span class="y-logo" aria-hidden="true">Y</span><span>Yobirin</span></p>
      <h1>{title}</h1>
      <p role="status">{text}</p>
      <p class="y-muted">{calls}</p>
    </section>
  </main>
</div>
</body>
</html>
"""


def page(request: Request) -> bytes:
    """Answers 503 with the page in the browser's language; a fragment the sentences alone."""
    chosen = language(request)
    _ = _translations(chosen).gettext
    read = request.method in (b"GET", b"HEAD")
    title = _("The pages are being started again")
    text = (
        _("This takes a few seconds. The page loads again by itself.")
        if read
        else _("What you sent was not taken. Go back in a few seconds and send it again.")
    )
    request.setResponseCode(http.SERVICE_UNAVAILABLE)
    request.setHeader(b"Retry-After", b"%d" % RETRY_SECONDS)
    request.setHeader(b"Cache-Control", b"no-store")
    request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
    if request.getHeader("hx-request"):
        body = f"<p data-error>{escape(title)}. {escape(text)}</p>".encode()
    else:
        again = f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">\n  ' if read else ""
        calls = _("Telephone calls are recorded all the while.")
        words = {"title": title, "text": text, "calls": calls}
        body = _PAGE.format(language=chosen, again=again, **{k: escape(v) for k, v in words.items()}).encode()
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return b"" if request.method == b"HEAD" else body


def language(request: Request) -> str:
    """The language that the browser chose before, else the one that it prefers."""
    cookie = (request.getCookie(b"yobirin_language") or b"").decode("latin-1")
    if cookie in ("ja", "en"):
        return cookie
    accepted = (request.getHeader("accept-language") or "").lower()
    places = {one: accepted.find(one) for one in ("ja", "en")}
    known = [one for one, place in places.items() if place >= 0]
    return min(known, key=lambda one: places[one]) if known else "ja"


def _translations(chosen: str) -> NullTranslations:
    return Translations.load(_FOLDER, [chosen])
