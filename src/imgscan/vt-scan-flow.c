// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A content's way through a scan: hashed in a thread, looked up in the store, scanned by the
 * engine, opened if it is a container.
 *
 * The engine is asked once for contents that are the same and come while it is at it, whatever
 * scopes they are of. Files that are the same also wait for one of them to be opened
 * (vt-scan-flights.c). A scope that ends early takes nobody along: what waited for one of its
 * contents, and is of a scope that goes on, is looked up once more.
 */
#include "vt-scan-flights-private.h"
#include "vt-scan-scope-private.h"

#include "vt-fd.h"

/* Verdicts of a scope that are not for the store; a few MB. */
#define FAILURES_MAX 20000

VtScanContent *
vt_scan_content_new (VtScanScope *scope,
                     VtScanContent *container,
                     int file,
                     guint64 size,
                     VtScanContentFunc done,
                     gpointer user_data)
{
  VtScanContent *self = g_new0 (VtScanContent, 1);

  self->scope = vt_scan_scope_ref (scope);
  self->container = container;
  self->depth = container != NULL ? container->depth + 1 : 0;
  self->file = file;
  self->size = size;
  self->done = done;
  self->user_data = user_data;
  return self;
}

void
vt_scan_content_free (VtScanContent *self)
{
  g_clear_pointer (&self->followers, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_strfreev (self->members);
  vt_fd_clear (&self->file);
  vt_scan_scope_unref (self->scope);
  g_free (self);
}

VtScanContent *
vt_scan_content_get_file (VtScanContent *self)
{
  while (self->container != NULL)
    self = self->container;
  return self;
}

/* As a file of its own it might get another verdict. */
static gboolean
depends_on_place (const VtScanContent *self)
{
  return self->depth > 0 && self->cut_short && self->verdict.kind == VT_VERDICT_INCOMPLETE;
}

static gboolean
is_passing (const VtScanContent *self)
{
  return !vt_verdict_is_repeatable (&self->verdict) ||
         (self->passing && self->verdict.kind == VT_VERDICT_INCOMPLETE);
}

/* For the copies that come later. */
static void
remember_failure (VtScanContent *self)
{
  VtKnownVerdict *failure = g_new0 (VtKnownVerdict, 1);

  /* To find one of them out again is better than to grow for ever. */
  if (g_hash_table_size (self->scope->failures) >= FAILURES_MAX)
    vt_scan_scope_forget_failures (self->scope);
  failure->verdict = self->verdict;
  failure->members = g_strdupv (self->members);
  failure->passing = self->passing;
  g_hash_table_replace (self->scope->failures, g_memdup2 (&self->digest, sizeof self->digest),
                        failure);
}

static void
keep_verdict (VtScanContent *self)
{
  const VtScanContext *context = &self->scope->context;
  g_autoptr (GError) error = NULL;

  if (is_passing (self))
    remember_failure (self);
  else if (self->source == VT_SOURCE_ENGINE &&
           !vt_store_insert (context->store, context->engine_id->id, &self->digest, self->size,
                             &self->verdict, (const char *const *)self->members, &error))
    self->scope->events->store_failed (error, self->scope->user_data);
}

static void look_up (VtScanContent *self);

/*
 * What a content came to may be its own only: for what is around it; because its scope ended before
 * it was looked at; or for want of what each image has for itself (appliances), which one image
 * must not use up for another.
 */
static gboolean
holds_for (const VtScanContent *self, const VtScanContent *follower)
{
  if (follower->scope->ended)
    return TRUE;
  return !depends_on_place (self) && !self->scope->ended &&
         (follower->scope == self->scope || !self->passing ||
          self->verdict.kind != VT_VERDICT_INCOMPLETE);
}

/* The same verdict for all that waited for it; or, if it is this one's only, one of them tries. */
static void
settle_followers (VtScanContent *self, GPtrArray *followers)
{
  for (guint i = 0; i < followers->len; i++) {
    VtScanContent *follower = g_ptr_array_index (followers, i);

    if (!holds_for (self, follower)) {
      look_up (follower);
      continue;
    }
    follower->members = g_strdupv (self->members);
    follower->passing = self->passing;
    vt_scan_content_settle (follower, &self->verdict,
                            self->source == VT_SOURCE_NONE ? VT_SOURCE_NONE : VT_SOURCE_STORE);
  }
}

void
vt_scan_content_settle (VtScanContent *self, const VtVerdict *verdict, VtSource source)
{
  VtScanScope *scope = self->scope;
  g_autoptr (GPtrArray) followers = vt_scan_flights_land (scope->context.flights, self);

  self->verdict = *verdict;
  self->source = source;
  if (source != VT_SOURCE_NONE && !scope->ended && !depends_on_place (self))
    keep_verdict (self);
  if (followers != NULL)
    settle_followers (self, followers);
  self->done (self, self->user_data);
}

static void
take_engine_verdict (VtScanContent *self, const VtVerdict *verdict, VtSource source)
{
  /* Not before: what is known already need not be looked at. */
  self->kind = vt_container_recognise (self->file, self->size, &self->type);
  if (!self->scope->ended && vt_scan_opening_is_due (self, verdict))
    vt_scan_opening_start (self, verdict);
  else
    vt_scan_content_settle (self, verdict, source);
}

gboolean
vt_scan_content_is_too_large (const VtScanContent *self)
{
  return self->size > self->scope->context.limits->max_file_size;
}

static void ask_engine (VtScanContent *self);

/* The scope that had asked is no more: one of those that go on asks, for all of them. */
static void
ask_again (GPtrArray *contents, const VtVerdict *verdict)
{
  for (guint i = 0; i < contents->len; i++) {
    VtScanContent *content = g_ptr_array_index (contents, i);

    if (content->scope->ended)
      take_engine_verdict (content, verdict, VT_SOURCE_ENGINE);
    else
      ask_engine (content);
  }
}

/* The first one of a scope that goes on counts as scanned, and keeps the verdict. */
static void
hand_out (GPtrArray *contents, const VtVerdict *verdict)
{
  VtSource source = VT_SOURCE_ENGINE;

  for (guint i = 0; i < contents->len; i++) {
    VtScanContent *content = g_ptr_array_index (contents, i);
    gboolean goes_on = !content->scope->ended;

    take_engine_verdict (content, verdict, source);
    if (goes_on)
      source = VT_SOURCE_STORE;
  }
}

static void
on_scanned (const VtVerdict *verdict, gpointer user_data)
{
  VtScanContent *first = user_data;
  g_autoptr (GPtrArray) contents = vt_scan_flights_answer (first->scope->context.flights, first);
  const VtVerdict kept = *verdict;
  /* As what is withdrawn gets it. */
  gboolean is_unanswered = first->scope->ended && kept.kind == VT_VERDICT_INCOMPLETE &&
                           kept.reason == VT_REASON_ENGINE_ERROR;

  if (is_unanswered)
    ask_again (contents, &kept);
  else
    hand_out (contents, &kept);
}

static void
ask_engine (VtScanContent *self)
{
  VtScanScope *scope = self->scope;

  /* Also where another scope has asked: if there is no engine, each of them is told. */
  scope->events->need_engine (scope->user_data);
  if (!vt_scan_flights_ask (scope->context.flights, self))
    return;
  vt_scan_pool_submit (scope->context.pool, scope, self->file, self->size, on_scanned, self);
}

/* A container that contains itself can be unpacked for ever. */
static gboolean
is_in_itself (const VtScanContent *self)
{
  for (const VtScanContent *around = self->container; around != NULL; around = around->container)
    if (vt_digest_equal (&around->digest, &self->digest))
      return TRUE;
  return FALSE;
}

/* A password that was given now may open what was encrypted before. */
static gboolean
is_worth_a_try (const VtScanContent *self, const VtVerdict *known)
{
  return known->kind == VT_VERDICT_INCOMPLETE && known->reason == VT_REASON_ENCRYPTED &&
         self->scope->context.passwords != NULL;
}

/*
 * What engines before the one in force say, and a template. Nothing older is for members: of their
 * verdicts one of the engine in force is made, for the container, and that is kept.
 */
static gboolean
find_elsewhere (VtScanContent *self, VtVerdict *verdict, VtSource *source, GError **error)
{
  const VtScanContext *context = &self->scope->context;
  VtTemplate *template = context->template;
  gboolean current = template != NULL && vt_template_get_age (template) == 0;
  GError *failed = NULL;
  gint64 age;

  if (current && vt_template_lookup (template, &self->digest, verdict, &self->members, source,
                                     &self->verdict_age))
    return TRUE;
  if (self->depth > 0)
    return FALSE;
  if (vt_store_lookup_older (context->store, &self->digest, self->size, verdict, &age, &failed)) {
    /* What is not clean is for the engine in force to say. */
    self->verdict_age = verdict->kind == VT_VERDICT_CLEAN ? age : 0;
    return verdict->kind == VT_VERDICT_CLEAN;
  }
  if (failed == NULL)
    return template != NULL && !current &&
           vt_template_lookup (template, &self->digest, verdict, &self->members, source,
                               &self->verdict_age);
  g_propagate_error (error, failed);
  return FALSE;
}

static gboolean
find_known (VtScanContent *self, VtVerdict *verdict, VtSource *source, GError **error)
{
  const VtScanContext *context = &self->scope->context;
  const VtKnownVerdict *failure = g_hash_table_lookup (self->scope->failures, &self->digest);
  GError *failed = NULL;

  *source = VT_SOURCE_STORE;

  if (failure != NULL) {
    *verdict = failure->verdict;
    self->members = g_strdupv (failure->members);
    self->passing = failure->passing;
    return TRUE;
  }
  if (vt_store_lookup (context->store, context->engine_id->id, &self->digest, self->size, verdict,
                       &self->members, &failed)) {
    if (!is_worth_a_try (self, verdict))
      return TRUE;
    g_clear_pointer (&self->members, g_strfreev);
    return FALSE;
  }
  if (failed == NULL)
    return find_elsewhere (self, verdict, source, error);
  g_propagate_error (error, failed);
  return FALSE;
}

static void
look_up (VtScanContent *self)
{
  g_autoptr (GError) error = NULL;
  VtVerdict verdict;
  VtSource source;

  if (is_in_itself (self)) {
    self->cut_short = TRUE;
    verdict = vt_verdict_incomplete (VT_REASON_RECURSION_LIMIT);
    vt_scan_content_settle (self, &verdict, VT_SOURCE_NONE);
  } else if (find_known (self, &verdict, &source, &error)) {
    vt_scan_content_settle (self, &verdict, source);
  } else if (error != NULL) {
    self->scope->events->failed (error, self->scope->user_data);
    verdict = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
    vt_scan_content_settle (self, &verdict, VT_SOURCE_NONE);
  } else if (vt_scan_flights_take_lead (self->scope->context.flights, self)) {
    verdict = vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
    if (vt_scan_content_is_too_large (self))
      take_engine_verdict (self, &verdict, VT_SOURCE_NONE);
    else
      ask_engine (self);
  }
}

static gboolean
on_hashed (gpointer user_data)
{
  VtScanContent *self = user_data;
  g_autoptr (VtScanScope) scope = vt_scan_scope_ref (self->scope);
  const VtVerdict unread = vt_verdict_incomplete (VT_REASON_READ_ERROR);

  scope->hashing--;
  if (self->error != NULL || scope->ended)
    vt_scan_content_settle (self, &unread, VT_SOURCE_NONE);
  else
    look_up (self);
  scope->events->hashed (scope->user_data);
  return G_SOURCE_REMOVE;
}

void
vt_scan_content_hash (gpointer data, gpointer user_data)
{
  VtScanContent *self = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  /* A large file takes a while. */
  self->has_digest = vt_digest_of_fd_until (self->file, self->size, &self->scope->ended,
                                            &self->digest, &self->error);
  /* Not g_main_context_invoke(): between two iterations that would run the callback here. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_hashed, self, NULL);
  g_source_attach (source, self->scope->main_context);
}

void
vt_scan_content_start (VtScanContent *self)
{
  self->scope->hashing++;
  g_thread_pool_push (self->scope->hashers, self, NULL);
}
