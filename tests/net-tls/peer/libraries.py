# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS of libraries, in user space, on a connected socket: OpenSSL's and GnuTLS's, called by
ctypes. Python's ssl is not enough: it can ask for no AES-CCM in TLS 1.3, for no padding and for
no smaller records, and shows no keys."""

import ctypes
import time
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_ssize_t, c_uint, c_ulong, c_void_p

from lib import handshake, ktls, tcp, timescale
from lib.cases import Failed, equal

# IANA's names, by which either library calls the suite of a handshake.
SUITES = handshake.SUITES | {
    ktls.GCM128: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ktls.GCM256: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ktls.CCM128: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    ktls.CHACHA: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}
ROOM = 1 << 17                  # of a read: more than any record has


class Broken(Failed):
    """The library ended the connection, or will not have it; the message is its own word."""


class Datum(ctypes.Structure):
    """gnutls_datum_t"""
    _fields_ = [("data", c_void_p), ("size", c_uint)]

    def bytes(self):
        return ctypes.string_at(self.data, self.size)


KEYLOG = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, POINTER(Datum))    # gnutls_keylog_func


def _declared(library, functions):
    """A shared library whose functions are called as {name: (result, arguments...)} says."""
    library = ctypes.CDLL(library)
    for name, (result, *arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


# ---- OpenSSL

SSL_ERROR_ZERO_RETURN = 6
SSL_CONF_FLAGS = 0x2 | 0x4 | 0x8 | 0x20         # FILE, CLIENT, SERVER, CERTIFICATE
SSL_KEY_UPDATE_NOT_REQUESTED = 0

_ssl = _declared("libssl.so.3", {
    "TLS_method": (c_void_p,),
    "SSL_CTX_new": (c_void_p, c_void_p),
    "SSL_CTX_free": (None, c_void_p),
    "SSL_CTX_set_tlsext_max_fragment_length": (c_int, c_void_p, ctypes.c_uint8),
    "SSL_CONF_CTX_new": (c_void_p,),
    "SSL_CONF_CTX_free": (None, c_void_p),
    "SSL_CONF_CTX_set_flags": (c_uint, c_void_p, c_uint),
    "SSL_CONF_CTX_set_ssl_ctx": (None, c_void_p, c_void_p),
    "SSL_CONF_CTX_finish": (c_int, c_void_p),
    "SSL_CONF_cmd": (c_int, c_void_p, c_char_p, c_char_p),
    "SSL_new": (c_void_p, c_void_p),
    "SSL_free": (None, c_void_p),
    "SSL_set_fd": (c_int, c_void_p, c_int),
    "SSL_set_accept_state": (None, c_void_p),
    "SSL_set_connect_state": (None, c_void_p),
    "SSL_do_handshake": (c_int, c_void_p),
    "SSL_write": (c_int, c_void_p, c_char_p, c_int),
    "SSL_read": (c_int, c_void_p, c_char_p, c_int),
    "SSL_shutdown": (c_int, c_void_p),
    "SSL_key_update": (c_int, c_void_p, c_int),
    "SSL_renegotiate": (c_int, c_void_p),
    "SSL_get_error": (c_int, c_void_p, c_int),
    "SSL_get_version": (c_char_p, c_void_p),
    "SSL_get_current_cipher": (c_void_p, c_void_p),
    "SSL_CIPHER_standard_name": (c_char_p, c_void_p)})
_crypto = _declared("libcrypto.so.3", {
    "ERR_get_error": (c_ulong,),
    "ERR_clear_error": (None,),
    "ERR_reason_error_string": (c_char_p, c_ulong)})


class OpenSsl:
    """One end of a connection. options: commands of SSL_CONF_cmd(3); limit: the largest record
    that a client asks for, 512 or twice, four or eight times that (RFC 6066)."""
    # What it says of an end without a close_notify, of an alert internal_error, of a record that
    # it cannot decrypt, and of one that is longer than was agreed upon.
    TRUNCATED, INTERNAL_ERROR = "unexpected eof while reading", "tlsv1 alert internal error"
    BAD_RECORD, OVERFLOW = "decryption failed or bad record mac", "data length too long"

    def __init__(self, context, sock, cipher, work, server, limit=0, **options):
        self.sock = sock
        self.config = _ssl.SSL_CTX_new(_ssl.TLS_method())
        context.callback(_ssl.SSL_CTX_free, self.config)
        self._configure(self._commands(cipher, work, server) | options)
        if limit:
            self._call(_ssl.SSL_CTX_set_tlsext_max_fragment_length, self.config,
                       (limit // 512).bit_length())
        self.session = _ssl.SSL_new(self.config)
        context.callback(_ssl.SSL_free, self.session)
        self._call(_ssl.SSL_set_fd, self.session, sock.fileno())
        (_ssl.SSL_set_accept_state if server else _ssl.SSL_set_connect_state)(self.session)

    def _commands(self, cipher, work, server):
        """This version and cipher, and no other."""
        version = "TLSv1.3" if cipher.inner else "TLSv1.2"
        commands = {"MinProtocol": version, "MaxProtocol": version, "NumTickets": 0,
                    "Ciphersuites" if cipher.inner else "CipherString": SUITES[cipher]}
        if server:
            return commands | {"Certificate": work / "cert.pem", "PrivateKey": work / "key.pem"}
        return commands | {"VerifyCAFile": work / "cert.pem", "VerifyMode": "Peer"}

    def _configure(self, commands):
        parser = _ssl.SSL_CONF_CTX_new()
        _ssl.SSL_CONF_CTX_set_flags(parser, SSL_CONF_FLAGS)
        _ssl.SSL_CONF_CTX_set_ssl_ctx(parser, self.config)
        for command, value in commands.items():
            if _ssl.SSL_CONF_cmd(parser, command.encode(), str(value).encode()) != 2:
                raise Failed(f"OpenSSL does not take {command} {value}: {self._reason()}")
        self._call(_ssl.SSL_CONF_CTX_finish, parser)
        _ssl.SSL_CONF_CTX_free(parser)

    @staticmethod
    def _reason():
        """All errors of this thread, the innermost first; those of system calls are not among
        them."""
        reasons = []
        while error := _crypto.ERR_get_error():
            reasons.append((_crypto.ERR_reason_error_string(error) or b"?").decode())
        return ", ".join(reasons) or "a system call failed"

    def _call(self, function, *arguments, least=1):
        """What the function returns; if that is too little it has failed."""
        _crypto.ERR_clear_error()
        status = function(*arguments)
        if status < least:
            raise Broken(self._reason())
        return status

    def handshake(self):
        self._call(_ssl.SSL_do_handshake, self.session)

    def negotiated(self):
        """(version, suite)"""
        suite = _ssl.SSL_CIPHER_standard_name(_ssl.SSL_get_current_cipher(self.session))
        return _ssl.SSL_get_version(self.session).decode(), suite.decode()

    def send(self, data):
        self._call(_ssl.SSL_write, self.session, data, len(data))

    def receive(self):
        """The content of the next record of data; nothing after a close_notify."""
        buffer = ctypes.create_string_buffer(ROOM)
        _crypto.ERR_clear_error()
        got = _ssl.SSL_read(self.session, buffer, ROOM)
        if got <= 0 and _ssl.SSL_get_error(self.session, got) != SSL_ERROR_ZERO_RETURN:
            raise Broken(self._reason())
        return buffer.raw[:max(got, 0)]

    def finish(self):
        """Say that nothing follows."""
        self._call(_ssl.SSL_shutdown, self.session, least=0)

    def update_key(self):
        """Announce, and take, the next key for sending."""
        self._call(_ssl.SSL_key_update, self.session, SSL_KEY_UPDATE_NOT_REQUESTED)
        self.handshake()

    def ask_for_handshake(self):
        """A server of TLS 1.2 would like another handshake, and goes on until it comes."""
        self._call(_ssl.SSL_renegotiate, self.session)
        self.handshake()


# ---- GnuTLS

GNUTLS_SERVER, GNUTLS_CLIENT = 1, 2
GNUTLS_CRD_CERTIFICATE = 1
GNUTLS_X509_FMT_PEM = 1
GNUTLS_SHUT_WR = 1
GNUTLS_E_FATAL_ALERT_RECEIVED, GNUTLS_E_DECRYPTION_FAILED, GNUTLS_E_AGAIN = -12, -24, -28

_gnutls = _declared("libgnutls.so.30", {
    "gnutls_init": (c_int, POINTER(c_void_p), c_uint),
    "gnutls_deinit": (None, c_void_p),
    "gnutls_strerror_name": (c_char_p, c_int),
    "gnutls_priority_set_direct": (c_int, c_void_p, c_char_p, c_void_p),
    "gnutls_certificate_allocate_credentials": (c_int, POINTER(c_void_p)),
    "gnutls_certificate_free_credentials": (None, c_void_p),
    "gnutls_certificate_set_x509_key_file": (c_int, c_void_p, c_char_p, c_char_p, c_int),
    "gnutls_certificate_set_x509_trust_file": (c_int, c_void_p, c_char_p, c_int),
    "gnutls_credentials_set": (c_int, c_void_p, c_int, c_void_p),
    "gnutls_session_set_verify_cert": (None, c_void_p, c_char_p, c_uint),
    "gnutls_session_set_keylog_function": (None, c_void_p, KEYLOG),
    "gnutls_session_ticket_key_generate": (c_int, POINTER(Datum)),
    "gnutls_session_ticket_enable_server": (c_int, c_void_p, POINTER(Datum)),
    "gnutls_transport_set_int2": (None, c_void_p, c_int, c_int),
    "gnutls_handshake": (c_int, c_void_p),
    "gnutls_protocol_get_version": (c_int, c_void_p),
    "gnutls_protocol_get_name": (c_char_p, c_int),
    "gnutls_ciphersuite_get": (c_char_p, c_void_p),
    "gnutls_record_get_state": (c_int, c_void_p, c_uint, POINTER(Datum), POINTER(Datum),
                                POINTER(Datum), c_char_p),
    "gnutls_record_check_pending": (c_size_t, c_void_p),
    "gnutls_record_set_max_recv_size": (c_ssize_t, c_void_p, c_size_t),
    "gnutls_record_send2": (c_ssize_t, c_void_p, c_char_p, c_size_t, c_size_t, c_uint),
    "gnutls_record_recv": (c_ssize_t, c_void_p, c_char_p, c_size_t),
    "gnutls_session_key_update": (c_int, c_void_p, c_uint),
    "gnutls_rehandshake": (c_int, c_void_p),
    "gnutls_alert_get": (c_int, c_void_p),
    "gnutls_alert_get_name": (c_char_p, c_int),
    "gnutls_alert_send": (c_int, c_void_p, c_int, c_int),
    "gnutls_alert_send_appropriate": (c_int, c_void_p, c_int),
    "gnutls_bye": (c_int, c_void_p, c_int)})


class GnuTls:
    """One end of a connection. limit: the largest record that it asks for (RFC 8449); pad: zeros
    after the content of each record, which TLS 1.3 allows."""
    NAMES = {ktls.GCM128.kind: "AES-128-GCM", ktls.GCM256.kind: "AES-256-GCM",
             ktls.CCM128.kind: "AES-128-CCM", ktls.CHACHA.kind: "CHACHA20-POLY1305"}
    # See above.
    TRUNCATED, INTERNAL_ERROR = "GNUTLS_E_PREMATURE_TERMINATION", "Internal error"
    BAD_RECORD, OVERFLOW = "GNUTLS_E_DECRYPTION_FAILED", "GNUTLS_E_RECORD_OVERFLOW"

    def __init__(self, context, sock, cipher, work, server, limit=0, tickets=False):
        self.sock, self.cipher = sock, cipher
        self.pad = 0
        self.secrets = {}               # of TLS 1.3, by their name in key logs
        self.session = c_void_p()
        self._call(_gnutls.gnutls_init, byref(self.session),
                   GNUTLS_SERVER if server else GNUTLS_CLIENT)
        context.callback(_gnutls.gnutls_deinit, self.session)
        version = "TLS1.3" if cipher.inner else "TLS1.2"
        self._call(_gnutls.gnutls_priority_set_direct, self.session, f"NORMAL:-VERS-ALL:"
                   f"+VERS-{version}:-CIPHER-ALL:+{self.NAMES[cipher.kind]}".encode(), None)
        self._certify(context, work, server)
        if tickets:
            self._offer_tickets()
        if limit:
            self._call(_gnutls.gnutls_record_set_max_recv_size, self.session, limit)
        self.keylog = KEYLOG(self._remember)        # for as long as the session may call it
        _gnutls.gnutls_session_set_keylog_function(self.session, self.keylog)
        _gnutls.gnutls_transport_set_int2(self.session, sock.fileno(), sock.fileno())

    def _certify(self, context, work, server):
        self.credentials = c_void_p()
        self._call(_gnutls.gnutls_certificate_allocate_credentials, byref(self.credentials))
        context.callback(_gnutls.gnutls_certificate_free_credentials, self.credentials)
        certificate, key = (str(work / name).encode() for name in ("cert.pem", "key.pem"))
        if server:
            self._call(_gnutls.gnutls_certificate_set_x509_key_file, self.credentials, certificate,
                       key, GNUTLS_X509_FMT_PEM)
        else:
            self._call(_gnutls.gnutls_certificate_set_x509_trust_file, self.credentials,
                       certificate, GNUTLS_X509_FMT_PEM)
            _gnutls.gnutls_session_set_verify_cert(self.session, None, 0)
        self._call(_gnutls.gnutls_credentials_set, self.session, GNUTLS_CRD_CERTIFICATE,
                   self.credentials)

    def _offer_tickets(self):
        key = Datum()
        self._call(_gnutls.gnutls_session_ticket_key_generate, byref(key))
        self._call(_gnutls.gnutls_session_ticket_enable_server, self.session, byref(key))

    def _remember(self, _session, label, secret):
        self.secrets[label.decode()] = secret.contents.bytes()
        return 0

    def _call(self, function, *arguments):
        """What the function returns, if that is no error."""
        return self._check(function(*arguments))

    def _check(self, status):
        if status >= 0:
            return status
        name = _gnutls.gnutls_strerror_name(status).decode()
        if status == GNUTLS_E_FATAL_ALERT_RECEIVED:
            alert = _gnutls.gnutls_alert_get(self.session)
            name = _gnutls.gnutls_alert_get_name(alert).decode()
        raise Broken(name)

    def handshake(self):
        self._call(_gnutls.gnutls_handshake, self.session)

    def negotiated(self):
        """(version, suite)"""
        version = _gnutls.gnutls_protocol_get_name(
            _gnutls.gnutls_protocol_get_version(self.session)).decode()
        suite = _gnutls.gnutls_ciphersuite_get(self.session).decode()
        return f"TLSv{version.removeprefix('TLS')}", suite

    def keys(self, reading):
        """Those that it goes on with, in one direction."""
        equal(_gnutls.gnutls_record_check_pending(self.session), 0, "bytes read ahead")
        secret, nonce, key = Datum(), Datum(), Datum()
        number = ctypes.create_string_buffer(8)
        self._call(_gnutls.gnutls_record_get_state, self.session, reading, byref(secret),
                   byref(nonce), byref(key), number)
        nonce = nonce.bytes()
        if self.cipher.nonce:
            # Salt alone: what each record shows is up to the sender, if only it changes.
            nonce += number.raw
        return ktls.Keys.of(self.cipher, key.bytes(), nonce, int.from_bytes(number.raw, "big"))

    def send(self, data):
        sent = self.send_record(data)
        while sent < len(data):
            sent += self.send_record(data[sent:])

    def send_record(self, data):
        """As much as one record has room for; the number of bytes. With padding there may be
        none."""
        return self._call(_gnutls.gnutls_record_send2, self.session, data, len(data), self.pad, 0)

    def receive(self):
        """The content of the next record of data; nothing after a close_notify."""
        buffer = ctypes.create_string_buffer(ROOM)
        deadline = time.monotonic() + timescale.scaled(tcp.SECONDS)
        got = GNUTLS_E_AGAIN
        while got == GNUTLS_E_AGAIN and time.monotonic() < deadline:    # as after a KeyUpdate
            got = _gnutls.gnutls_record_recv(self.session, buffer, ROOM)
        if got == GNUTLS_E_DECRYPTION_FAILED:
            # Others tell their peer unasked.
            self._call(_gnutls.gnutls_alert_send_appropriate, self.session, got)
        return buffer.raw[:self._check(got)]

    def finish(self):
        """Say that nothing follows."""
        self._call(_gnutls.gnutls_bye, self.session, GNUTLS_SHUT_WR)

    def alert(self, level, what):
        self._call(_gnutls.gnutls_alert_send, self.session, level, what)

    def update_key(self):
        """Announce, and take, the next key for sending."""
        self._call(_gnutls.gnutls_session_key_update, self.session, 0)

    def ask_for_handshake(self):
        """As OpenSsl's."""
        self._call(_gnutls.gnutls_rehandshake, self.session)


LIBRARIES = {"openssl": OpenSsl, "gnutls": GnuTls}
