// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-restore.h"

#include <unistd.h>

#include "vt-change.h"
#include "vt-fd.h"

/* Of a file whose rights nobody could tell: it is infected, and root's. */
#define MODE_UNKNOWN 0600

typedef struct {
  const VtRestoreOrder *order;
  VtChange change;
  GPtrArray *entries; /* of VtQuarantineEntry */
  GArray *contents;   /* of int: a descriptor of each */
  GPtrArray *edits;
} Restore;

static void
close_content (gpointer fd)
{
  vt_fd_clear (fd);
}

static void
restore_clear (Restore *self)
{
  vt_change_clear (&self->change);
  g_clear_pointer (&self->entries, g_ptr_array_unref);
  g_clear_pointer (&self->contents, g_array_unref);
  g_clear_pointer (&self->edits, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Restore, restore_clear)

static gboolean
add (Restore *self, VtQuarantine *quarantine, const char *id, GError **error)
{
  VtFileAttributes attributes = {.mode = MODE_UNKNOWN};
  VtQuarantineEntry *entry = vt_quarantine_find (quarantine, id, error);
  g_autofree char *source = NULL;
  int content;

  if (entry == NULL)
    return FALSE;
  g_ptr_array_add (self->entries, entry);
  content = vt_quarantine_extract (quarantine, entry, error);
  if (content < 0)
    return FALSE;
  g_array_append_val (self->contents, content);
  if (entry->has_attributes)
    attributes = entry->attributes;
  source = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), content);
  g_ptr_array_add (self->edits, vt_image_edit_new_create (source, entry->path, &attributes));
  return TRUE;
}

static gboolean
collect (Restore *self, GError **error)
{
  g_autoptr (VtQuarantine) quarantine = vt_quarantine_open (self->order->quarantine, FALSE, error);
  guint n = g_strv_length (self->order->ids);

  if (quarantine == NULL)
    return FALSE;
  if (n > VT_RESTORE_MAX) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%u files to restore; at most %d are at once", n, VT_RESTORE_MAX);
    return FALSE;
  }
  for (guint i = 0; i < n; i++)
    if (!add (self, quarantine, self->order->ids[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
put_back (Restore *self, GError **error)
{
  g_autoptr (VtScanResult) image = vt_scan_result_new (self->order->image);

  if (!vt_change_inspect (&self->change, image, error) ||
      !vt_change_start_over (&self->change, image->virtual_size, error))
    return FALSE;
  vt_change_say (&self->change, "putting the files back");
  return vt_change_edit (&self->change, self->edits, error) &&
         (self->order->dry_run || vt_change_put_in_place (&self->change, error));
}

gboolean
vt_restore (VtSession *session, const VtRestoreOrder *order, GPtrArray **entries, GError **error)
{
  g_auto (Restore) self = {
      .order = order,
      .entries = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_quarantine_entry_free),
      .contents = g_array_new (FALSE, FALSE, sizeof (int)),
      .edits = vt_image_edits_new (),
  };

  g_array_set_clear_func (self.contents, close_content);
  vt_change_begin (&self.change, session, order->image);
  if (!vt_change_aim (&self.change, order->output, order->output_format, error) ||
      !collect (&self, error) || !put_back (&self, error))
    return FALSE;
  *entries = g_steal_pointer (&self.entries);
  return TRUE;
}
