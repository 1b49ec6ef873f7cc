// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clean.h"

#include <string.h>

#include "vt-clean-look.h"
#include "vt-judge.h"

/* Files that cannot be removed, and are found out one by one: each costs a run. */
#define CULPRITS_MAX 8

typedef struct {
  const VtCleanOrder *order;
  VtCleaned *cleaned;
  VtChange change;
  VtQuarantine *quarantine; /* NULL: nothing is kept */
  VtScanResult *image;      /* file systems and operating systems */
  gboolean placing;         /* from here on the files may be nowhere but in quarantine */
} Clean;

static void
clean_clear (Clean *self)
{
  vt_change_clear (&self->change);
  g_clear_pointer (&self->quarantine, vt_quarantine_free);
  g_clear_pointer (&self->image, vt_scan_result_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Clean, clean_clear)

void
vt_cleaned_clear (VtCleaned *self)
{
  g_clear_pointer (&self->items, g_ptr_array_unref);
  g_clear_pointer (&self->findings, vt_findings_free);
}

static gboolean
open_quarantine (Clean *self, GError **error)
{
  if (self->order->action != VT_CLEAN_QUARANTINE || self->order->dry_run)
    return TRUE;
  self->quarantine = vt_quarantine_open (self->order->quarantine, TRUE, error);
  return self->quarantine != NULL;
}

/* A scan that did not come to its end does not tell what would be left. */
static gboolean
scan (Clean *self, GError **error)
{
  VtChange *change = &self->change;
  g_autoptr (VtTemplate) template = NULL;

  if (!vt_clone_prepare (self->order->clone, change->options, &template, error))
    return FALSE;
  self->image = vt_session_scan (change->session, change->options, template, NULL);
  /* What follows reads files that it is told. That the image may lie upon the template remains. */
  g_clear_pointer (&change->options->template, vt_image_template_free);
  if (self->image->error != NULL) {
    g_propagate_error (error, g_error_copy (self->image->error));
    return FALSE;
  }
  if (self->image->partial) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                         "stopped before the end of the scan");
    return FALSE;
  }
  self->cleaned->findings = vt_findings_of_result (self->image);
  return TRUE;
}

static gboolean
find (Clean *self, GError **error)
{
  if (self->order->report == NULL)
    return scan (self, error);
  self->cleaned->findings = vt_findings_read (self->order->report, self->order->image, error);
  if (self->cleaned->findings == NULL)
    return FALSE;
  self->image = vt_scan_result_new (self->order->image);
  return vt_change_inspect (&self->change, self->image, error);
}

static void
plan (Clean *self)
{
  VtCleaned *cleaned = self->cleaned;
  guint listed = cleaned->findings->findings->len;

  cleaned->items = vt_clean_plan_new (cleaned->findings, self->image, self->order->containers);
  if (cleaned->findings->infected > listed)
    cleaned->unlisted = cleaned->findings->infected - listed;
}

static gboolean
look (Clean *self, GError **error)
{
  VtCleanLook look = {.change = &self->change,
                      .items = self->cleaned->items,
                      .quarantine = self->quarantine,
                      .containers = self->order->containers};

  vt_change_say (&self->change, "looking at the files again");
  if (!vt_clean_look (&look, error))
    return FALSE;
  self->cleaned->has_template = look.has_template;
  vt_clean_plan_settle (self->cleaned->items);
  return TRUE;
}

/* Tries to remove the items that are not refused, in a new overlay; FS: only those in it. */
static gboolean
try_to_remove (Clean *self, const char *fs, GError **error)
{
  g_autoptr (GPtrArray) edits = vt_image_edits_new ();

  for (guint i = 0; i < self->cleaned->items->len; i++) {
    const VtCleanItem *item = g_ptr_array_index (self->cleaned->items, i);

    if (item->why == NULL && (fs == NULL || strcmp (item->finding->fs, fs) == 0))
      g_ptr_array_add (
          edits, vt_image_edit_new_remove_exact (item->finding->path, &item->finding->digest));
  }
  return vt_change_start_over (&self->change, self->image->virtual_size, error) &&
         vt_change_edit (&self->change, edits, error);
}

