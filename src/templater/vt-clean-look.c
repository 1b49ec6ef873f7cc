// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clean-look.h"

#include <string.h>

#include "vt-container.h"
#include "vt-image-run.h"
#include "vt-template-open.h"

#define NS_PER_S G_GINT64_CONSTANT (1000000000)

/* Files that are fetched in one run. */
typedef struct {
  VtCleanLook *look;
  GPtrArray *items;     /* of VtCleanItem, not owned */
  gboolean is_envelope; /* the clean cache's envelope is looked for as well */
  VtScanResult *image;  /* what the run tells of the image */
  GError *error;        /* of the quarantine */
} Batch;

static VtCleanItem *
find_item (const Batch *self, const char *path)
{
  for (guint i = 0; i < self->items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (self->items, i);

    if (strcmp (item->finding->path, path) == 0)
      return item;
  }
  return NULL;
}

static VtQuarantineEntry *
make_entry (const Batch *self, const VtCleanItem *item, const VtImageFile *file)
{
  const VtFinding *finding = item->finding;
  VtQuarantineEntry *entry = vt_quarantine_entry_new ();

  entry->image = g_strdup (self->look->change->image);
  entry->path = g_strdup (finding->path);
  entry->fs = g_strdup (finding->fs);
  entry->threat = g_strdup (finding->threat);
  entry->members = finding->members != NULL ? g_strdupv (finding->members) : NULL;
  entry->size = file->result->size;
  entry->digest = finding->digest;
  entry->has_attributes = file->attributes != NULL;
  if (file->attributes != NULL)
    entry->attributes = *file->attributes;
  /* Nobody told it where both are 0. */
  entry->has_mtime = file->result->mtime_ns != 0 || file->result->ctime_ns != 0;
  entry->mtime = file->result->mtime_ns / NS_PER_S;
  return entry;
}

/* The engine opens many containers itself, and does not tell what is in them: then the finding is
 * the container's. */
static gboolean
check_kind (const Batch *self, VtCleanItem *item, const VtImageFile *file)
{
  const char *name;

  if (self->look->containers ||
      vt_container_recognise (file->memfd, file->result->size, &name) == VT_CONTAINER_NONE)
    return TRUE;
  vt_clean_item_refuse (item, "it is a container (%s); --containers cleans it as a whole", name);
  return FALSE;
}

/* Whether FILE is what was found. */
static gboolean
check_file (Batch *self, VtCleanItem *item, const VtImageFile *file)
{
  const VtFilesystem *filesystem =
      g_ptr_array_index (self->image->filesystems, file->result->filesystem);
  VtDigest digest;

  if (strcmp (filesystem->id, item->finding->fs) != 0) {
    vt_clean_item_refuse (item, "%s is mounted over it in the image", filesystem->id);
    return FALSE;
  }
  if (!vt_digest_of_fd (file->memfd, file->result->size, &digest, &self->error))
    return FALSE;
  if (vt_digest_equal (&digest, &item->finding->digest))
    return check_kind (self, item, file);
  vt_clean_item_refuse (item, "changed since the report");
  return FALSE;
}

static void
see (Batch *self, VtCleanItem *item, const VtImageFile *file)
{
  g_autoptr (VtQuarantineEntry) entry = NULL;

  /* A reader that sends it twice is not to be believed, and makes no second entry. */
  if (item->seen || !check_file (self, item, file))
    return;
  if (self->look->quarantine != NULL) {
    entry = make_entry (self, item, file);
    if (!vt_quarantine_add (self->look->quarantine, entry, file->memfd, &self->error))
      return;
    item->id = g_strdup (entry->id);
  }
  item->inode = file->result->inode;
  item->links = file->attributes != NULL ? file->attributes->links : 0;
  item->seen = TRUE;
}

static void
on_file (VtImageFile *owned, gpointer user_data)
{
  g_autoptr (VtImageFile) file = owned;
  Batch *self = user_data;
  VtCleanItem *item = find_item (self, file->result->path);

  if (self->is_envelope && strcmp (file->result->path, VT_TEMPLATE_ENVELOPE) == 0)
    self->look->has_template = TRUE;
  if (item != NULL && self->error == NULL && file->memfd >= 0)
    see (self, item, file);
}

