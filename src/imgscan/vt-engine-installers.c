// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-installers.h"

#include <string.h>

#include "vt-bytes.h"

/* Of the block behind an installer of NSIS, from its start. */
#define NSIS_FLAGS_SIZE  4
#define NSIS_MAGIC       "\xef\xbe\xad\xdeNullsoftInst"
#define NSIS_LENGTH      24
#define NSIS_HEADER_SIZE 28

/* What AutoIt has behind the program begins with the first and the version, and ends with the
 * version: "AU3!EA05". */
#define AUTOIT_MAGIC   "\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7d"
#define AUTOIT_VERSION "AU3!EA0"

/* What InstallShield has behind the program: a name and how many files there are, then each of them
 * behind a header with its name and its size as packed. */
#define SHIELD_MAGIC       "InstallShield"
#define SHIELD_MAGIC_SIZE  sizeof (SHIELD_MAGIC)
#define SHIELD_COUNT       14
#define SHIELD_ZEROS       18
#define SHIELD_HEADER_SIZE 46
#define SHIELD_FILES_MAX   65535
#define SHIELD_FILE_LENGTH 268
#define SHIELD_FILE_SIZE   312

static const guint8 *
find (const guint8 *data, gsize size, const char *magic, gsize magic_size)
{
  return memmem (data, size, magic, magic_size);
}

static VtReason
check_nsis (const guint8 *data, gsize size)
{
  const guint8 *at = find (data, size, NSIS_MAGIC, strlen (NSIS_MAGIC));
  gsize begin;

  if (at == NULL || (gsize)(at - data) < NSIS_FLAGS_SIZE)
    return VT_REASON_NONE;
  begin = (gsize)(at - data) - NSIS_FLAGS_SIZE;
  return size - begin >= NSIS_HEADER_SIZE && vt_le32 (data + begin + NSIS_LENGTH) <= size - begin
             ? VT_REASON_NONE
             : VT_REASON_DAMAGED;
}

static VtReason
check_autoit (const guint8 *data, gsize size)
{
  const guint8 *at = find (data, size, AUTOIT_MAGIC, strlen (AUTOIT_MAGIC));
  gsize behind = strlen (AUTOIT_MAGIC) + strlen (AUTOIT_VERSION);
  gsize left;

  if (at == NULL)
    return VT_REASON_NONE;
  left = size - (gsize)(at - data);
  if (left < behind ||
      memcmp (at + strlen (AUTOIT_MAGIC), AUTOIT_VERSION, strlen (AUTOIT_VERSION)) != 0)
    return VT_REASON_NONE;
  return find (at + behind, left - behind, AUTOIT_VERSION, strlen (AUTOIT_VERSION)) != NULL
             ? VT_REASON_NONE
             : VT_REASON_DAMAGED;
}

/* The name stands in many a program; behind this one there is a number and nothing else. */
static gboolean
is_shield_header (const guint8 *at, gsize left)
{
  if (left < SHIELD_HEADER_SIZE || vt_le32 (at + SHIELD_COUNT) == 0 ||
      vt_le32 (at + SHIELD_COUNT) > SHIELD_FILES_MAX)
    return FALSE;
  for (gsize i = SHIELD_ZEROS; i < SHIELD_HEADER_SIZE; i++)
    if (at[i] != 0)
      return FALSE;
  return TRUE;
}

static VtReason
check_shield_files (const guint8 *at, gsize left)
{
  guint32 count = vt_le32 (at + SHIELD_COUNT);

  at += SHIELD_HEADER_SIZE;
  left -= SHIELD_HEADER_SIZE;
  for (guint32 i = 0; i < count; i++) {
    guint64 length;

    if (left < SHIELD_FILE_SIZE)
      return VT_REASON_DAMAGED;
    length = vt_le64 (at + SHIELD_FILE_LENGTH);
    if (length > left - SHIELD_FILE_SIZE)
      return VT_REASON_DAMAGED;
    at += SHIELD_FILE_SIZE + length;
    left -= SHIELD_FILE_SIZE + (gsize)length;
  }
  return VT_REASON_NONE;
}

static VtReason
check_shield (const guint8 *data, gsize size)
{
  VtReason reason = VT_REASON_NONE;
  gsize from = 0;

  while (reason == VT_REASON_NONE && from < size) {
    const guint8 *at = find (data + from, size - from, SHIELD_MAGIC, SHIELD_MAGIC_SIZE);

    if (at == NULL)
      break;
    from = (gsize)(at - data) + 1;
    if (is_shield_header (at, size + 1 - from))
      reason = check_shield_files (at, size + 1 - from);
  }
  return reason;
}

VtReason
vt_engine_installers_check (const guint8 *data, gsize size)
{
  VtReason reason = check_nsis (data, size);

  if (reason == VT_REASON_NONE)
    reason = check_autoit (data, size);
  return reason != VT_REASON_NONE ? reason : check_shield (data, size);
}
