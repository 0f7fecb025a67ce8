"""By which way a server is reached: through a proxy, or past it."""

import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import httpx

from agent.errors import ConfigError


def is_direct(host: str, no_proxy: Sequence[str]) -> bool:
    """Return whether a host is reached without a proxy.

    Args:
        host: Name or address, an IPv6 one without its brackets.
        no_proxy: As most programs read `no_proxy`: `db.example` is that host and those
            below it, `.example` (or `*.example`) those below it only, `10.0.0.0/8` the
            addresses of a block, `*` everything. Case does not count.
    """
    return any(_covers(entry.lower(), host.lower()) for entry in no_proxy)


def client_of(
    context: ssl.SSLContext,
    *,
    headers: Mapping[str, str],
    proxy: str | None = None,
    is_direct: bool = False,
) -> httpx.Client:
    """Return a client that follows no redirect.

    Args:
        context: Whom to trust; of servers and of the proxy.
        headers: Go along with each request.
        proxy: URL; None: what the environment says.
        is_direct: Neither that nor the environment's.

    Raises:
        ConfigError: The proxy, or the environment's, cannot be used.
    """
    try:
        return httpx.Client(
            verify=context,
            headers=headers,
            proxy=None if proxy is None else _proxy(proxy, context),
            trust_env=not is_direct,
            follow_redirects=False,
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # Not shown: the environment's may hold a password.
        raise ConfigError(
            "proxy: expected an http:// or https:// address as central.proxy or in the "
            "environment's http_proxy, https_proxy and all_proxy, got another"
        ) from error


def _proxy(url: str, context: ssl.SSLContext) -> httpx.Proxy:
    is_encrypted = url.startswith("https://")
    # Else httpx would check the proxy, too, by certifi's list.
    return httpx.Proxy(url, ssl_context=context if is_encrypted else None)


def _covers(entry: str, host: str) -> bool:
    block = _block(entry)
    if block is not None:
        return _is_within(host, block)
    suffix = entry.removeprefix("*")
    if suffix.startswith("."):
        return host.endswith(suffix)
    return entry in ("*", host) or host.endswith(f".{entry}")


def _block(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _is_within(host: str, block: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host) in block
    except ValueError:
        return False
