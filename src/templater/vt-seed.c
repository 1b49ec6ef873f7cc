// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-seed.h"

#include <stdio.h>
#include <unistd.h>

#include "vt-commit.h"
#include "vt-image-run.h"
#include "vt-judge.h"
#include "vt-overlay.h"
#include "vt-report.h"
#include "vt-seed-edits.h"
#include "vt-template-source.h"

/* A bit more than what a file must not have been changed for, in microseconds. */
#define SETTLE_US ((gint64)2500 * 1000)

typedef struct {
  VtSession *session;
  const VtSeedOrder *order;
  VtRunDir *run_dir;       /* for what is put into the image */
  VtOverlay *overlay;      /* NULL if nothing is changed in the image */
  VtImageOptions *options; /* of the image with the overlay */
  char *id;                /* of the template that is refreshed */
  VtCommitTarget target;
} Seed;

static void
seed_clear (Seed *self)
{
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->options, vt_image_options_free);
  g_clear_pointer (&self->overlay, vt_overlay_free);
  g_clear_pointer (&self->run_dir, vt_run_dir_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seed, seed_clear)

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  const Seed *self = user_data;
  const VtCliOptions *cli = self->session->cli;
  g_autofree char *image = vt_report_escape (self->order->image);
  g_autofree char *safe = vt_report_escape (text);

  if (level > G_LOG_LEVEL_WARNING ? cli->verbose : !cli->quiet)
    fprintf (stderr, "vtemplater: %s: %s\n", image, safe);
}

static void
say (const Seed *self, const char *what)
{
  if (self->session->progress != VT_PROGRESS_NONE)
    fprintf (stderr, "vtemplater: %s\n", what);
}

/* Whether it is one that can be a template, told before anything is done. */
static gboolean
look_at_image (Seed *self, guint64 *virtual_size, GError **error)
{
  const VtImageRun run = {.message = on_message, .user_data = self};
  g_autoptr (VtImageOptions) options = vt_image_options_copy (self->options);
  g_autoptr (VtScanResult) result = vt_scan_result_new (self->order->image);

  options->mode = VT_IMAGE_INSPECT;
  if (!vt_image_run (self->session->spawner, options, result, &run, self->session->cancellable,
                     error))
    return FALSE;
  *virtual_size = result->virtual_size;
  if (result->systems->len > 0 &&
      g_strcmp0 (((const VtOperatingSystem *)g_ptr_array_index (result->systems, 0))->type,
                 "linux") == 0)
    return TRUE;
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
                       "no Linux system is in it, so there is nowhere to put the clean cache");
  return FALSE;
}

static gboolean
add_overlay (Seed *self, guint64 virtual_size, GError **error)
{
  self->run_dir = vt_run_dir_new (error);
  if (self->run_dir == NULL)
    return FALSE;
  self->overlay = vt_overlay_new (virtual_size, error);
  if (self->overlay == NULL)
    return FALSE;
  self->options->overlay = g_strdup (vt_overlay_get_path (self->overlay));
  return TRUE;
}

/* A template keeps its name as long as it is one by the same key. */
static gboolean
find_id (Seed *self, GError **error)
{
  const VtStatementPolicy policy = {.now = g_get_real_time () / G_USEC_PER_SEC, .max_age_s = -1};
  const VtPublicKey *key = vt_private_key_get_public (self->order->wish.key);
  g_auto (VtTemplateParts) parts = VT_TEMPLATE_PARTS_INIT;
  g_autoptr (VtTemplate) template = NULL;
  g_autoptr (GError) failure = NULL;

  if (!vt_template_parts_fetch_with (&parts, self->session->spawner, self->options, on_message,
                                     self, error))
    return FALSE;
  template = vt_template_parts_open (&parts, key, &policy, NULL, &failure);
  /* One that has expired is what this is for. */
  if (template == NULL &&
      !g_error_matches (failure, VT_STATEMENT_ERROR, VT_STATEMENT_ERROR_EXPIRED)) {
    g_propagate_prefixed_error (error, g_steal_pointer (&failure),
                                "no template that can be refreshed with this key: ");
    return FALSE;
  }
  self->id = template != NULL ? g_strdup (vt_template_get_statement (template)->template_id) : NULL;
  return TRUE;
}

static gboolean
open_image (Seed *self, GError **error)
{
  const VtSeedOrder *order = self->order;
  guint64 virtual_size;

  self->options = vt_session_new_image_options (self->session, order->image);
  if (order->kind != VT_SEED_REFRESH_BESIDE && order->output == NULL &&
      !vt_commit_target_look_at (order->image, &self->target, error))
    return FALSE;
  if (!look_at_image (self, &virtual_size, error) ||
      (order->kind != VT_SEED_NEW && !find_id (self, error)))
    return FALSE;
  return order->kind == VT_SEED_REFRESH_BESIDE || add_overlay (self, virtual_size, error);
}

