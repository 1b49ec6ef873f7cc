// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Bytes that the engine took for some type, and that are looked at a second time. */
#include <glib.h>

#include "fuzz.h"
#include "vt-engine-arj.h"
#include "vt-engine-attached.h"
#include "vt-engine-documents.h"
#include "vt-engine-members.h"
#include "vt-engine-ole2.h"
#include "vt-engine-zip.h"

/* What unpacks costs the most: one of these for an input. */
static const char *const archives[] = {
    "CL_TYPE_ZIP",       "CL_TYPE_7Z",         "CL_TYPE_MSCAB",     "CL_TYPE_ISO9660",
    "CL_TYPE_POSIX_TAR", "CL_TYPE_OLD_TAR",    "CL_TYPE_CPIO_NEWC", "CL_TYPE_XAR",
    "CL_TYPE_LHA_LZH",   "CL_TYPE_BZ",         "CL_TYPE_XZ",        "CL_TYPE_GZ",
    "CL_TYPE_ARJ",       "CL_TYPE_CPIO_ODC",   "CL_TYPE_RAR",       "CL_TYPE_UUENCODED",
    "CL_TYPE_BINHEX",    "CL_TYPE_TEXT_ASCII",
};

static const char *const documents[] = {
    "CL_TYPE_PDF",  "CL_TYPE_RTF",   "CL_TYPE_UUENCODED", "CL_TYPE_MAIL",   "CL_TYPE_MSCHM",
    "CL_TYPE_TNEF", "CL_TYPE_MSEXE", "CL_TYPE_MSOLE2",    "CL_TYPE_BINHEX", "CL_TYPE_HTML",
};

static void
assert_known (VtReason reason)
{
  g_assert_cmpint (reason, <, VT_REASON_N);
}

static void
on_member (const VtEngineMember *member, gpointer size)
{
  *(guint64 *)size += member->size;
}

static void
on_size (guint64 size, gpointer count)
{
  ++*(guint *)count;
}

static void
list (const char *type, const uint8_t *data, size_t size)
{
  VtEngineMembersBudget budget = {.member_size = 1 << 18, .size = 1 << 20, .members = 200};
  guint64 listed = 0;

  if (!vt_engine_members_can_list (type))
    return;
  assert_known (vt_engine_members_list (type, data, size, &budget, on_member, &listed));
}

static void
find_attached (const uint8_t *data, size_t size)
{
  const char *type = NULL;
  gsize at = vt_engine_attached_find (data, size, 0, &type);

  g_assert_cmpuint (at, <=, size);
  g_assert_true ((at == size) || type != NULL);
  vt_engine_attached_has_zip (data, size);
}

/* The pieces come one behind the other. */
static void
find_gaps (const uint8_t *data, size_t size)
{
  g_autoptr (VtEngineZip) zip = vt_engine_zip_new (vt_engine_zip_peek_memory, (gpointer)data, size);
  guint64 start;
  guint64 end = 0;

  for (guint64 last = 0; vt_engine_zip_next (zip, size, &start, &end); last = start) {
    g_assert_cmpuint (start, >=, last);
    g_assert_cmpuint (start, <, end);
    g_assert_cmpuint (end, <=, size);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  guint count = 0;

  if (size == 0)
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS (documents); i++)
    assert_known (vt_engine_documents_check (documents[i], data, size));
  assert_known (vt_engine_ole2_check (data, size));
  if (vt_engine_arj_begins (data, size))
    assert_known (vt_engine_arj_list (data, size, on_size, &count));
  find_attached (data, size);
  find_gaps (data, size);
  list (archives[data[0] % G_N_ELEMENTS (archives)], data, size);
  list (archives[(data[size / 2] + size) % G_N_ELEMENTS (archives)], data, size);
  return 0;
}