/* What was seen does not hold any more. */
static void
forget (const Batch *self)
{
  for (guint i = 0; i < self->items->len; i++) {
    VtCleanItem *item = g_ptr_array_index (self->items, i);

    if (item->id != NULL)
      vt_quarantine_remove (self->look->quarantine, item->id);
    g_clear_pointer (&item->id, g_free);
    g_clear_pointer (&item->why, g_free);
    item->seen = FALSE;
  }
}

static void
on_restarted (gpointer user_data)
{
  forget (user_data);
}

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const Batch *self = user_data;

  vt_change_print_message (level, text, self->look->change);
}

static GStrv
list_paths (const Batch *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->items->len; i++)
    g_strv_builder_add (builder,
                        ((const VtCleanItem *)g_ptr_array_index (self->items, i))->finding->path);
  if (self->is_envelope)
    g_strv_builder_add (builder, VT_TEMPLATE_ENVELOPE);
  return g_strv_builder_end (builder);
}

static gboolean
fetch (Batch *self, GError **error)
{
  const VtImageRun run = {
      .message = on_message, .restarted = on_restarted, .file = on_file, .user_data = self};
  VtChange *change = self->look->change;
  VtSession *session = change->session;
  g_autoptr (VtImageOptions) options = vt_image_options_copy (change->options);
  g_autoptr (VtScanResult) image = vt_scan_result_new (change->image);
  gboolean done;

  self->image = image;
  options->mode = VT_IMAGE_FETCH;
  options->max_file_size = VT_IMAGE_FETCH_SIZE_MAX;
  g_strfreev (options->fetch);
  options->fetch = list_paths (self);
  done = vt_image_run (session->spawner, options, image, &run, session->cancellable, error);
  self->image = NULL;
  if (done && self->error == NULL)
    return TRUE;
  if (self->error != NULL) {
    g_clear_error (error);
    g_propagate_error (error, g_steal_pointer (&self->error));
  }
  return FALSE;
}

/* Whether what went wrong may be one file's fault, so that the others are not to suffer for it. */
static gboolean
is_of_a_file (const GError *error)
{
  return g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
}

static gboolean
fetch_alone (VtCleanLook *look, VtCleanItem *item, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  g_autoptr (GError) failure = NULL;
  Batch batch = {.look = look, .items = items};

  g_ptr_array_add (items, item);
  if (fetch (&batch, &failure))
    return TRUE;
  forget (&batch);
  if (!is_of_a_file (failure)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  vt_clean_item_refuse (item, "%s", failure->message);
  return TRUE;
}

/* What stands where a clean cache would be and cannot be fetched may be one all the same. */
static gboolean
look_for_template (VtCleanLook *look, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  g_autoptr (GError) failure = NULL;
  Batch batch = {.look = look, .items = items, .is_envelope = TRUE};

  if (fetch (&batch, &failure))
    return TRUE;
  look->has_template = TRUE;
  if (is_of_a_file (failure))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
run_batch (Batch *self, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (fetch (self, &failure))
    return TRUE;
  forget (self);
  if (!is_of_a_file (failure)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  for (guint i = 0; i < self->items->len; i++)
    if (!fetch_alone (self->look, g_ptr_array_index (self->items, i), error))
      return FALSE;
  return !self->is_envelope || look_for_template (self->look, error);
}

/* Takes as many as go in one run, from NEXT on. */
static void
fill (Batch *self, guint *next)
{
  GPtrArray *all = self->look->items;
  gsize bytes = strlen (VT_TEMPLATE_ENVELOPE);

  for (; *next < all->len && self->items->len + 1 < VT_IMAGE_FETCH_MAX; (*next)++) {
    VtCleanItem *item = g_ptr_array_index (all, *next);

    if (item->why != NULL)
      continue;
    bytes += strlen (item->finding->path);
    if (self->items->len > 0 && bytes > VT_IMAGE_PATHS_SIZE_MAX)
      return;
    g_ptr_array_add (self->items, item);
  }
}

gboolean
vt_clean_look (VtCleanLook *self, GError **error)
{
  gboolean is_first = TRUE;

  for (guint next = 0; next < self->items->len;) {
    g_autoptr (GPtrArray) items = g_ptr_array_new ();
    Batch batch = {.look = self, .items = items, .is_envelope = is_first};

    fill (&batch, &next);
    is_first = FALSE;
    if (items->len > 0 && !run_batch (&batch, error))
      return FALSE;
  }
  return TRUE;
}
