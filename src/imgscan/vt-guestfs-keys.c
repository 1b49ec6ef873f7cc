// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-keys.h"

#include <string.h>

#include "vt-image.h"

static char *
read_key_file (const char *path, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  char *key = NULL;

  if (!g_file_get_contents (path, &key, NULL, &local_error)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION, "--key: %s",
                 local_error->message);
    return NULL;
  }
  /* As cryptsetup(8) takes a passphrase: up to the first end of line. */
  key[strcspn (key, "\n")] = '\0';
  return key;
}

gboolean
vt_guestfs_key_parse (const char *selector, char **device, char **key, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (selector, ":", 3);
  gboolean complete = g_strv_length (parts) == 3 && parts[0][0] != '\0' && parts[2][0] != '\0';

  *key = NULL;
  if (complete && g_str_equal (parts[1], "file")) {
    *key = read_key_file (parts[2], error);
  } else if (complete && g_str_equal (parts[1], "key")) {
    *key = g_strdup (parts[2]);
  } else {
    /* The selector may hold a secret: it is not repeated. */
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                         "--key takes DEVICE:key:STRING or DEVICE:file:FILE, or 'all' for DEVICE");
  }
  if (*key == NULL)
    return FALSE;
  *device = g_strdup (parts[0]);
  return TRUE;
}
