// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What may be signed of a template: whatever is read can be written, and reads the same again. */
#include "fuzz.h"
#include "vt-statement.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const VtStatementPolicy policy = {1795568523, 0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) json = g_bytes_new (data, size);
  g_autoptr (VtStatement) statement = vt_statement_parse (json, &error);
  g_autoptr (VtStatement) again = NULL;
  g_autoptr (GBytes) first = NULL;
  g_autoptr (GBytes) second = NULL;

  g_assert_true ((statement == NULL) == (error != NULL));
  if (statement == NULL)
    return 0;
  (void)!vt_statement_check (statement, &policy, NULL);
  first = vt_statement_to_json (statement, &error);
  g_assert_no_error (error);
  again = vt_statement_parse (first, &error);
  g_assert_no_error (error);
  second = vt_statement_to_json (again, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (first, second));
  return 0;
}
