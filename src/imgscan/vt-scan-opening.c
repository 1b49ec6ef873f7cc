// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens a container and makes its verdict from the engine's word and those of its members.
 *
 * Whatever order the members' verdicts come in, the first member in the container's order decides,
 * so that the same container always gets the same answer.
 */
#include "vt-scan-content-private.h"
#include "vt-scan-job-private.h"

#include "vt-unpack-pool.h"

/* A verdict that a member brings, and which one that is. */
typedef struct {
  gboolean any;
  guint64 index;
  VtVerdict verdict;
  GStrv members;
} Worst;

typedef struct {
  VtScanContent *container;
  VtVerdict engine;       /* the engine's word on the container */
  VtMemberSource *source; /* NULL: stopped */
  gboolean ended;         /* no more members come */
  VtReason reason;        /* why not all of them came, or NONE */
  guint64 n_members;
  guint underway; /* members without a verdict */
  Worst infected;
  Worst incomplete;
} Opening;

typedef struct {
  Opening *opening;
  guint64 index;
  char *name;
  gpointer credit;
} Member;

static void
worst_clear (Worst *self)
{
  g_strfreev (self->members);
}

static void
opening_free (Opening *self)
{
  g_hash_table_remove (self->container->job->openings, self);
  g_clear_pointer (&self->source, vt_member_source_free);
  worst_clear (&self->infected);
  worst_clear (&self->incomplete);
  g_free (self);
}

/*
 * Reasons for which the engine did not look at all of a container, and which its members make up
 * for: each of them is looked at on its own, with the limits anew, and also what the engine cannot
 * unpack.
 */
#define MADE_UP_FOR                                                                                \
  (1u << VT_REASON_SIZE_LIMIT | 1u << VT_REASON_SCAN_LIMIT | 1u << VT_REASON_RECURSION_LIMIT |     \
   1u << VT_REASON_FILES_LIMIT | 1u << VT_REASON_TIME_LIMIT | 1u << VT_REASON_UNSUPPORTED)

static gboolean
is_made_up_for (const VtScanContent *container, const VtVerdict *engine)
{
  if (container->kind == VT_CONTAINER_NONE || container->kind == VT_CONTAINER_UNSUPPORTED ||
      engine->kind != VT_VERDICT_INCOMPLETE)
    return FALSE;
  if (engine->reason == VT_REASON_ENCRYPTED)
    return container->job->context.passwords != NULL;
  return (MADE_UP_FOR & 1u << engine->reason) != 0;
}

/* Where the engine's word is incomplete, an archive behind a program may be why. */
static gboolean
is_attached_due (const VtScanContent *content, const VtVerdict *engine)
{
  return engine->kind == VT_VERDICT_INCOMPLETE &&
         ((MADE_UP_FOR | 1u << VT_REASON_DAMAGED) & 1u << engine->reason) != 0 &&
         vt_container_has_attached (content->file, content->size);
}

gboolean
vt_scan_opening_is_due (const VtScanContent *content, const VtVerdict *engine)
{
  if (engine->kind == VT_VERDICT_INFECTED)
    return FALSE;
  if (content->kind == VT_CONTAINER_NONE)
    return vt_scan_content_is_too_large (content) || is_attached_due (content, engine);
  /* Of what is damaged, another library may unpack more than the engine did. */
  return content->kind != VT_CONTAINER_ENGINE || is_made_up_for (content, engine) ||
         (engine->kind == VT_VERDICT_INCOMPLETE && engine->reason == VT_REASON_DAMAGED);
}

/* The container's verdict; MEMBER gets the one that it comes from, or NULL. */
static VtVerdict
judge (const Opening *self, const Worst **member)
{
  *member = NULL;
  if (self->infected.any) {
    *member = &self->infected;
    return self->infected.verdict;
  }
  if (self->engine.kind != VT_VERDICT_CLEAN && !is_made_up_for (self->container, &self->engine))
    return self->engine;
  if (self->incomplete.any) {
    *member = &self->incomplete;
    return self->incomplete.verdict;
  }
  return self->reason != VT_REASON_NONE ? vt_verdict_incomplete (self->reason)
                                        : vt_verdict_clean ();
}

