// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Names, as Linux shows them with its usual options: long ones as UTF-8, short ones in the case
 * that their entry tells. What no system would write is refused.
 */
#include <string.h>

#include "vt-fat-private.h"

/* Units of UTF-16 in a long name. */
#define UNITS_MAX 255U

#define BASE_SIZE 8U
#define NAME_SIZE 11U /* with the extension, which follows without a dot */

/* Where a slot tells that Windows NT had the name in lower case. */
#define CASE_OFFSET     12
#define BASE_LOWER      0x08
#define EXTENSION_LOWER 0x10

#define SHORT_SPECIAL "!#$%&'()-@^_`{}~"
#define LONG_REFUSED  "\"*/:<>?\\|"

/* A first byte of 0xe5 marks what was deleted, so this stands for it. */
#define STANDS_FOR_E5 0x05

/* The upper half of codepage 437. */
static const gunichar2 upper_half[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static gboolean
is_short_character (guint8 byte)
{
  return g_ascii_isupper (byte) || g_ascii_isdigit (byte) || byte >= 0x80 ||
         (byte != '\0' && strchr (SHORT_SPECIAL, byte) != NULL);
}

/* Appends N bytes at most; only blanks may follow a blank. */
static gboolean
append_part (GString *name, const guint8 *bytes, gsize n, gboolean lower)
{
  gsize used = n;

  while (used > 0 && bytes[used - 1] == ' ')
    used--;
  for (gsize i = 0; i < used; i++) {
    if (!is_short_character (bytes[i]))
      return FALSE;
    if (bytes[i] >= 0x80)
      g_string_append_unichar (name, upper_half[bytes[i] - 0x80]);
    else
      g_string_append_c (name, lower ? g_ascii_tolower ((gchar)bytes[i]) : (gchar)bytes[i]);
  }
  return TRUE;
}

char *
vt_fat_name_of_slot (const guint8 *slot, gboolean is_alias, GError **error)
{
  g_autoptr (GString) name = g_string_new (NULL);
  guint8 bytes[NAME_SIZE];
  guint cases = slot[CASE_OFFSET];
  gsize length;

  memcpy (bytes, slot, sizeof bytes);
  if (bytes[0] == STANDS_FOR_E5)
    bytes[0] = 0xe5;
  if ((cases & ~(guint)(BASE_LOWER | EXTENSION_LOWER)) != 0 ||
      !append_part (name, bytes, BASE_SIZE, (cases & BASE_LOWER) != 0) || name->len == 0) {
    vt_fs_refuse (error, "a short name that cannot be");
    return NULL;
  }
  g_string_append_c (name, '.');
  length = name->len;
  if (!append_part (name, bytes + BASE_SIZE, NAME_SIZE - BASE_SIZE,
                    (cases & EXTENSION_LOWER) != 0)) {
    vt_fs_refuse (error, "a short name that cannot be");
    return NULL;
  }
  if (name->len == length)
    g_string_truncate (name, length - 1);
  /* Which codepage they are in is not told; and that one would tell their lower case, too. */
  if (!g_str_is_ascii (name->str) && (!is_alias || cases != 0)) {
    vt_fs_refuse (error, "a short name of other characters than ASCII");
    return NULL;
  }
  return g_string_free (g_steal_pointer (&name), FALSE);
}

/* The name ends with a 0, unless it fills its slots, and the rest has a known value. */
static gboolean
find_length (const gunichar2 *units, guint slots, guint *length)
{
  guint n = slots * VT_FAT_SLOT_UNITS;

  *length = 0;
  while (*length < n && units[*length] != 0)
    ++*length;
  for (guint i = *length + 1; i < n; i++)
    if (units[i] != 0xffff)
      return FALSE;
  return *length > 0 && *length <= UNITS_MAX &&
         (*length + VT_FAT_SLOT_UNITS - 1) / VT_FAT_SLOT_UNITS == slots;
}

static gboolean
is_long_name (const char *name)
{
  gsize n = strlen (name);

  for (gsize i = 0; i < n; i++)
    if ((guchar)name[i] < 0x20 || strchr (LONG_REFUSED, name[i]) != NULL)
      return FALSE;
  /* The kernel lists a name with a dot at its end, and then does not find it. */
  return n > 0 && name[n - 1] != '.' && name[n - 1] != ' ';
}

char *
vt_fat_name_of_units (const gunichar2 *units, guint slots, GError **error)
{
  g_autofree char *name = NULL;
  guint length;

  if (find_length (units, slots, &length))
    name = g_utf16_to_utf8 (units, (glong)length, NULL, NULL, NULL);
  if (name != NULL && is_long_name (name))
    return g_steal_pointer (&name);
  vt_fs_refuse (error, "a long name that cannot be");
  return NULL;
}

guint8
vt_fat_name_checksum (const guint8 *slot)
{
  guint8 sum = 0;

  for (gsize i = 0; i < NAME_SIZE; i++)
    sum = (guint8)((guint8)(sum << 7 | sum >> 1) + slot[i]);
  return sum;
}
