"""A mail server with STARTTLS and logins. Prints its port, then, once its input ends, each message
that it took as one line of JSON."""

import email
import email.policy
import json
import ssl
import sys
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

TLS = Path(__file__).resolve().parents[3] / "host" / "sandbox" / "tests" / "tls"
REFUSALS = {
    "gone@example.com": "550 5.1.1 <gone@example.com>: no such user",
    "later@example.com": "451 4.7.1 greylisted, come back",
}


class Handler:
    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in REFUSALS:
            return REFUSALS[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)

        def part(kind):
            """A text with the line ends of this machine; the message's own are CRLF (RFC 5322)."""
            text = parsed.get_body((kind,)).get_content()
            return "\n".join(text.splitlines())

        self.messages.append(
            {
                "to": envelope.rcpt_tos,
                "mail_from": envelope.mail_from,
                "tls": session.ssl is not None,
                "mechanism": session.auth_data[0],
                "headers": {name: str(value) for name, value in parsed.items()},
                "defects": [str(it) for it in parsed.defects],
                "text": part("plain"),
                "html": part("html"),
            }
        )
        return "250 2.0.0 OK queued"


class OnAnyPort(Controller):
    """With port 0 the controller would call itself at 0."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (
        b"jane",
        b"canary-s3cret",
    )
    return AuthResult(success=good, handled=False, auth_data=(mechanism, None))


def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    handler = Handler()
    controller = OnAnyPort(
        handler,
        hostname="localhost",
        port=0,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    print(controller.port, flush=True)
    sys.stdin.read()
    controller.stop()
    for message in handler.messages:
        print(json.dumps(message))


main()
