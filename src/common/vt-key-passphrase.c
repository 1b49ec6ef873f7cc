// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-key-passphrase-private.h"

#include <string.h>

#include "vt-secret.h"

void
vt_key_passphrase_clear (VtKeyPassphrase *self)
{
  vt_secret_clear (&self->text);
  g_clear_error (&self->error);
}

static void
ask (VtKeyPassphrase *self)
{
  self->asked = TRUE;
  if (self->source->ask == NULL)
    g_set_error (&self->error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
                 "%s: a passphrase is needed, and none was given", self->what);
  else
    self->text = self->source->ask (self->what, self->source->ask_data, &self->error);
}

int
vt_key_passphrase_give (char *buffer, int size, int verify, void *data)
{
  VtKeyPassphrase *self = data;
  gsize length;

  if (!self->asked)
    ask (self);
  if (self->text == NULL)
    return -1;
  length = strlen (self->text);
  if (length > MIN ((gsize)size, VT_KEY_PASSPHRASE_MAX)) {
    vt_secret_clear (&self->text);
    g_set_error (&self->error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
                 "%s: the passphrase has %zu bytes, at most %zu are taken", self->what, length,
                 VT_KEY_PASSPHRASE_MAX);
    return -1;
  }
  memcpy (buffer, self->text, length);
  return (int)length;
}

gboolean
vt_key_passphrase_explain (VtKeyPassphrase *self, GError **error)
{
  if (!self->asked)
    return FALSE;
  if (self->error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));
  else
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PASSPHRASE,
                 "%s: the passphrase or PIN is wrong, or the key is damaged", self->what);
  return TRUE;
}
