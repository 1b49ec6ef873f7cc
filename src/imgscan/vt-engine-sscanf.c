// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-sscanf.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Decimal digits that fit an unsigned int, whatever they are. */
#define DIGITS_MAX 9

/* <stdio.h> gives sscanf another name in the binary, according to the standard in force. This is
 * the one that a library is linked with that was built with _GNU_SOURCE, as libclamav is, and a C
 * library before 2.38. From there on there is one more name, and the engine's calls go past this.
 */
int vt_engine_sscanf (const char *text, const char *format, ...) __asm__("sscanf")
    __attribute__ ((visibility ("default"), format (scanf, 2, 3)));

/* A number that starts with a digit and is small enough; anything else is left to the C library. */
static gboolean
read_number (const char *text, unsigned int *number)
{
  unsigned int value = 0;
  int n = 0;

  for (; g_ascii_isdigit (text[n]); n++) {
    if (n == DIGITS_MAX)
      return FALSE;
    value = 10 * value + (unsigned int)(text[n] - '0');
  }
  *number = value;
  return n > 0;
}

int
vt_engine_sscanf (const char *text, const char *format, ...)
{
  va_list arguments;
  unsigned int number;
  int n = 1;

  va_start (arguments, format);
  if (strcmp (format, "%u") == 0 && read_number (text, &number))
    *va_arg (arguments, unsigned int *) = number;
  else
    n = vsscanf (text, format, arguments);
  va_end (arguments);
  return n;
}

gboolean
vt_engine_sscanf_is_used (void)
{
  return dlsym (RTLD_DEFAULT, "sscanf") == (gpointer)vt_engine_sscanf;
}
