"""The HTTP server of the node: listening, who may come in, limits and the log of requests."""

from marrowcount_adapters.web_server.guard import Guard, GuardRules
from marrowcount_adapters.web_server.server import WebServer, WebServerSettings
from marrowcount_adapters.web_server.tokens import Right, TokenFile, TokenHolder

__all__ = ["Guard", "GuardRules", "Right", "TokenFile", "TokenHolder", "WebServer", "WebServerSettings"]
