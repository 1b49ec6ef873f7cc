// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The contents that are too large for memory: the reader asks for a file on disk for each, and
 * waits for it until there is room.
 */
#include "vt-image-private.h"

#include "vt-content.h"
#include "vt-image-protocol.h"

static gboolean
answer (VtImage *self, int writer)
{
  GVariant *order = g_variant_new ("(yt)", (guchar)VT_IMAGE_ORDER_SPOOL, (guint64)0);
  g_autoptr (GError) error = NULL;

  /* A reader that is gone shows at its socket's end. */
  if (!vt_ipc_send (self->child.socket, order, &writer, writer >= 0, &error))
    g_debug ("image: %s", error->message);
  return TRUE;
}

/* There is none for this content, which is only hashed then. */
static gboolean
decline (VtImage *self, const char *why)
{
  g_autofree char *text = g_strdup_printf (
      "a file of %" G_GUINT64_FORMAT " bytes is not looked into: %s", self->spool_wanted, why);

  vt_image_say (self, G_LOG_LEVEL_WARNING, text);
  self->spool_wanted = 0;
  return answer (self, -1);
}

/* TRUE, always. */
static gboolean
pass_on_if_unused (VtImage *self)
{
  if (self->spools != NULL && self->spool == NULL && self->spool_held == 0)
    vt_spool_queue_pass_on (self->spools, self);
  return TRUE;
}

gboolean
vt_image_offer_spool (VtImage *self)
{
  g_autoptr (GError) error = NULL;
  vt_autofd writer = -1;

  if (self->spool_wanted == 0)
    return TRUE;
  if (self->spool_wanted > self->options->max_spool_size)
    return decline (self, "larger than --max-spool-size");
  /* What is held, by this image or another one, is given back some time. */
  if (self->spool_held > self->options->max_spool_size - self->spool_wanted ||
      (self->spools != NULL && !vt_spool_queue_enter (self->spools, self)))
    return TRUE;
  self->spool = vt_spool_new (self->spool_wanted, self->spool_data, &error);
  if (self->spool == NULL) {
    decline (self, error->message);
    return pass_on_if_unused (self);
  }
  self->spool_wanted = 0;
  writer = vt_spool_steal_writer (self->spool);
  return answer (self, writer);
}

gboolean
vt_image_want_spool (VtImage *self, guint64 size, guint64 data)
{
  if (self->spool_wanted != 0 || size <= self->options->max_file_size)
    return FALSE;
  /* A content that could not be read or written left the one before. */
  vt_image_drop_spool (self);
  self->spool_wanted = size;
  self->spool_data = MIN (size, data);
  return vt_image_offer_spool (self);
}

gboolean
vt_image_take_spool (VtImage *self, VtImageFile *file)
{
  g_autoptr (VtSpool) spool = g_steal_pointer (&self->spool);

  if (spool == NULL || vt_spool_get_size (spool) != file->result->size)
    return FALSE;
  file->memfd = vt_spool_finish (spool);
  file->spooled = file->result->size;
  return file->memfd >= 0;
}

void
vt_image_release_spooled (VtImage *self, const VtImageFile *file)
{
  if (file->spooled == 0)
    return;
  self->spool_held -= MIN (self->spool_held, file->spooled);
  pass_on_if_unused (self);
  vt_image_offer_spool (self);
}

void
vt_image_drop_spool (VtImage *self)
{
  g_clear_pointer (&self->spool, vt_spool_free);
  self->spool_wanted = 0;
  if (self->spools != NULL)
    vt_spool_queue_withdraw (self->spools, self);
  pass_on_if_unused (self);
}

static void
on_turn (gpointer image)
{
  vt_image_offer_spool (image);
}

VtSpoolQueue *
vt_image_spool_queue_new (void)
{
  return vt_spool_queue_new (on_turn);
}

void
vt_image_share_spools (VtImage *self, VtSpoolQueue *spools)
{
  self->spools = spools;
}
