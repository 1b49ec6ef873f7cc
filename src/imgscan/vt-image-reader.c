// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The reader process of an image. It parses nothing of it: a walker reads directly what it can
 * (vt-direct.h), libguestfs's appliance the rest. The appliance is started before anything is read,
 * and only if it is needed.
 *
 * What turns out later not to be readable directly is not mended here: the starter starts another
 * reader that knows of it, so that nothing of the failed attempt counts.
 */
#include "vt-image-reader.h"

#include <stdlib.h>

#include "vt-block-export.h"
#include "vt-direct.h"
#include "vt-guestfs-edit.h"
#include "vt-guestfs-reader.h"
#include "vt-image-fetch.h"

typedef struct {
  const VtReaderArguments *arguments;
  VtImageSink *sink;
  VtBlockExport *export;
  VtBlockExport *template; /* NULL: there is none below the image */
  guint layers;            /* images that lie upon it */
  VtDirect *direct;        /* NULL: nothing is read directly */
  GPtrArray *volumes;      /* of VtVolume, what the walker found; NULL without it */
  GPtrArray *systems;      /* of VtOperatingSystem, likewise */
  VtAppliance *appliance;  /* NULL: not needed */
  GPtrArray *filesystems;  /* of VtFilesystem */
  char *untold;            /* why the walker cannot tell what systems there are, or NULL */
  gboolean refused;        /* another reader is to begin again, and was told so */
} Reader;

