"""Failures of TLS in words: why a certificate was not accepted, by us or by the server."""

import re
import ssl

NOT_DIRECT = (
    "the server closed the connection as TLS began at once (sslnegotiation=direct), which"
    " PostgreSQL offers from 17 on"
)
NOT_ACCEPTED = (
    "the server closed the connection without a word, as it may do where it does not accept our"
    " certificate (sslcert)"
)
ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(\w+)")
OF_OUR_CERTIFICATE = re.compile(r"unknown ca|certificate")
UNTRUSTED = (18, 19, 20, 21)
"""OpenSSL's codes for a certificate whose authority is not known."""
BY_REASON = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
    "UNSUPPORTED_PROTOCOL": "the server has no version of TLS that the address allows",
}


def sentence(error: ssl.SSLError) -> str:
    """Return one sentence without its full stop."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {_objection(error)}"
    if alert := ALERT.fullmatch(error.reason or ""):
        told = alert[1].replace("_", " ").lower()
        if OF_OUR_CERTIFICATE.search(told):
            return f"the server does not accept our certificate (sslcert): {told}"
        return f"the server ended the negotiation of TLS: {told}"
    reason = error.reason or str(error)
    return f"TLS failed: {BY_REASON.get(reason, reason.replace('_', ' ').lower())}"


def _objection(error: ssl.SSLCertVerificationError) -> str:
    told = error.verify_message.rstrip(".")
    is_untrusted = error.verify_code in UNTRUSTED
    return f"{told}; we do not trust its authority (sslrootcert)" if is_untrusted else told
