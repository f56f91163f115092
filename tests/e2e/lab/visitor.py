"""A browser without script, as plain as one can be: cookies, redirects, forms.  It finds the lab's names by itself."""

import html.parser
import http.client
import http.cookiejar
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

from . import public
from .layout import LabError

TIMEOUT_S = 20
REFRESH = re.compile(r"0; *url=(.+)", re.IGNORECASE)


class Page(html.parser.HTMLParser):
    """What came: status, url, headers, text; the forms of HTML as {"action", "method", "fields"}."""

    def __init__(self, url, status, headers, body):
        super().__init__()
        self.url, self.status, self.headers, self.body = url, status, headers, body
        self.forms, self.words, self.silent = [], [], 0
        self.refresh = self._target(headers.get("Refresh", ""))  # where a browser goes by itself
        self.feed(body.decode("utf-8", "replace"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append({"action": urllib.parse.urljoin(self.url, attrs.get("action") or self.url),
                               "method": (attrs.get("method") or "get").lower(), "fields": {}})
        elif tag in ("input", "button") and attrs.get("name") and self.forms:
            if tag == "input" or attrs.get("value"):
                self.forms[-1]["fields"].setdefault(attrs["name"], attrs.get("value") or "")
        elif tag == "meta" and (attrs.get("http-equiv") or "").lower() == "refresh":
            self.refresh = self._target(attrs.get("content") or "")
        elif tag in ("script", "style"):
            self.silent += 1

    @staticmethod
    def _target(refresh):
        match = REFRESH.fullmatch(refresh)
        return match and match[1]

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.silent:
            self.words.append(data)

    def form(self, field):
        """The form that has this field."""
        for form in self.forms:
            if field in form["fields"]:
                return form
        raise LabError(f"{self.url} ({self.status}) has no form with {field}: {self.text[:500]}")

    def __repr__(self):
        return f"{self.status} {self.url}: {self.text[:500]}"


class Visitor:
    """One person's browser; language: what it says it reads."""

    def __init__(self, lab, language="en"):
        self.lab, self.language = lab, language
        self.cookies = http.cookiejar.CookieJar()
        context = ssl.create_default_context(cafile=str(public.root(lab)))

        class Connection(http.client.HTTPSConnection):
            def __init__(self, *words, **more):
                super().__init__(*words, **{**more, "context": context})
                self._create_connection = lambda where, *rest: socket.create_connection((lab.address(where[0]), where[1]), *rest)

        class Https(urllib.request.HTTPSHandler):
            def https_open(self, request):
                return self.do_open(Connection, request)

        self.handlers = [urllib.request.ProxyHandler({}), Https(context=context), urllib.request.HTTPCookieProcessor(self.cookies)]
        self.trail = []  # every URL, in order

    def open(self, url, fields=None, follow=True, headers=None):
        """GET, or POST of the fields, and on through redirects; answers of any status are pages."""
        data = None if fields is None else fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(url, data, {"Accept-Language": self.language, **(headers or {})})
        opener = urllib.request.build_opener(*self.handlers, *([] if follow else [NoRedirect()]))
        self.trail.append(url)
        try:
            reply = opener.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            page = Page(reply.geturl(), reply.status, reply.headers, reply.read())
        self.trail.append(page.url)
        return self.open(page.refresh) if page.refresh and follow else page

    def submit(self, page, with_field, **fields):
        """The form that has this field, filled in."""
        form = page.form(with_field)
        filled = {**form["fields"], **fields}
        if form["method"] == "post":
            return self.open(form["action"], filled)
        return self.open(form["action"].partition("?")[0] + "?" + urllib.parse.urlencode(filled))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None

