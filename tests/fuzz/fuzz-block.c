// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The start of an image, looked at for its format and for what it names. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "vt-block-format.h"
#include "vt-fd.h"
#include "vt-vmdk.h"

static void
assert_same (const VtVmdk *one, const VtVmdk *other)
{
  g_assert_cmpuint (one->cid, ==, other->cid);
  g_assert_cmpuint (one->parent_cid, ==, other->parent_cid);
  g_assert_cmpstr (one->create_type, ==, other->create_type);
  g_assert_cmpstr (one->parent, ==, other->parent);
  g_assert_cmpuint (one->extents->len, ==, other->extents->len);
  for (guint i = 0; i < one->extents->len; i++) {
    const VtVmdkExtent *first = g_ptr_array_index (one->extents, i);
    const VtVmdkExtent *second = g_ptr_array_index (other->extents, i);

    g_assert_cmpuint (first->sectors, ==, second->sectors);
    g_assert_cmpuint (first->offset, ==, second->offset);
    g_assert_cmpstr (first->type, ==, second->type);
    g_assert_cmpstr (second->name, ==, "/proc/self/fd/10");
  }
}

/* What is written anew must say what was understood, and name nothing else. */
static void
use_descriptor (const char *text, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtVmdk) vmdk = vt_vmdk_parse (text, size, &error);
  g_autoptr (VtVmdk) again = NULL;
  g_autofree const char **names = NULL;
  g_autofree char *rendered = NULL;

  g_assert_true ((vmdk == NULL) == (error != NULL));
  if (vmdk == NULL)
    return;
  names = g_new (const char *, vmdk->extents->len);
  for (guint i = 0; i < vmdk->extents->len; i++)
    names[i] = "/proc/self/fd/10";
  rendered = vt_vmdk_render (vmdk, names);
  again = vt_vmdk_parse (rendered, strlen (rendered), &error);
  g_assert_no_error (error);
  assert_same (vmdk, again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  vt_autofd fd = memfd_create ("image", MFD_CLOEXEC);
  /* Now and then a part of what lies there, as in an archive. */
  const guint64 offset = size > 0 && data[0] % 4 == 0 ? 1 : 0;
  const VtBlockFile part = {fd, offset, size - offset};
  const VtBlockFile *file = &part;
  const char *format;
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;
  gsize text_size;

  if (write (fd, data, size) != (ssize_t)size)
    return 0;
  format = vt_block_format_probe (file, NULL);
  g_assert_nonnull (format);
  g_assert_true (vt_block_format_find (format) == format);
  (void)!vt_block_format_is_whole (file, format, NULL);
  (void)!vt_block_format_check_sparse_vmdk (file, NULL);
  if (vt_block_format_get_data_file (file, &name, NULL) && name != NULL)
    g_assert_cmpuint (strlen (name), <=, size);
  text = vt_block_format_read_descriptor (file, &text_size, NULL);
  if (text != NULL)
    use_descriptor (text, text_size);
  return 0;
}
