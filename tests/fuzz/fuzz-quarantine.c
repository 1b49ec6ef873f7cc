// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Entries of a quarantine: whatever is read can be written, and reads the same again. */
#include "fuzz.h"
#include "vt-quarantine.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) json = g_bytes_new (data, size);
  g_autoptr (VtQuarantineEntry) entry = vt_quarantine_entry_parse (json, &error);
  g_autoptr (VtQuarantineEntry) again = NULL;
  g_autoptr (GBytes) first = NULL;
  g_autoptr (GBytes) second = NULL;

  g_assert_true ((entry == NULL) == (error != NULL));
  if (entry == NULL)
    return 0;
  g_assert_true (entry->path[0] == '/');
  first = vt_quarantine_entry_format (entry, &error);
  g_assert_no_error (error);
  again = vt_quarantine_entry_parse (first, &error);
  g_assert_no_error (error);
  second = vt_quarantine_entry_format (again, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (first, second));
  return 0;
}