static void
reader_clear (Reader *self)
{
  g_clear_pointer (&self->filesystems, g_ptr_array_unref);
  g_clear_pointer (&self->untold, g_free);
  g_clear_pointer (&self->systems, g_ptr_array_unref);
  g_clear_pointer (&self->volumes, g_ptr_array_unref);
  g_clear_pointer (&self->direct, vt_direct_free);
  g_clear_pointer (&self->appliance, vt_appliance_free);
  g_clear_pointer (&self->template, vt_block_export_free);
  g_clear_pointer (&self->export, vt_block_export_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

/* Why a reader before this one could not read ID directly, or NULL. */
static const char *
find_refusal (const Reader *self, const char *id)
{
  for (char **pair = self->arguments->refused; pair[0] != NULL; pair += 2)
    if (g_str_equal (pair[0], id))
      return pair[1];
  return NULL;
}

static gboolean
may_read_directly (const Reader *self)
{
  return self->arguments->options->backend != VT_BACKEND_GUESTFS &&
         self->arguments->options->mode != VT_IMAGE_EDIT &&
         find_refusal (self, VT_REFUSED_ALL) == NULL;
}

/*
 * Where the template is in the chain, below the image. 0 and less: it is not. An image cannot vouch
 * for itself: without another one to compare it with, there is nothing to tell what was changed.
 * Nor can it choose which one that is: what it lies upon is the template only if the operator says
 * so.
 */
static gint
find_template (const VtImageTemplate *template, VtBlockChain *chain)
{
  return template->image != NULL ? vt_block_chain_find (chain, template->image) : -1;
}

/* So that the walker can compare the image with it. */
static gboolean
export_template (Reader *self, VtBlockChain *chain, GError **error)
{
  const VtImageTemplate *template = self->arguments->options->template;
  gint link;

  if (template == NULL || !may_read_directly (self))
    return TRUE;
  link = find_template (template, chain);
  if (link <= 0) {
    vt_image_sink_log (self->sink, G_LOG_LEVEL_WARNING,
                       "%s: all contents are read, and compared with the template's by their "
                       "digests",
                       template->image != NULL ? "it does not lie upon the template"
                                               : "no image of the template was named");
    return TRUE;
  }
  /* The overlay lies upon the image. */
  self->layers = (guint)link + (self->arguments->options->overlay != NULL);
  self->template =
      vt_block_export_begin (chain, (guint)link, NULL, self->arguments->run_dir, error);
  return self->template != NULL;
}

static gboolean
export_image (Reader *self, GError **error)
{
  const VtImageOptions *options = self->arguments->options;
  g_autoptr (VtBlockChain) chain = NULL;

  if (!vt_image_sink_phase (self->sink, "open", error))
    return FALSE;
  chain = vt_block_chain_open (options, error);
  if (chain == NULL || !vt_image_sink_described (self->sink, vt_block_chain_get_format (chain),
                                                 vt_block_chain_get_virtual_size (chain), error))
    return FALSE;
  self->export =
      vt_block_export_begin (chain, 0, options->snapshot, self->arguments->run_dir, error);
  return self->export != NULL && export_template (self, chain, error) &&
         vt_block_export_wait (self->export, chain, error) &&
         (self->template == NULL || vt_block_export_wait (self->template, chain, error));
}

/* Asks for another reader. FALSE, always: this one is through. */
static gboolean
refuse (Reader *self, const char *id, const char *why, GError **error)
{
  self->refused = vt_image_sink_refused (self->sink, id, why, error);
  return FALSE;
}

/* Sees to it that the volumes that a reader before could not read are refused. */
static void
apply_refusals (Reader *self)
{
  for (guint i = 0; i < self->volumes->len; i++) {
    VtVolume *volume = g_ptr_array_index (self->volumes, i);
    const char *why = find_refusal (self, volume->filesystem->id);

    if (why == NULL || volume->kind == VT_VOLUME_REFUSED)
      continue;
    volume->kind = VT_VOLUME_REFUSED;
    volume->refusal = g_strdup (why);
  }
}

static VtDirect *
start_walker (Reader *self, GError **error)
{
  VtDirectBelow below = {NULL, self->layers};

  if (self->template != NULL)
    below.nbd_socket = vt_block_export_get_socket (self->template);
  return vt_direct_start (vt_block_export_get_socket (self->export),
                          self->template != NULL ? &below : NULL, self->arguments->options,
                          self->sink, error);
}

static gboolean
probe (Reader *self, GError **error)
{
  g_autoptr (GError) lost = NULL;

  if (!vt_image_sink_direct (self->sink, VT_REFUSED_ALL, error) ||
      !vt_image_sink_phase (self->sink, "inspect", error))
    return FALSE;
  self->direct = start_walker (self, &lost);
  if (self->direct == NULL ||
      !vt_direct_probe (self->direct, &self->volumes, &self->systems, &self->untold, &lost))
    return refuse (self, VT_REFUSED_ALL, lost->message, error);
  apply_refusals (self);
  return vt_image_sink_direct (self->sink, "", error);
}

/* Whether there is something that only the appliance can read or tell of; says what. */
static gboolean
has_refusals (const Reader *self)
{
  gboolean refused = self->untold != NULL;
  gboolean readable = FALSE;

  if (self->untold != NULL)
    vt_image_sink_log (self->sink, G_LOG_LEVEL_INFO,
                       "operating systems cannot be told directly: %s", self->untold);
  for (guint i = 0; i < self->volumes->len; i++) {
    const VtVolume *volume = g_ptr_array_index (self->volumes, i);

    readable = readable || volume->kind == VT_VOLUME_READABLE;
    refused = refused || volume->kind == VT_VOLUME_REFUSED;
    if (volume->kind == VT_VOLUME_REFUSED)
      vt_image_sink_log (self->sink, G_LOG_LEVEL_INFO, "%s is not read directly: %s",
                         volume->filesystem->id, volume->refusal);
  }
  return refused || !readable;
}

static gboolean
needs_appliance (const Reader *self)
{
  const VtImageOptions *options = self->arguments->options;

  if (self->volumes == NULL)
    return TRUE;
  if (options->mode == VT_IMAGE_FETCH && self->untold == NULL)
    return vt_image_fetch_needs_appliance (options, self->volumes) &&
           options->backend == VT_BACKEND_AUTO;
  return has_refusals (self) && options->backend == VT_BACKEND_AUTO;
}

static gboolean
launch (Reader *self, GError **error)
{
  if (!vt_image_sink_phase (self->sink, "launch", error))
    return FALSE;
  self->appliance =
      vt_appliance_launch (vt_block_export_get_socket (self->export), self->arguments->run_dir,
                           self->arguments->options->mode == VT_IMAGE_EDIT,
                           self->arguments->force_tcg, self->sink, error);
  return self->appliance != NULL;
}

static gboolean
inspect_in_appliance (Reader *self, GError **error)
{
  const VtImageOptions *options = self->arguments->options;
  const char *const *keys = (const char *const *)options->keys;

  if (!launch (self, error) || !vt_image_sink_phase (self->sink, "inspect", error))
    return FALSE;
  self->filesystems = vt_guestfs_inspect (self->appliance->g, keys, options->mode == VT_IMAGE_EDIT,
                                          self->sink, error);
  return self->filesystems != NULL;
}

/* Says what the walker has found. Without an appliance, what it refused cannot be read at all. */
static gboolean
report_volumes (Reader *self, GError **error)
{
  gboolean any = FALSE;

  self->filesystems = g_ptr_array_new ();
  for (guint i = 0; i < self->systems->len; i++)
    if (!vt_image_sink_system (self->sink, g_ptr_array_index (self->systems, i), error))
      return FALSE;
  for (guint i = 0; i < self->volumes->len; i++) {
    const VtVolume *volume = g_ptr_array_index (self->volumes, i);

    if (volume->kind == VT_VOLUME_REFUSED) {
      volume->filesystem->reason = VT_REASON_READ_ERROR;
      g_free (volume->filesystem->detail);
      volume->filesystem->detail = g_strdup_printf ("cannot be read directly: %s", volume->refusal);
    }
    any = any || volume->kind != VT_VOLUME_EMPTY;
    g_ptr_array_add (self->filesystems, volume->filesystem);
    if (!vt_image_sink_filesystem (self->sink, volume->filesystem, error))
      return FALSE;
  }
  /* Nothing was scanned then, and nothing must be said to be clean. */
  if (!any)
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NO_FILESYSTEM,
                         "no file system that is known: not a disk image, or a damaged one");
  return any;
}

static gboolean
inspect (Reader *self, GError **error)
{
  if (may_read_directly (self) && !probe (self, error))
    return FALSE;
  if (self->volumes == NULL && self->arguments->options->backend == VT_BACKEND_DIRECT) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "cannot be read directly: %s",
                 find_refusal (self, VT_REFUSED_ALL));
    return FALSE;
  }
  return needs_appliance (self) ? inspect_in_appliance (self, error) : report_volumes (self, error);
}

