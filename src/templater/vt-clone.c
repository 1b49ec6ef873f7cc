// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clone.h"

#include "vt-report.h"
#include "vt-template-source.h"

void
vt_clone_clear (VtClone *self)
{
  g_clear_pointer (&self->common, vt_template_unref);
  g_clear_pointer (&self->key, vt_public_key_free);
}

gboolean
vt_clone_init (VtClone *self, VtSession *session, GError **error)
{
  const VtCliOptions *cli = session->cli;

  self->session = session;
  self->now = g_get_real_time () / G_USEC_PER_SEC;
  self->max_age_s = vt_cli_get_max_verdict_age (cli);
  if (cli->attestation != NULL &&
      (cli->template == NULL || vt_template_is_envelope (cli->template))) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--attestation needs --template with the template's image");
    return FALSE;
  }
  if (cli->pubkey != NULL) {
    self->key = vt_public_key_load (cli->pubkey, error);
    return self->key != NULL;
  }
  if (cli->template == NULL)
    return TRUE;
  g_set_error_literal (
      error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "--template needs --pubkey: without the key it was signed with, a template is "
      "not trusted");
  return FALSE;
}

/* How old it is decides later what of it counts. */
static VtStatementPolicy
get_policy (const VtClone *self)
{
  return (VtStatementPolicy){.now = self->now, .max_age_s = -1};
}

/* IMAGE is as vt_template_new() has it. */
static VtTemplate *
open_in_image (VtClone *self, const VtImageOptions *options, const char *image, GError **error)
{
  g_auto (VtTemplateParts) parts = VT_TEMPLATE_PARTS_INIT;
  const VtStatementPolicy policy = get_policy (self);

  if (!vt_template_parts_fetch (&parts, self->session->spawner, options, self->session->cancellable,
                                error))
    return NULL;
  return vt_template_parts_open (&parts, self->key, &policy, image, error);
}

/* IMAGE is as vt_template_new() has it. */
static VtTemplate *
open_beside (VtClone *self, const char *file, const char *image, GError **error)
{
  g_auto (VtTemplateParts) parts = VT_TEMPLATE_PARTS_INIT;
  const VtStatementPolicy policy = get_policy (self);

  if (!vt_template_parts_read (&parts, file, error))
    return NULL;
  return vt_template_parts_open (&parts, self->key, &policy, image, error);
}

gboolean
vt_clone_open (VtClone *self, GError **error)
{
  const char *file = self->session->cli->template;
  g_autoptr (VtImageOptions) options = NULL;

  if (file == NULL)
    return TRUE;
  if (vt_template_is_envelope (file)) {
    self->common = open_beside (self, file, NULL, error);
  } else if (self->session->cli->attestation != NULL) {
    self->common = open_beside (self, self->session->cli->attestation, file, error);
  } else {
    options = vt_cli_make_image_options (self->session->cli, file);
    g_clear_pointer (&options->snapshot, g_free);
    g_clear_pointer (&options->format, g_free);
    self->common = open_in_image (self, options, file, error);
  }
  if (self->common != NULL)
    return TRUE;
  g_prefix_error (error, "--template %s: ", file);
  return FALSE;
}

/* The operator has named it: so an image may lie upon it. */
static void
allow_template (const VtClone *self, VtImageOptions *options)
{
  const char *file = self->session->cli->template;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (file == NULL || options->file != NULL || vt_template_is_envelope (file))
    return;
  g_strv_builder_addv (builder, (const char **)options->backing);
  g_strv_builder_add (builder, file);
  g_strfreev (options->backing);
  options->backing = g_strv_builder_end (builder);
}

static gboolean
is_about_the_cache (const GError *error)
{
  /* What is wrong with the image itself the scan says once more. */
  return g_error_matches (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE) ||
         (error->domain != VT_IMAGE_ERROR && error->domain != G_IO_ERROR);
}

/* The cache that the image itself has. */
static gboolean
find_own (VtClone *self, const VtImageOptions *options, VtTemplate **template, GError **error)
{
  g_autoptr (GError) failure = NULL;

  *template = open_in_image (self, options, NULL, &failure);
  if (failure == NULL)
    return TRUE;
  if (!is_about_the_cache (failure)) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  if (!self->session->cli->quiet) {
    g_autofree char *text = g_strconcat ("scanned without a template: ", failure->message, NULL);

    vt_progress_say (options->path, text);
  }
  return TRUE;
}

static gboolean
prepare (VtClone *self, VtImageOptions *options, VtTemplate *template, GError **error)
{
  if (!vt_template_prepare (template, self->session->engine_id, self->max_age_s, self->now,
                            self->session->store, error))
    return FALSE;
  vt_template_apply (template, options);
  return TRUE;
}

gboolean
vt_clone_prepare (VtClone *self, VtImageOptions *options, VtTemplate **template, GError **error)
{
  *template = NULL;
  if (self->key == NULL)
    return TRUE;
  allow_template (self, options);
  if (self->common != NULL)
    *template = vt_template_ref (self->common);
  else if (!find_own (self, options, template, error))
    return FALSE;
  if (*template == NULL || prepare (self, options, *template, error))
    return TRUE;
  g_clear_pointer (template, vt_template_unref);
  return FALSE;
}
