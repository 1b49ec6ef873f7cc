// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-documents.h"

#include <string.h>

#include "vt-bytes.h"
#include "vt-engine-ole2.h"

/* Readers of PDF look for the mark of the end in so many bytes, for what programs that send files
 * have added to them (PDF Reference, implementation note 18). */
#define PDF_END_RANGE 1024

/* A message's header is shorter, and so is a boundary in it (RFC 2046 allows 70 characters). */
#define MAIL_RANGE   ((gsize)64 * 1024)
#define BOUNDARY_MAX 100

/* Of a TNEF stream: its signature and key; of an attribute, what is before its bytes, with their
 * number at the end of that; and the sum after them. */
#define TNEF_HEADER_SIZE    6
#define TNEF_ATTRIBUTE_SIZE 9
#define TNEF_LENGTH         5
#define TNEF_SUM_SIZE       2

/* Of a help file (CHM). */
#define CHM_SIZE        0x68
#define CHM_HEADER_SIZE 0x70

/* Of the block behind an installer of NSIS, from its start. */
#define NSIS_FLAGS_SIZE  4
#define NSIS_MAGIC       "\xef\xbe\xad\xdeNullsoftInst"
#define NSIS_LENGTH      24
#define NSIS_HEADER_SIZE 28

/* A manifest of an OpenDocument is longer if it lists thousands of pictures; it says in its first
 * entries whether they are encrypted. */
#define MANIFEST_RANGE ((gsize)64 * 1024)

static gboolean
contains (const guint8 *data, gsize size, const char *text)
{
  return data != NULL && memmem (data, size, text, strlen (text)) != NULL;
}

static VtReason
check_pdf (const guint8 *data, gsize size)
{
  gsize range = MIN (size, PDF_END_RANGE);

  return contains (data + size - range, range, "%%EOF") ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* How much of DATA is left without the blanks and zeros at its end. */
static gsize
size_without_blanks (const guint8 *data, gsize size)
{
  while (size > 0 && (g_ascii_isspace (data[size - 1]) || data[size - 1] == '\0'))
    size--;
  return size;
}

/* Programs that write RTF close what they opened, and add a line or zeros at most. */
static VtReason
check_rtf (const guint8 *data, gsize size)
{
  size = size_without_blanks (data, size);
  return size > 0 && data[size - 1] == '}' ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* A help file tells its own size. */
static VtReason
check_chm (const guint8 *data, gsize size)
{
  return size >= CHM_HEADER_SIZE && vt_le64 (data + CHM_SIZE) <= size ? VT_REASON_NONE
                                                                      : VT_REASON_DAMAGED;
}

/* The installers of NSIS have one block behind the program, and before it how long it is. */
static VtReason
check_program (const guint8 *data, gsize size)
{
  const guint8 *at = memmem (data, size, NSIS_MAGIC, strlen (NSIS_MAGIC));
  gsize begin;

  if (at == NULL || (gsize)(at - data) < NSIS_FLAGS_SIZE)
    return VT_REASON_NONE;
  begin = (gsize)(at - data) - NSIS_FLAGS_SIZE;
  return size - begin >= NSIS_HEADER_SIZE && vt_le32 (data + begin + NSIS_LENGTH) <= size - begin
             ? VT_REASON_NONE
             : VT_REASON_DAMAGED;
}

static VtReason
check_uuencoded (const guint8 *data, gsize size)
{
  return contains (data, size, "\nend") ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* [MS-OXTNEF] 2.1.3: attributes, each with its size, to the end. Of their sums nobody takes care.
 */
static VtReason
check_tnef (const guint8 *data, gsize size)
{
  gsize at = MIN (size, TNEF_HEADER_SIZE);

  while (size - at >= TNEF_ATTRIBUTE_SIZE + TNEF_SUM_SIZE) {
    gsize left = size - at - TNEF_ATTRIBUTE_SIZE - TNEF_SUM_SIZE;
    gsize length = vt_le32 (data + at + TNEF_LENGTH);

    if (length > left)
      return VT_REASON_DAMAGED;
    at += TNEF_ATTRIBUTE_SIZE + length + TNEF_SUM_SIZE;
  }
  return size_without_blanks (data + at, size - at) == 0 ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* Where the boundary between the parts of a message is named in HEADER; LENGTH 0 if it is not. */
static const char *
find_boundary (const char *header, gsize *length)
{
  const char *at = strcasestr (header, "boundary=");

  *length = 0;
  if (at == NULL)
    return header;
  at += strlen ("boundary=");
  if (*at == '"')
    *length = strcspn (++at, "\"\r\n");
  else
    *length = strcspn (at, "; \t\r\n");
  return at;
}

/* The parts of a message end with a boundary of their own (RFC 2046, 5.1.1). */
static VtReason
check_mail (const guint8 *data, gsize size)
{
  g_autofree char *header = g_strndup ((const char *)data, MIN (size, MAIL_RANGE));
  char *end = strstr (header, "\n\n");
  char *other_end = strstr (header, "\n\r\n");
  g_autofree char *last = NULL;
  const char *boundary;
  gsize length;

  if (end == NULL || (other_end != NULL && other_end < end))
    end = other_end;
  if (end == NULL)
    return VT_REASON_NONE;
  *end = '\0';
  boundary = find_boundary (header, &length);
  if (length == 0 || length > BOUNDARY_MAX)
    return VT_REASON_NONE;
  last = g_strdup_printf ("--%.*s--", (int)length, boundary);
  return contains (data, size, last) ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* The parts of an OpenDocument with a password are members of the archive like any others. */
static gboolean
is_encrypted_manifest (const guint8 *data, gsize size)
{
  gsize range = MIN (size, MANIFEST_RANGE);

  return range > 0 && data[0] == '<' && contains (data, range, "<manifest:manifest") &&
         contains (data, range, "<manifest:encryption-data");
}

static const struct {
  const char *type;
  VtReason (*check) (const guint8 *data, gsize size);
} checks[] = {
    {"CL_TYPE_MAIL", check_mail},     {"CL_TYPE_MSCHM", check_chm},
    {"CL_TYPE_MSEXE", check_program}, {"CL_TYPE_MSOLE2", vt_engine_ole2_check},
    {"CL_TYPE_PDF", check_pdf},       {"CL_TYPE_RTF", check_rtf},
    {"CL_TYPE_TNEF", check_tnef},     {"CL_TYPE_UUENCODED", check_uuencoded},
};

VtReason
vt_engine_documents_check (const char *type, const guint8 *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    if (strcmp (type, checks[i].type) == 0)
      return checks[i].check (data, size);
  return is_encrypted_manifest (data, size) ? VT_REASON_ENCRYPTED : VT_REASON_NONE;
}
