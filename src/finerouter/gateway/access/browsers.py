"""What a web page may not make its reader's browser do here.

A gateway without keys serves everybody on the machine, and so every page that a browser on it
shows. Two ways in are shut, for requests without a key; a page cannot send a key that it does not
know.

- DNS rebinding: the page's own name is made to lead to this machine, and what is asked of it looks
  like the page's own site. Such a request carries the page's name in `Host`. So `Host` has to be an
  address, a name of this machine, or one that the settings list.
- Forged requests: the page sends a form to this machine, which a browser does without asking. It
  says so in `Origin` or `Sec-Fetch-Site`. So whatever changes or costs something has to come from
  no page, or from a page of the gateway itself.

Requests of programs carry neither header and pass.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from finerouter.gateway.access.caller import Refused
from finerouter.gateway.settings import GatewaySettings

_OWN_SITE = ("same-origin", "none")


class BrowserCheck:
    """Tells requests that a foreign web page made a browser send."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._hosts = {name.lower() for name in (settings.host, *settings.hosts)}
        # A client sends the same Host over and over; only names that passed are kept.
        self._passed: set[str] = set()

    def check(self, headers: Mapping[str, str], *, changes: bool) -> None:
        """Refuse what a foreign page could have sent.

        Args:
            headers: of the request, names in lower case.
            changes: whether the request costs or changes something.

        Raises:
            Refused: 403.
        """
        host = headers.get("host", "")
        if host and host not in self._passed:
            self._check_host(host)
        if changes:
            _check_origin(headers, host)

    def _check_host(self, host: str) -> None:
        name = _name_of(host)
        if not (name in self._hosts or _is_loopback_name(name) or is_address(name)):
            raise Refused(
                403,
                f"this gateway is not known as {name[:100]!r}; send a gateway key, or add the name "
                "to `hosts` in gateway.toml",
                "permission_error",
            )
        if len(self._passed) < 100:
            self._passed.add(host)


def is_loopback(host: str) -> bool:
    """Whether whoever listens there is reached from this machine alone."""
    if is_address(host):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return _is_loopback_name(host.lower())


def is_address(host: str) -> bool:
    """Whether it is an address of IPv4 or IPv6: one that no name server can bend."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _check_origin(headers: Mapping[str, str], host: str) -> None:
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site", "none")
    if origin is None:
        own = site in _OWN_SITE
    else:
        own = bool(host) and _host_of(origin) == host.lower() and site in _OWN_SITE
    if not own:
        raise Refused(
            403,
            "a web page of another site may not use this gateway without a gateway key; call it "
            "from a program, or send a key",
            "permission_error",
        )


def _host_of(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in ("http", "https") else None


def _name_of(host: str) -> str:
    """The name in a Host header, without port and the dot that may end it."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")


def _is_loopback_name(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")
