// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* A passphrase on its way to OpenSSL, which asks for it in the midst of reading a key, and may ask
 * more than once where one would do. */
#pragma once

#include "vt-key.h"

typedef struct {
  const char *what; /* may be told; is not SELF's */
  const VtKeySource *source;
  gboolean asked;
  char *text;
  GError *error; /* of the one who was asked */
} VtKeyPassphrase;

#define VT_KEY_PASSPHRASE_INIT(name, from)                                                         \
  {                                                                                                \
    .what = (name), .source = (from)                                                               \
  }

void vt_key_passphrase_clear (VtKeyPassphrase *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtKeyPassphrase, vt_key_passphrase_clear)

/* A pem_password_cb(3), with a VtKeyPassphrase as its user data. */
int vt_key_passphrase_give (char *buffer, int size, int verify, void *self);

/* After a key could not be read: FALSE if no passphrase was asked for, else sets ERROR. */
gboolean vt_key_passphrase_explain (VtKeyPassphrase *self,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