static void
settle (Opening *self)
{
  VtScanContent *container = self->container;
  const Worst *member;
  VtVerdict verdict = judge (self, &member);

  if (member != NULL)
    container->members = g_strdupv (member->members);
  opening_free (self);
  vt_scan_content_settle (container, &verdict, VT_SOURCE_ENGINE);
}

static void
settle_if_complete (Opening *self)
{
  if (self->ended && self->underway == 0)
    settle (self);
}

static void
stop (Opening *self, VtReason reason)
{
  g_clear_pointer (&self->source, vt_member_source_free);
  self->ended = TRUE;
  if (self->reason == VT_REASON_NONE)
    self->reason = reason;
}

static void
note (Worst *self, const Member *member, const VtVerdict *verdict, const char *const *members)
{
  if (self->any && self->index < member->index)
    return;
  worst_clear (self);
  self->any = TRUE;
  self->index = member->index;
  self->verdict = *verdict;
  self->members = vt_members_prepend (member->name, members);
}

static void
note_verdict (Opening *self,
              const Member *member,
              const VtVerdict *verdict,
              const char *const *members)
{
  if (verdict->kind == VT_VERDICT_INFECTED) {
    note (&self->infected, member, verdict, members);
    /* Those before it are all under way, and one after it would not be named. */
    stop (self, VT_REASON_NONE);
  } else if (verdict->kind != VT_VERDICT_CLEAN) {
    note (&self->incomplete, member, verdict, members);
  }
}

static void
member_free (Member *self)
{
  g_free (self->name);
  g_free (self);
}

/* Its "members" are windows of a file that is too large: no more than it is itself. */
static gboolean
has_windows (const VtScanContent *container)
{
  return container->kind == VT_CONTAINER_NONE;
}

static void
count_scanned (VtScanContent *content)
{
  VtScanContent *file = vt_scan_content_get_file (content);

  if (content->source != VT_SOURCE_ENGINE || has_windows (content->container))
    return;
  file->tree_scanned++;
  file->tree_scanned_bytes += content->size;
}

static void
on_member_settled (VtScanContent *settled, gpointer user_data)
{
  g_autoptr (VtScanContent) content = settled;
  Member *member = user_data;
  Opening *self = member->opening;

  count_scanned (content);
  note_verdict (self, member, &content->verdict, (const char *const *)content->members);
  if (self->source != NULL)
    vt_member_source_release (self->source, member->credit);
  member_free (member);
  self->underway--;
  settle_if_complete (self);
}

/* Counts a member against what all members of the file may be. */
static VtReason
count_member (Opening *self, guint64 size)
{
  const VtEngineOptions *limits = self->container->job->context.limits;
  VtScanContent *file = vt_scan_content_get_file (self->container);

  if (has_windows (self->container))
    return VT_REASON_NONE;
  file->tree_members++;
  file->tree_bytes += size;
  if (file->tree_members > limits->max_files)
    return VT_REASON_FILES_LIMIT;
  return file->tree_bytes > limits->max_unpacked_size ? VT_REASON_SCAN_LIMIT : VT_REASON_NONE;
}

static Member *
member_new (Opening *opening, const char *name, gpointer credit)
{
  Member *self = g_new0 (Member, 1);

  self->opening = opening;
  self->index = opening->n_members++;
  self->name = g_strdup (name);
  self->credit = credit;
  return self;
}

