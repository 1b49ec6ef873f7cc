// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-seed.h"

#include <unistd.h>

#include "vt-change.h"
#include "vt-judge.h"
#include "vt-seed-edits.h"
#include "vt-template-source.h"

/* A bit more than what a file must not have been changed for, in microseconds. */
#define SETTLE_US ((gint64)2500 * 1000)

typedef struct {
  VtSession *session;
  const VtSeedOrder *order;
  VtChange change;   /* with no overlay if nothing is changed in the image */
  VtRunDir *run_dir; /* for what is put into the image */
  char *id;          /* of the template that is refreshed */
} Seed;

static void
seed_clear (Seed *self)
{
  g_clear_pointer (&self->id, g_free);
  vt_change_clear (&self->change);
  g_clear_pointer (&self->run_dir, vt_run_dir_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seed, seed_clear)

/* Whether it is one that can be a template, told before anything is done. */
static gboolean
look_at_image (Seed *self, guint64 *virtual_size, GError **error)
{
  g_autoptr (VtScanResult) result = vt_scan_result_new (self->order->image);

  if (!vt_change_inspect (&self->change, result, error))
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
  return self->run_dir != NULL && vt_change_start_over (&self->change, virtual_size, error);
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

  if (!vt_template_parts_fetch_with (&parts, self->session->spawner, self->change.options,
                                     vt_change_print_message, &self->change,
                                     self->session->cancellable, error))
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

  vt_change_begin (&self->change, self->session, order->image);
  if (order->kind != VT_SEED_REFRESH_BESIDE &&
      !vt_change_aim (&self->change, order->output, order->output_format, error))
    return FALSE;
  if (!look_at_image (self, &virtual_size, error) ||
      (order->kind != VT_SEED_NEW && !find_id (self, error)))
    return FALSE;
  return order->kind == VT_SEED_REFRESH_BESIDE || add_overlay (self, virtual_size, error);
}

static gboolean
edit_first (Seed *self, GError **error)
{
  g_autofree char *key = g_build_filename (vt_run_dir_get_path (self->run_dir), "key", NULL);
  g_autoptr (GPtrArray) edits = vt_image_edits_new ();

  vt_change_say (&self->change, "preparing the image");
  return vt_public_key_write (vt_private_key_get_public (self->order->wish.key), key, error) &&
         vt_seed_add_first_edits (edits, key, self->order->agent, error) &&
         vt_change_edit (&self->change, edits, error);
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

  vt_change_say (&self->change, "putting the clean cache into the image");
  if (!g_file_set_contents (file, envelope, (gssize)size, error))
    return FALSE;
  vt_seed_add_last_edits (edits, made, file);
  return vt_change_edit (&self->change, edits, error);
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
  return self->change.overlay == NULL ||
         (edit_last (self, made, error) && vt_change_put_in_place (&self->change, error));
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
  *result = vt_session_scan (session, self.change.options, NULL, manifest);
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
