// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-nested-image.h"

#include <unistd.h>

#include "vt-fd.h"
#include "vt-source.h"

/* What it is called in messages, beside which whoever tells them says where it is. */
#define IMAGE_NAME "the image"

/* Appliances that are started for nested images; each takes from seconds to half a minute. What
 * cannot be read without is incomplete from then on. */
#define LAUNCHES_MAX 32

struct _VtNestedReader {
  VtSpawner *spawner;
  VtImageOptions *options;
  GMainContext *context;
  GPtrArray *levels; /* of GQueue of NestedImage; the first of each is being read */
  guint launches;
  GHashTable *dying; /* set of NestedImage that could not be freed at once */
};

typedef struct {
  VtMemberSource base;
  VtNestedReader *reader;
  GQueue *queue;
  int fd;
  const VtMemberEvents *events;
  gpointer user_data;

  GSource *later; /* reading begins, or it is freed, when it is called */
  VtScanResult *result;
  VtImage *image;     /* NULL: waits */
  GHashTable *held;   /* set of VtImageFile that were handed on and not released */
  gboolean in_event;  /* of the image, which must not be freed then */
  gboolean is_unused; /* nobody wants its members any more */
} NestedImage;

static void
queue_free (gpointer data)
{
  g_queue_free (data);
}

static void
nested_image_free (gpointer data)
{
  NestedImage *self = data;

  vt_source_clear (&self->later);
  g_clear_pointer (&self->image, vt_image_free);
  vt_scan_result_free (self->result);
  g_hash_table_unref (self->held);
  g_free (self);
}

VtNestedReader *
vt_nested_reader_new (VtSpawner *spawner, const VtImageOptions *options)
{
  VtNestedReader *self = g_new0 (VtNestedReader, 1);

  self->spawner = spawner;
  self->options = vt_image_options_copy (options);
  g_free (self->options->path);
  self->options->path = g_strdup (IMAGE_NAME);
  g_clear_pointer (&self->options->file, g_free);
  self->options->offset = 0;
  self->options->size = 0;
  g_clear_pointer (&self->options->format, g_free);
  g_clear_pointer (&self->options->snapshot, g_free);
  g_clear_pointer (&self->options->overlay, g_free);
  g_clear_pointer (&self->options->template, vt_image_template_free);
  self->options->mode = VT_IMAGE_READ;
  g_clear_pointer (&self->options->include, g_strfreev);
  g_clear_pointer (&self->options->exclude, g_strfreev);
  g_clear_pointer (&self->options->backing, g_strfreev);
  self->options->backing = g_new0 (char *, 1);
  self->options->include = g_new0 (char *, 1);
  self->options->exclude = g_new0 (char *, 1);
  self->context = g_main_context_ref_thread_default ();
  self->levels = g_ptr_array_new_with_free_func (queue_free);
  self->dying = g_hash_table_new_full (NULL, NULL, nested_image_free, NULL);
  return self;
}

void
vt_nested_reader_free (VtNestedReader *self)
{
  g_hash_table_unref (self->dying);
  g_ptr_array_unref (self->levels);
  g_main_context_unref (self->context);
  vt_image_options_free (self->options);
  g_free (self);
}

/* Hands on what has no content, for that REASON. */
static void
tell_unread (NestedImage *self, const char *name, guint64 size, VtReason reason)
{
  const VtUnpackMember member = {.name = name, .size = size, .content = -1, .reason = reason};

  self->events->member (&member, NULL, self->user_data);
}

static void
hand_on (NestedImage *self, VtImageFile *file)
{
  g_autofree char *name = vt_scan_result_display_path (self->result, file->result);
  VtUnpackMember member = {.name = name, .size = file->result->size};

  if (file->memfd >= 0 && member.size > 0) {
    member.content = vt_fd_steal (&file->memfd);
    g_hash_table_add (self->held, file);
    self->events->member (&member, file, self->user_data);
    return;
  }
  vt_image_release (self->image, file);
  if (file->memfd < 0)
    tell_unread (self, name, member.size, file->result->verdict.reason);
  vt_image_file_free (file);
}

