// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens a container and makes its verdict from the engine's word and those of its members.
 *
 * Whatever order the members' verdicts come in, the first member in the container's order decides,
 * so that the same container always gets the same answer.
 *
 * A container that is too large for the engine is gone over twice: in windows, for what stands
 * between and around its members, and member by member. Disk images are not: there that is free
 * space.
 */
#include "vt-scan-content-private.h"
#include "vt-scan-scope-private.h"

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
  VtContainerKind pass;   /* as what it is opened now; NONE: in windows */
  guint generation;       /* how often its source began anew */
  VtMemberSource *source; /* NULL: stopped */
  gboolean ended;         /* no more members come */
  VtReason reason;        /* why not all of them came, or NONE */
  guint64 n_members;
  guint64 counted_members; /* what it added to the file's counts, not to be counted twice */
  guint64 counted_bytes;
  guint underway; /* members without a verdict */
  Worst infected;
  Worst incomplete;
} Opening;

typedef struct {
  Opening *opening;
  guint generation;
  guint64 index;
  char *name;
  gpointer credit;
} Member;

static void
worst_clear (Worst *self)
{
  g_strfreev (self->members);
  *self = (Worst){0};
}

static void
opening_free (Opening *self)
{
  g_hash_table_remove (self->container->scope->openings, self);
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
    return container->scope->context.passwords != NULL;
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

/* Members of the first pass belong to its source, so the second one waits for their verdicts. */
static gboolean
has_another_pass (const Opening *self)
{
  return self->pass == VT_CONTAINER_NONE && self->container->kind != VT_CONTAINER_NONE &&
         self->reason == VT_REASON_NONE && !self->infected.any;
}

static void open_pass (Opening *self, VtContainerKind pass);

static void
settle_if_complete (Opening *self)
{
  if (!self->ended || self->underway > 0)
    return;
  if (has_another_pass (self) && !self->container->scope->ended)
    open_pass (self, self->container->kind);
  else
    settle (self);
}

/* For REASON, a limit; or because nothing more needs to be known. */
static void
stop (Opening *self, VtReason reason)
{
  if (reason != VT_REASON_NONE)
    self->container->cut_short = TRUE;
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

/* Its "members" are windows of a file that is too large: no more than it is itself. */
static gboolean
has_windows (const Opening *self)
{
  return self->pass == VT_CONTAINER_NONE;
}

/* A window may begin like an archive, and is then one that is cut off: that is of no matter. */
static gboolean
counts_for (const Opening *self, const VtVerdict *incomplete)
{
  return !has_windows (self) || !vt_verdict_is_repeatable (incomplete);
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
  } else if (verdict->kind != VT_VERDICT_CLEAN && counts_for (self, verdict)) {
    note (&self->incomplete, member, verdict, members);
  }
}

static void
member_free (Member *self)
{
  g_free (self->name);
  g_free (self);
}

static void
count_scanned (const Opening *self, VtScanContent *content)
{
  VtScanContent *file = vt_scan_content_get_file (content);

  if (content->source != VT_SOURCE_ENGINE || has_windows (self))
    return;
  file->tree_scanned++;
  file->tree_scanned_bytes += content->size;
}

static void
note_settled (Opening *self, const Member *member, const VtScanContent *content)
{
  if (content->verdict.kind == VT_VERDICT_INCOMPLETE) {
    self->container->cut_short |= content->cut_short;
    self->container->passing |= content->passing;
  }
  note_verdict (self, member, &content->verdict, (const char *const *)content->members);
}

static void
on_member_settled (VtScanContent *settled, gpointer user_data)
{
  g_autoptr (VtScanContent) content = settled;
  Member *member = user_data;
  Opening *self = member->opening;

  count_scanned (self, content);
  if (member->generation == self->generation)
    note_settled (self, member, content);
  if (self->source != NULL)
    vt_member_source_release (self->source, member->credit);
  member_free (member);
  self->underway--;
  settle_if_complete (self);
}

/* Windows overlap by half of their size at most. */
static VtReason
check_windows (const Opening *self)
{
  guint64 step = MAX (self->container->scope->context.limits->max_file_size / 2, 1);

  return self->n_members > self->container->size / step + 2 ? VT_REASON_ENGINE_CRASH
                                                            : VT_REASON_NONE;
}

/* Counts a member against what all members of the file may be. */
static VtReason
count_member (Opening *self, guint64 size)
{
  const VtEngineOptions *limits = self->container->scope->context.limits;
  VtScanContent *file = vt_scan_content_get_file (self->container);

  if (has_windows (self))
    return check_windows (self);
  file->tree_members++;
  file->tree_bytes += size;
  self->counted_members++;
  self->counted_bytes += size;
  if (file->tree_members > limits->max_files)
    return VT_REASON_FILES_LIMIT;
  return file->tree_bytes > limits->max_unpacked_size ? VT_REASON_SCAN_LIMIT : VT_REASON_NONE;
}

static Member *
member_new (Opening *opening, const char *name, gpointer credit)
{
  Member *self = g_new0 (Member, 1);

  self->opening = opening;
  self->generation = opening->generation;
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
    vt_scan_content_start (vt_scan_content_new (container->scope, container, unpacked->content,
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

/* What it told before comes again; contents that are on their way still are, and do not count. */
static void
on_restarted (gpointer user_data)
{
  Opening *self = user_data;
  VtScanContent *file = vt_scan_content_get_file (self->container);

  self->generation++;
  self->n_members = 0;
  file->tree_members -= self->counted_members;
  file->tree_bytes -= self->counted_bytes;
  self->counted_members = self->counted_bytes = 0;
  worst_clear (&self->infected);
  worst_clear (&self->incomplete);
}

static void
say (const Opening *self, VtReason reason, const char *detail)
{
  const VtScanScope *scope = self->container->scope;
  g_autofree char *text =
      g_strdup_printf ("container (%s): %s: %s", self->container->type ?: "unknown",
                       vt_reason_to_string (reason), detail);

  scope->events->say (text, scope->user_data);
}

static void
on_ended (VtReason reason, const char *detail, gpointer user_data)
{
  Opening *self = user_data;

  if (reason != VT_REASON_NONE)
    say (self, reason, detail);
  self->ended = TRUE;
  self->reason = reason;
  /* The limits it was given are what was left of the file's. */
  self->container->cut_short |= reason == VT_REASON_FILES_LIMIT || reason == VT_REASON_SCAN_LIMIT;
  settle_if_complete (self);
}

static const VtMemberEvents member_events = {
    .member = on_member, .restarted = on_restarted, .ended = on_ended};

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
  const VtEngineOptions *limits = container->scope->context.limits;

  if (container->kind == VT_CONTAINER_UNSUPPORTED)
    return VT_REASON_UNSUPPORTED;
  if (container->depth >= limits->max_recursion ||
      (container->kind == VT_CONTAINER_DISK &&
       count_disks_around (container) >= limits->max_nested))
    return VT_REASON_RECURSION_LIMIT;
  return VT_REASON_NONE;
}

/*
 * Every wait goes to a higher level: of what has more disk images around it, or of a container
 * within a container. A disk image waits for its files only, which have one more around them.
 */
static guint
find_level (const VtScanContent *container)
{
  return count_disks_around (container) * (container->scope->context.limits->max_recursion + 1) +
         container->depth;
}

static VtMemberSource *
open_source (Opening *self)
{
  VtScanContent *container = self->container;
  const VtScanContext *context = &container->scope->context;
  const VtEngineOptions *options = context->limits;
  const VtScanContent *file = vt_scan_content_get_file (container);
  const VtUnpackLimits limits = {
      .max_member_size = options->max_file_size,
      .max_size = options->max_unpacked_size - MIN (file->tree_bytes, options->max_unpacked_size),
      .max_members = options->max_files - MIN (file->tree_members, options->max_files),
      .max_ratio = options->max_ratio,
      .passwords = context->passwords,
  };

  if (self->pass == VT_CONTAINER_DISK)
    return vt_nested_reader_open (container->scope->nested, count_disks_around (container),
                                  container->file, &member_events, self);
  return vt_unpack_pool_open (context->unpack_pool, find_level (container), container->file,
                              container->size, self->pass, &limits, &member_events, self);
}

static void
open_pass (Opening *self, VtContainerKind pass)
{
  g_clear_pointer (&self->source, vt_member_source_free);
  self->pass = pass;
  self->ended = FALSE;
  self->source = open_source (self);
}

static VtContainerKind
find_first_pass (const VtScanContent *container)
{
  return vt_scan_content_is_too_large (container) && container->kind != VT_CONTAINER_DISK
             ? VT_CONTAINER_NONE
             : container->kind;
}

void
vt_scan_opening_start (VtScanContent *container, const VtVerdict *engine)
{
  Opening *self = g_new0 (Opening, 1);

  if (container->kind == VT_CONTAINER_NONE && !vt_scan_content_is_too_large (container))
    container->kind = VT_CONTAINER_ATTACHED;
  self->container = container;
  self->engine = *engine;
  self->reason = find_refusal (container);
  /* How a disk image is read is more than the engine id tells: keys, room on disk, an appliance. */
  container->passing = container->kind == VT_CONTAINER_DISK;
  container->cut_short = self->reason == VT_REASON_RECURSION_LIMIT;
  g_hash_table_add (container->scope->openings, self);
  if (self->reason == VT_REASON_NONE) {
    open_pass (self, find_first_pass (container));
  } else {
    self->ended = TRUE;
    settle (self);
  }
}

void
vt_scan_opening_stop_all (VtScanScope *scope)
{
  g_autoptr (GList) openings = g_hash_table_get_keys (scope->openings);

  for (GList *link = openings; link != NULL; link = link->next) {
    Opening *self = link->data;

    /* One that was settled meanwhile took those around it along. */
    if (!g_hash_table_contains (scope->openings, self))
      continue;
    stop (self, VT_REASON_ENGINE_ERROR);
    settle_if_complete (self);
  }
}
