// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Any bytes as a signed envelope, held against the key that signed those of make-dsse-corpus. What
 * verifies must be one of the payloads that were signed there. */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "vt-dsse.h"

#define TYPE "application/vnd.example+json"

static const char *const payloads[] = {"", "{\"hello\":\"w\303\266rld\"}\n", "\373\377\276"};

/* Of RFC 8032, 7.1; it is in a file, as keys are. */
static VtPublicKey *
load_key (void)
{
  static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                            "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                            "-----END PUBLIC KEY-----\n";
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("fuzz-dsse-XXXXXX", &file, &error);
  VtPublicKey *key;

  g_assert_no_error (error);
  g_assert_cmpint (write (fd, pem, strlen (pem)), ==, (gssize)strlen (pem));
  close (fd);
  key = vt_public_key_load (file, &error);
  unlink (file);
  g_assert_no_error (error);
  return key;
}

static gboolean
was_signed (GBytes *payload)
{
  for (gsize i = 0; i < G_N_ELEMENTS (payloads); i++) {
    g_autoptr (GBytes) signed_one = g_bytes_new_static (payloads[i], strlen (payloads[i]));

    if (g_bytes_equal (payload, signed_one))
      return TRUE;
  }
  return FALSE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static VtPublicKey *key;
  g_autoptr (GBytes) envelope = g_bytes_new (data, size);
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GBytes) peeked = NULL;
  g_auto (GStrv) keyids = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) peek_error = NULL;

  if (key == NULL)
    key = load_key ();
  payload = vt_dsse_verify (envelope, TYPE, key, &error);
  peeked = vt_dsse_peek_unverified (envelope, TYPE, &keyids, &peek_error);
  g_assert_true ((payload == NULL) == (error != NULL));
  g_assert_true ((peeked == NULL) == (peek_error != NULL));
  g_assert_true ((peeked == NULL) == (keyids == NULL));
  if (payload != NULL)
    g_assert_true (was_signed (payload) && g_bytes_equal (payload, peeked));
  else
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
  return 0;
}
