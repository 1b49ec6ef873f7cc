// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-documents.h"

#include <string.h>

#include "vt-bytes.h"
#include "vt-engine-cab.h"
#include "vt-engine-encoded.h"
#include "vt-engine-installers.h"
#include "vt-engine-mail.h"
#include "vt-engine-ole2.h"
#include "vt-engine-pdf.h"

/* Of a TNEF stream: its signature and key; of an attribute, what is before its bytes, with their
 * number at the end of that; and the sum after them. */
#define TNEF_HEADER_SIZE    6
#define TNEF_ATTRIBUTE_SIZE 9
#define TNEF_LENGTH         5
#define TNEF_SUM_SIZE       2

/* Of a help file (CHM). */
#define CHM_SIZE        0x68
#define CHM_HEADER_SIZE 0x70

/* A manifest of an OpenDocument is longer if it lists thousands of pictures; it says in its first
 * entries whether they are encrypted. */
#define MANIFEST_RANGE ((gsize)64 * 1024)

static gboolean
contains (const guint8 *data, gsize size, const char *text)
{
  return data != NULL && memmem (data, size, text, strlen (text)) != NULL;
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

/* The sum of the bytes of an attribute, as the two bytes behind them have it. */
static gboolean
has_tnef_sum (const guint8 *data, gsize length)
{
  guint16 sum = 0;

  for (gsize i = 0; i < length; i++)
    sum = (guint16)(sum + data[i]);
  return sum == vt_le16 (data + length);
}

/* [MS-OXTNEF] 2.1.3: attributes, each with its size and its sum, to the end. */
static VtReason
check_tnef (const guint8 *data, gsize size)
{
  gsize at = MIN (size, TNEF_HEADER_SIZE);

  while (size - at >= TNEF_ATTRIBUTE_SIZE + TNEF_SUM_SIZE) {
    gsize left = size - at - TNEF_ATTRIBUTE_SIZE - TNEF_SUM_SIZE;
    gsize length = vt_le32 (data + at + TNEF_LENGTH);

    if (length > left || !has_tnef_sum (data + at + TNEF_ATTRIBUTE_SIZE, length))
      return VT_REASON_DAMAGED;
    at += TNEF_ATTRIBUTE_SIZE + length + TNEF_SUM_SIZE;
  }
  return size_without_blanks (data + at, size - at) == 0 ? VT_REASON_NONE : VT_REASON_DAMAGED;
}

/* The parts of an OpenDocument with a password are members of the archive like any others. */
static gboolean
is_encrypted_manifest (const guint8 *data, gsize size)
{
  gsize range = MIN (size, MANIFEST_RANGE);

  return range > 0 && data[0] == '<' && contains (data, range, "<manifest:manifest") &&
         contains (data, range, "<manifest:encryption-data");
}

static VtReason
refuse_file (gpointer unused)
{
  return VT_REASON_UNSUPPORTED;
}

/* The engine decodes what is in the text of messages, and what begins with such a file. */
static VtReason
check_text (const guint8 *data, gsize size)
{
  static const VtEngineDecoded funcs = {.begin = refuse_file};
  VtReason reason = VT_REASON_NONE;

  if (is_encrypted_manifest (data, size))
    return VT_REASON_ENCRYPTED;
  reason = vt_engine_encoded_list_uu (data, size, &funcs, NULL);
  return reason != VT_REASON_NONE ? reason
                                  : vt_engine_encoded_list_binhex (data, size, &funcs, NULL);
}

/* Archives that are rare by now, of which nothing but the engine reads any, and that does not tell
 * what it left out. */
static VtReason
cannot_tell (const guint8 *data, gsize size)
{
  return VT_REASON_UNSUPPORTED;
}

static const struct {
  const char *type;
  VtReason (*check) (const guint8 *data, gsize size);
} checks[] = {
    {"CL_TYPE_ALZ", cannot_tell},
    {"CL_TYPE_EGG", cannot_tell},
    {"CL_TYPE_HTML", vt_engine_encoded_check_page},
    {"CL_TYPE_MAIL", vt_engine_mail_check},
    {"CL_TYPE_MSCAB", vt_engine_cab_check},
    {"CL_TYPE_MSCHM", check_chm},
    {"CL_TYPE_MSEXE", vt_engine_installers_check},
    {"CL_TYPE_MSOLE2", vt_engine_ole2_check},
    {"CL_TYPE_PDF", vt_engine_pdf_check},
    {"CL_TYPE_RTF", check_rtf},
    {"CL_TYPE_SIS", cannot_tell},
    {"CL_TYPE_TEXT_ASCII", check_text},
    {"CL_TYPE_TEXT_UTF8", check_text},
    {"CL_TYPE_TNEF", check_tnef},
};

VtReason
vt_engine_documents_check (const char *type, const guint8 *data, gsize size)
{
  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    if (strcmp (type, checks[i].type) == 0)
      return checks[i].check (data, size);
  return is_encrypted_manifest (data, size) ? VT_REASON_ENCRYPTED : VT_REASON_NONE;
}