static void
on_member (const VtUnpackMember *unpacked, gpointer credit, gpointer user_data)
{
  Opening *self = user_data;
  VtScanContent *container = self->container;
  Member *member = member_new (self, unpacked->name, credit);
  VtReason limit = count_member (self, unpacked->content >= 0 ? unpacked->size : 0);

  if (unpacked->content >= 0) {
    self->underway++;
    vt_scan_content_start (vt_scan_content_new (container->job, container, unpacked->content,
                                                unpacked->size, on_member_settled, member));
  } else {
    const VtVerdict verdict = vt_verdict_incomplete (unpacked->reason);

    note_verdict (self, member, &verdict, NULL);
    member_free (member);
  }
  if (limit != VT_REASON_NONE)
    stop (self, limit);
  settle_if_complete (self);
}

static void
on_ended (VtReason reason, const char *detail, gpointer user_data)
{
  Opening *self = user_data;

  if (reason != VT_REASON_NONE)
    vt_scan_job_say (self->container->job, "container (%s): %s: %s",
                     self->container->type ?: "unknown", vt_reason_to_string (reason), detail);
  self->ended = TRUE;
  self->reason = reason;
  settle_if_complete (self);
}

static const VtMemberEvents member_events = {.member = on_member, .ended = on_ended};

static guint
count_disks_around (const VtScanContent *container)
{
  guint n = 0;

  for (const VtScanContent *around = container->container; around != NULL;
       around = around->container)
    n += around->kind == VT_CONTAINER_DISK;
  return n;
}

/* Why the container is not opened at all, or NONE. */
static VtReason
find_refusal (const VtScanContent *container)
{
  const VtEngineOptions *limits = container->job->context.limits;

  if (container->kind == VT_CONTAINER_UNSUPPORTED)
    return VT_REASON_UNSUPPORTED;
  if (container->depth >= limits->max_recursion ||
      (container->kind == VT_CONTAINER_DISK &&
       count_disks_around (container) >= limits->max_nested))
    return VT_REASON_RECURSION_LIMIT;
  return VT_REASON_NONE;
}

static VtMemberSource *
open_source (Opening *self)
{
  VtScanContent *container = self->container;
  const VtScanContext *context = &container->job->context;
  const VtEngineOptions *options = context->limits;
  const VtScanContent *file = vt_scan_content_get_file (container);
  const VtUnpackLimits limits = {
      .max_member_size = options->max_file_size,
      .max_size = options->max_unpacked_size - MIN (file->tree_bytes, options->max_unpacked_size),
      .max_members = options->max_files - MIN (file->tree_members, options->max_files),
      .max_ratio = options->max_ratio,
      .passwords = context->passwords,
  };

  if (container->kind == VT_CONTAINER_DISK)
    return vt_nested_reader_open (container->job->nested, count_disks_around (container),
                                  container->file, &member_events, self);
  return vt_unpack_pool_open (context->unpack_pool, container->depth, container->file,
                              container->size, container->kind, &limits, &member_events, self);
}

void
vt_scan_opening_start (VtScanContent *container, const VtVerdict *engine)
{
  Opening *self = g_new0 (Opening, 1);

  container->opened = TRUE;
  if (container->kind == VT_CONTAINER_NONE && !vt_scan_content_is_too_large (container))
    container->kind = VT_CONTAINER_ATTACHED;
  self->container = container;
  self->engine = *engine;
  self->reason = find_refusal (container);
  g_hash_table_add (container->job->openings, self);
  if (self->reason == VT_REASON_NONE) {
    self->source = open_source (self);
  } else {
    self->ended = TRUE;
    settle (self);
  }
}

void
vt_scan_opening_stop_all (VtScanJob *job)
{
  g_autoptr (GList) openings = g_hash_table_get_keys (job->openings);

  for (GList *link = openings; link != NULL; link = link->next) {
    Opening *self = link->data;

    /* One that was settled meanwhile took those around it along. */
    if (!g_hash_table_contains (job->openings, self))
      continue;
    stop (self, VT_REASON_ENGINE_ERROR);
    settle_if_complete (self);
  }
}
