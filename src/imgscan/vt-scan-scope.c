// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-scope-private.h"

#include "vt-scan-content-private.h"

static void
known_verdict_free (gpointer data)
{
  VtKnownVerdict *self = data;

  g_strfreev (self->members);
  g_free (self);
}

VtScanScope *
vt_scan_scope_new (const VtScanContext *context,
                   const VtImageOptions *image,
                   const VtScanScopeEvents *events,
                   gpointer user_data)
{
  VtScanScope *self = g_new0 (VtScanScope, 1);

  g_ref_count_init (&self->references);
  self->context = *context;
  if (context->template != NULL)
    vt_template_ref (context->template);
  self->events = events;
  self->user_data = user_data;
  self->main_context = g_main_context_ref_thread_default ();
  self->hashers =
      g_thread_pool_new (vt_scan_content_hash, NULL, (gint)g_get_num_processors (), FALSE, NULL);
  self->nested = vt_nested_reader_new (context->spawner, image);
  self->failures =
      g_hash_table_new_full (vt_digest_hash, vt_digest_equal, g_free, known_verdict_free);
  self->openings = g_hash_table_new (NULL, NULL);
  return self;
}

VtScanScope *
vt_scan_scope_ref (VtScanScope *self)
{
  g_ref_count_inc (&self->references);
  return self;
}

void
vt_scan_scope_unref (VtScanScope *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_thread_pool_free (self->hashers, FALSE, TRUE);
  g_clear_pointer (&self->nested, vt_nested_reader_free);
  g_hash_table_unref (self->failures);
  g_hash_table_unref (self->openings);
  g_clear_pointer (&self->context.template, vt_template_unref);
  g_main_context_unref (self->main_context);
  g_free (self);
}

/* Whom to answer. */
typedef struct {
  VtScanAnswerFunc func;
  gpointer user_data;
} Question;

static void
on_settled (VtScanContent *settled, gpointer user_data)
{
  g_autoptr (VtScanContent) content = settled;
  g_autofree Question *question = user_data;
  const VtScanAnswer answer = {
      .has_digest = content->has_digest,
      .digest = content->digest,
      .verdict = content->verdict,
      .members = (const char *const *)content->members,
      .source = content->source,
  };

  question->func (&answer, question->user_data);
}

void
vt_scan_scope_scan (
    VtScanScope *self, int file, guint64 size, VtScanAnswerFunc func, gpointer user_data)
{
  Question *question = g_new (Question, 1);

  *question = (Question){func, user_data};
  vt_scan_content_start (vt_scan_content_new (self, NULL, file, size, on_settled, question));
}

const VtScanContext *
vt_scan_scope_get_context (const VtScanScope *self)
{
  return &self->context;
}

void
vt_scan_scope_forget_failures (VtScanScope *self)
{
  g_hash_table_remove_all (self->failures);
}

guint
vt_scan_scope_get_hashing (const VtScanScope *self)
{
  return self->hashing;
}

void
vt_scan_scope_end (VtScanScope *self)
{
  self->ended = TRUE;
}

gboolean
vt_scan_scope_has_ended (const VtScanScope *self)
{
  return self->ended;
}

void
vt_scan_scope_take_down (VtScanScope *self)
{
  self->ended = TRUE;
  vt_scan_opening_stop_all (self);
  g_clear_pointer (&self->nested, vt_nested_reader_free);
  vt_scan_pool_withdraw (self->context.pool, self);
}