/* The index of the readable volume that is this file system, or -1. */
static gint
find_volume (const Reader *self, const VtFilesystem *filesystem)
{
  for (guint i = 0; self->volumes != NULL && i < self->volumes->len; i++) {
    const VtVolume *volume = g_ptr_array_index (self->volumes, i);

    if (volume->kind == VT_VOLUME_READABLE &&
        g_str_equal (volume->filesystem->id, filesystem->id) &&
        g_str_equal (volume->filesystem->type, filesystem->type) &&
        volume->filesystem->size == filesystem->size)
      return (gint)i;
  }
  return -1;
}

static gboolean
read_directly (Reader *self, guint volume, const VtReadPlan *plan, GError **error)
{
  const char *id = plan->filesystem->id;
  g_autofree char *refusal = NULL;
  g_autoptr (GError) lost = NULL;

  if (!vt_image_sink_direct (self->sink, id, error))
    return FALSE;
  if (!vt_direct_read (self->direct, volume, plan, &refusal, &lost))
    return refuse (self, id, lost->message, error);
  if (refusal != NULL)
    return refuse (self, id, refusal, error);
  return vt_image_sink_direct (self->sink, "", error);
}

/* What cannot be read costs that file system, not the scan. */
static gboolean
read_filesystem (Reader *self, guint index, VtReadOutcome *outcome, GError **error)
{
  const VtFilesystem *filesystem = g_ptr_array_index (self->filesystems, index);
  const VtReadPlan plan = {filesystem, index, self->arguments->options, self->sink};
  gint volume = find_volume (self, filesystem);

  vt_read_outcome_set (outcome, filesystem->reason, filesystem->detail);
  if (!vt_guestfs_is_readable (filesystem))
    return vt_image_sink_expect (self->sink, 0, 0, 0, error);
  if (volume >= 0)
    return read_directly (self, (guint)volume, &plan, error);
  if (!vt_guestfs_read_filesystem (self->appliance, &plan, self->arguments->run_dir, outcome,
                                   error))
    return FALSE;
  if (outcome->reason != VT_REASON_NONE)
    vt_image_sink_log (self->sink, G_LOG_LEVEL_WARNING, "%s cannot be read whole: %s",
                       filesystem->id, outcome->detail);
  return TRUE;
}