static void
on_file (VtImageFile *file, gpointer user_data)
{
  NestedImage *self = user_data;

  if (self->is_unused) {
    vt_image_file_free (file);
    return;
  }
  self->in_event = TRUE;
  hand_on (self, file);
  self->in_event = FALSE;
}

static VtReason
find_reason (const GError *error)
{
  if (g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NO_FILESYSTEM) ||
      g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NEEDS_OTHER_FILE))
    return VT_REASON_UNSUPPORTED;
  if (g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE))
    return VT_REASON_DAMAGED;
  return VT_REASON_READ_ERROR;
}

static void
tell_filesystems (NestedImage *self)
{
  for (guint i = 0; i < self->result->filesystems->len && !self->is_unused; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (self->result->filesystems, i);

    if (filesystem->reason != VT_REASON_NONE)
      tell_unread (self, filesystem->id, 0, filesystem->reason);
  }
}

static void
on_finished (const GError *error, gpointer user_data)
{
  NestedImage *self = user_data;

  self->in_event = TRUE;
  tell_filesystems (self);
  if (!self->is_unused)
    self->events->ended (error != NULL ? find_reason (error) : VT_REASON_NONE,
                         error != NULL ? error->message : "", self->user_data);
  self->in_event = FALSE;
}

static void
on_restarted (gpointer user_data)
{
  NestedImage *self = user_data;

  if (!self->is_unused)
    self->events->restarted (self->user_data);
}

static void
on_phase (const char *phase, gpointer user_data)
{
  NestedImage *self = user_data;

  self->reader->launches += g_str_equal (phase, "launch");
}

static const VtImageEvents image_events = {
    .restarted = on_restarted, .phase = on_phase, .file = on_file, .finished = on_finished};

static gboolean
on_start (gpointer data)
{
  NestedImage *self = data;
  g_autoptr (VtImageOptions) options = vt_image_options_copy (self->reader->options);

  vt_source_clear (&self->later);
  if (self->reader->launches >= LAUNCHES_MAX && options->backend == VT_BACKEND_AUTO)
    options->backend = VT_BACKEND_DIRECT;
  options->file = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), self->fd);
  self->image = vt_image_start (self->reader->spawner, options, self->result, &image_events, self);
  return G_SOURCE_REMOVE;
}

static void
call_later (NestedImage *self, GSourceFunc func)
{
  vt_source_clear (&self->later);
  self->later = g_idle_source_new ();
  g_source_set_priority (self->later, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->later, func, self, NULL);
  g_source_attach (self->later, self->reader->context);
}

static void
start_first (GQueue *queue)
{
  NestedImage *self = g_queue_peek_head (queue);

  if (self != NULL && self->later == NULL && self->image == NULL)
    call_later (self, on_start);
}

static void
nested_release (VtMemberSource *source, gpointer credit)
{
  NestedImage *self = (NestedImage *)source;
  VtImageFile *file = credit;

  vt_image_release (self->image, file);
  g_hash_table_remove (self->held, file);
}

static gboolean
on_unused (gpointer data)
{
  NestedImage *self = data;

  g_hash_table_remove (self->reader->dying, self);
  return G_SOURCE_REMOVE;
}

static void
nested_free (VtMemberSource *source)
{
  NestedImage *self = (NestedImage *)source;
  GQueue *queue = self->queue;

  g_queue_remove (queue, self);
  self->is_unused = TRUE;
  if (self->in_event) {
    g_hash_table_add (self->reader->dying, self);
    call_later (self, on_unused);
  } else {
    nested_image_free (self);
  }
  start_first (queue);
}

VtMemberSource *
vt_nested_reader_open (
    VtNestedReader *self, guint level, int fd, const VtMemberEvents *events, gpointer user_data)
{
  NestedImage *nested = g_new0 (NestedImage, 1);

  while (self->levels->len <= level)
    g_ptr_array_add (self->levels, g_queue_new ());
  nested->base.release = nested_release;
  nested->base.free = nested_free;
  nested->reader = self;
  nested->queue = g_ptr_array_index (self->levels, level);
  nested->fd = fd;
  nested->events = events;
  nested->user_data = user_data;
  nested->result = vt_scan_result_new (self->options->path);
  nested->held = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)vt_image_file_free, NULL);
  g_queue_push_tail (nested->queue, nested);
  start_first (nested->queue);
  return &nested->base;
}
