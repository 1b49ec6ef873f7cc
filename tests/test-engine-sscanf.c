// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <clamav.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>

#include "vt-engine-sscanf.h"

/* By the name that libclamav knows it under. */
int looked_up (const char *text, const char *format, ...) __asm__("sscanf")
    __attribute__ ((format (scanf, 2, 3)));

G_GNUC_SCANF (2, 3)
static int
scan_by_c_library (const char *text, const char *format, ...)
{
  va_list arguments;
  int n;

  va_start (arguments, format);
  n = vsscanf (text, format, arguments);
  va_end (arguments);
  return n;
}

static void
test_same_as_the_c_library (void)
{
  static const char *const texts[] = {
      "0",          "7",          "42",          "0&1&2",       "12|(3&4)",
      "999999999",  "1000000000", "4294967295",  "4294967296",  "99999999999999999999",
      "000000001",  "0000000012", "-1",          "+3",          " 5",
      "\t\n6",      "",           " ",           "a",           "&1",
      "0x10",       "1.5",        "3,4",         "3-4",         "\xff",
      "123456789a", "123456789",  "00000000000", "18446744073", "2147483648"};
  static const char *const formats[] = {"%u", "%u,%u", "%u-%u", "%x", "%2u", "%d", "x%u"};

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (formats); j++) {
      unsigned int expected[2] = {17, 18};
      unsigned int found[2] = {17, 18};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      int n = scan_by_c_library (texts[i], formats[j], &expected[0], &expected[1]);

      g_assert_cmpint (looked_up (texts[i], formats[j], &found[0], &found[1]), ==, n);
#pragma GCC diagnostic pop
      g_assert_cmpuint (found[0], ==, expected[0]);
      g_assert_cmpuint (found[1], ==, expected[1]);
    }
}

/* Without it the engine works all the same, only slower: nothing else would tell. */
static void
test_is_what_the_engine_calls (void)
{
  g_assert_cmpstr (cl_retver (), !=, "");
  g_assert_true (vt_engine_sscanf_is_used ());
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine-sscanf/same-as-the-c-library", test_same_as_the_c_library);
  g_test_add_func ("/engine-sscanf/is-what-the-engine-calls", test_is_what_the_engine_calls);
  return g_test_run ();
}