static gboolean
read_all (Reader *self, GError **error)
{
  if (!vt_image_sink_phase (self->sink, "read", error))
    return FALSE;
  for (guint i = 0; i < self->filesystems->len; i++) {
    g_auto (VtReadOutcome) outcome = {0};

    if (!read_filesystem (self, i, &outcome, error) ||
        !vt_image_sink_filesystem_end (self->sink, i, outcome.reason, outcome.detail, error))
      return FALSE;
  }
  return TRUE;
}

/* Without reading, a file system's judgement is all there is to say of it. */
static gboolean
end_all (Reader *self, GError **error)
{
  for (guint i = 0; i < self->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (self->filesystems, i);

    if (!vt_image_sink_filesystem_end (self->sink, i, filesystem->reason, filesystem->detail,
                                       error))
      return FALSE;
  }
  return TRUE;
}

/* The walker's volumes, for the file systems that were reported. */
static gint *
number_volumes (const Reader *self)
{
  gint *volumes = g_new (gint, self->filesystems->len);

  for (guint i = 0; i < self->filesystems->len; i++) {
    /* Without the appliance, they are the walker's own. */
    gboolean is_empty =
        self->appliance == NULL &&
        ((const VtVolume *)g_ptr_array_index (self->volumes, i))->kind == VT_VOLUME_EMPTY;

    volumes[i] =
        is_empty ? VT_FETCH_EMPTY : find_volume (self, g_ptr_array_index (self->filesystems, i));
  }
  return volumes;
}

static gboolean
fetch (Reader *self, GError **error)
{
  g_autofree gint *volumes = number_volumes (self);
  const VtImageFetch job = {
      .options = self->arguments->options,
      .sink = self->sink,
      .filesystems = self->filesystems,
      .volumes = volumes,
      .direct = self->direct,
      .appliance = self->appliance,
  };
  const char *id = NULL;
  g_autofree char *refusal = NULL;

  if (!vt_image_sink_phase (self->sink, "read", error))
    return FALSE;
  if (!vt_image_fetch_all (&job, &id, &refusal, error))
    return refusal != NULL && refuse (self, id, refusal, error);
  return end_all (self, error);
}

/* The end in order is what makes the overlay whole: nothing is kept back, and nothing failed. */
static gboolean
edit (Reader *self, GError **error)
{
  if (!vt_image_sink_phase (self->sink, "edit", error) ||
      !vt_guestfs_edit (self->appliance->g, self->filesystems, self->arguments->options->edits,
                        self->sink, error))
    return FALSE;
  vt_image_sink_alive (self->sink);
  return vt_appliance_shutdown (self->appliance, error) &&
         vt_block_export_finish (self->export, error) && end_all (self, error);
}

static gboolean
read_image (Reader *self, GError **error)
{
  if (!vt_image_fetch_check (self->arguments->options, error) || !export_image (self, error) ||
      !inspect (self, error))
    return FALSE;
  switch (self->arguments->options->mode) {
  case VT_IMAGE_READ:
  case VT_IMAGE_LIST:
    return read_all (self, error);
  case VT_IMAGE_FETCH:
    return fetch (self, error);
  case VT_IMAGE_EDIT:
    return edit (self, error);
  case VT_IMAGE_INSPECT:
  default:
    return end_all (self, error);
  }
}

int
vt_image_reader_main (int socket, GVariant *value)
{
  g_auto (VtReaderArguments) arguments = {0};
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_auto (Reader) self = {.arguments = &arguments, .sink = sink};
  g_autoptr (GError) error = NULL;
  gboolean sent;

  vt_reader_arguments_parse (&arguments, value);
  vt_image_sink_set_underway (sink, arguments.underway);
  if (read_image (&self, &error)) {
    sent = vt_image_sink_done (sink, NULL);
  } else if (self.refused) {
    sent = TRUE;
  } else {
    /* The starter may be gone: then there is nobody to tell. */
    sent = vt_image_sink_failed (sink, error, NULL);
  }
  return sent ? EXIT_SUCCESS : EXIT_FAILURE;
}