/* EDITS are taken. */
static gboolean
edit (Seed *self, GPtrArray *edits, GError **error)
{
  const VtImageRun run = {.message = on_message, .user_data = self};
  g_autoptr (VtImageOptions) options = vt_image_options_copy (self->options);
  g_autoptr (VtScanResult) result = vt_scan_result_new (self->order->image);

  options->mode = VT_IMAGE_EDIT;
  g_clear_pointer (&options->edits, g_ptr_array_unref);
  options->edits = edits;
  return vt_image_run (self->session->spawner, options, result, &run, self->session->cancellable,
                       error);
}

static gboolean
edit_first (Seed *self, GError **error)
{
  g_autofree char *key = g_build_filename (vt_run_dir_get_path (self->run_dir), "key", NULL);
  g_autoptr (GPtrArray) edits = vt_image_edits_new ();

  say (self, "preparing the image");
  return vt_public_key_write (vt_private_key_get_public (self->order->wish.key), key, error) &&
         vt_seed_add_first_edits (edits, key, self->order->agent, error) &&
         edit (self, g_steal_pointer (&edits), error);
}

/* What has just been written is not known by its time of change (vt-clean-rows.h): for nobody to
 * have to read it in each clone, it is given that time. */
static void
let_settle (const Seed *self)
{
  gint64 end = g_get_monotonic_time () + SETTLE_US;

  while (!g_cancellable_is_cancelled (self->session->cancellable) && g_get_monotonic_time () < end)
    g_usleep (G_USEC_PER_SEC / 10);
}

static gboolean
edit_last (Seed *self, const VtMadeTemplate *made, GError **error)
{
  g_autofree char *file = g_build_filename (vt_run_dir_get_path (self->run_dir), "envelope", NULL);
  g_autoptr (GPtrArray) edits = vt_image_edits_new ();
  gsize size;
  const char *envelope = g_bytes_get_data (made->envelope, &size);

  say (self, "putting the clean cache into the image");
  if (!g_file_set_contents (file, envelope, (gssize)size, error))
    return FALSE;
  vt_seed_add_last_edits (edits, made, file);
  return edit (self, g_steal_pointer (&edits), error);
}

static gboolean
put_in_place (Seed *self, GError **error)
{
  const VtSeedOrder *order = self->order;

  say (self, "writing the image");
  if (order->output != NULL)
    return vt_commit_to_new_file (self->session->spawner, self->options, order->output,
                                  order->output_format, self->session->cancellable, error);
  return vt_commit_in_place (self->session->spawner, self->options, &self->target,
                             self->session->cancellable, error);
}

static gboolean
finish (Seed *self,
        VtManifest *manifest,
        const VtScanResult *result,
        VtMadeTemplate *made,
        GError **error)
{
  VtTemplateWish wish = self->order->wish;

  wish.id = self->id;
  if (!vt_template_make (self->session, manifest, result, &wish, made, error))
    return FALSE;
  return self->overlay == NULL || (edit_last (self, made, error) && put_in_place (self, error));
}

/* FALSE, with an error. */
static gboolean
prepare (Seed *self, GError **error)
{
  if (!open_image (self, error))
    return FALSE;
  if (self->order->kind != VT_SEED_NEW)
    return TRUE;
  if (!edit_first (self, error))
    return FALSE;
  let_settle (self);
  return TRUE;
}

VtSeedOutcome
vt_seed (VtSession *session,
         const VtSeedOrder *order,
         VtScanResult **result,
         VtMadeTemplate *made,
         GError **error)
{
  g_auto (Seed) self = {.session = session, .order = order};
  g_auto (VtMadeTemplate) new = VT_MADE_TEMPLATE_INIT;
  g_autoptr (VtManifest) manifest = vt_manifest_new (error);

  *result = NULL;
  if (manifest == NULL || !prepare (&self, error))
    return VT_SEED_FAILED;
  *result = vt_session_scan (session, self.options, NULL, manifest);
  if ((*result)->error != NULL || (*result)->partial)
    return VT_SEED_FAILED;
  if (vt_judge_result (*result, session->cli->allow_incomplete) != VT_EXIT_CLEAN)
    return VT_SEED_REFUSED;
  if (!finish (&self, manifest, *result, &new, error))
    return VT_SEED_FAILED;
  *made = new;
  new = (VtMadeTemplate)VT_MADE_TEMPLATE_INIT;
  return VT_SEED_DONE;
}
