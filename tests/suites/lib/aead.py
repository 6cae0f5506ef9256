# SPDX-License-Identifier: GPL-2.0-or-later
"""The ciphers of TLS by OpenSSL's libcrypto: the second opinion, which shares no code with
the kernel nor with the NIC."""

import ctypes
import functools

from .ktls import TAG

_SET_IV_LENGTH, _GET_TAG, _SET_TAG = 0x9, 0x10, 0x11
_NAMES = {"aes-gcm-128": "EVP_aes_128_gcm", "aes-gcm-256": "EVP_aes_256_gcm",
          "aes-ccm-128": "EVP_aes_128_ccm", "chacha20-poly1305": "EVP_chacha20_poly1305"}


@functools.cache
def _crypto():
    lib = ctypes.CDLL("libcrypto.so.3")
    for name in ("EVP_CIPHER_CTX_new", *_NAMES.values()):
        getattr(lib, name).restype = ctypes.c_void_p
    return lib


class Aead:
    """A cipher with a key. Of CCM libcrypto wants the length, and a tag's, beforehand."""

    def __init__(self, cipher, key):
        self.lib = _crypto()
        self.evp = ctypes.c_void_p(getattr(self.lib, _NAMES[cipher.name])())
        self.ccm = "ccm" in cipher.name
        self.key = key
        self.context = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())
        self.length = ctypes.c_int()

    def __del__(self):
        self.lib.EVP_CIPHER_CTX_free(self.context)

    def _begin(self, way, nonce, associated, size, tag):
        """way: "Encrypt" or "Decrypt"."""
        lib, context = self.lib, self.context
        init = getattr(lib, f"EVP_{way}Init_ex")
        init(context, self.evp, None, None, None)
        lib.EVP_CIPHER_CTX_ctrl(context, _SET_IV_LENGTH, len(nonce), None)
        if self.ccm:
            lib.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, TAG, tag)
        init(context, None, None, self.key, nonce)
        if self.ccm:
            self._update(way, None, None, size)
        self._update(way, None, associated, len(associated))

    def _update(self, way, out, data, size):
        return getattr(self.lib, f"EVP_{way}Update")(
            self.context, out, ctypes.byref(self.length), data, size)

    def seal(self, nonce, associated, plain):
        """(ciphertext, tag)."""
        self._begin("Encrypt", nonce, associated, len(plain), None)
        sealed = ctypes.create_string_buffer(len(plain) or 1)
        self._update("Encrypt", sealed, bytes(plain), len(plain))
        rest, tag = (ctypes.create_string_buffer(TAG) for _ in range(2))
        self.lib.EVP_EncryptFinal_ex(self.context, rest, ctypes.byref(self.length))
        self.lib.EVP_CIPHER_CTX_ctrl(self.context, _GET_TAG, TAG, tag)
        return sealed.raw[:len(plain)], tag.raw

    def open(self, nonce, associated, sealed, tag):
        """The plaintext, or None if the tag is wrong."""
        self._begin("Decrypt", nonce, associated, len(sealed), tag)
        plain = ctypes.create_string_buffer(len(sealed) or 1)
        good = self._update("Decrypt", plain, sealed, len(sealed))
        if not self.ccm:
            self.lib.EVP_CIPHER_CTX_ctrl(self.context, _SET_TAG, TAG, tag)
            rest = ctypes.create_string_buffer(TAG)
            good = self.lib.EVP_DecryptFinal_ex(self.context, rest, ctypes.byref(self.length))
        return plain.raw[:len(sealed)] if good > 0 else None