static gboolean
is_about_the_edits (const GError *error)
{
  return g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT);
}

static void
refuse_filesystem (Clean *self, const char *fs, const char *why)
{
  for (guint i = 0; i < self->cleaned->items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (self->cleaned->items, i);

    if (strcmp (item->finding->fs, fs) == 0)
      vt_clean_item_refuse (item, "%s", why);
  }
}

/* The item that the message, which begins with a path, is about; or NULL. */
static VtCleanItem *
find_culprit (Clean *self, const char *message)
{
  VtCleanItem *culprit = NULL;

  for (guint i = 0; i < self->cleaned->items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (self->cleaned->items, i);
    const char *path = item->finding->path;
    gsize length = strlen (path);

    if (item->why == NULL && strncmp (message, path, length) == 0 &&
        (message[length] == ' ' || message[length] == ':') &&
        (culprit == NULL || length > strlen (culprit->finding->path)))
      culprit = item;
  }
  return culprit;
}

/* Refuses what is in file systems in which it cannot be removed: each is tried alone. */
static gboolean
sort_out (Clean *self, GError **error)
{
  g_autoptr (GHashTable) tried = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < self->cleaned->items->len; i++) {
    const VtCleanItem *item = g_ptr_array_index (self->cleaned->items, i);
    g_autoptr (GError) failure = NULL;

    if (item->why != NULL || !g_hash_table_add (tried, item->finding->fs) ||
        try_to_remove (self, item->finding->fs, &failure))
      continue;
    if (!is_about_the_edits (failure)) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    refuse_filesystem (self, item->finding->fs, failure->message);
  }
  return try_to_remove (self, NULL, error);
}

/* One file that cannot be removed is not to keep the others, as long as it is not many. */
static gboolean
remove_all (Clean *self, GError **error)
{
  GPtrArray *items = self->cleaned->items;

  if (vt_clean_plan_count (items) > 0)
    vt_change_say (&self->change, "removing the files");
  for (guint i = 0; i <= CULPRITS_MAX; i++) {
    g_autoptr (GError) failure = NULL;
    VtCleanItem *culprit;

    if (try_to_remove (self, NULL, &failure))
      return TRUE;
    if (!is_about_the_edits (failure)) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    culprit = find_culprit (self, failure->message);
    if (culprit == NULL)
      break;
    vt_clean_item_refuse (culprit, "%s", failure->message);
    /* A file stays under all its names, or none. */
    vt_clean_plan_settle (items);
  }
  return sort_out (self, error);
}

/* Takes out of quarantine again what was not removed from the image: all, or what was refused. */
static void
drop_entries (Clean *self, gboolean all)
{
  GPtrArray *items = self->cleaned->items;

  for (guint i = 0; items != NULL && i < items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (items, i);

    if (item->id == NULL || (item->why == NULL && !all))
      continue;
    vt_quarantine_remove (self->quarantine, item->id);
    g_clear_pointer (&item->id, g_free);
  }
}

static gboolean
work (Clean *self, GError **error)
{
  const VtCleanOrder *order = self->order;
  guint n;

  if (!find (self, error))
    return FALSE;
  plan (self);
  if (!look (self, error) || !remove_all (self, error))
    return FALSE;
  n = vt_clean_plan_count (self->cleaned->items);
  self->cleaned->changed = n > 0;
  /* Who names a new file wants it, whatever is to be done. */
  if (order->dry_run || (n == 0 && order->output == NULL))
    return TRUE;
  self->placing = TRUE;
  return vt_change_put_in_place (&self->change, error);
}

gboolean
vt_clean (VtSession *session, const VtCleanOrder *order, VtCleaned *cleaned, GError **error)
{
  g_auto (Clean) self = {.order = order, .cleaned = cleaned};
  gboolean done;

  vt_change_begin (&self.change, session, order->image);
  if (!vt_change_aim (&self.change, order->output, order->output_format, error) ||
      !open_quarantine (&self, error))
    return FALSE;
  done = work (&self, error);
  drop_entries (&self, !done && !self.placing);
  return done;
}
