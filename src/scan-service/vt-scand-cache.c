// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-cache.h"

#include <string.h>

#define SECONDS_PER_DAY ((gint64)24 * 60 * 60)
#define DAYS            65536

/* Of a step of pruning. */
#define BUCKETS_PER_STEP 1024
#define REMOVALS_MAX     500

/* An engine that has verdicts in the index. */
typedef struct {
  char *id;          /* NULL: the number is free */
  gint64 superseded; /* seconds since 1970; 0: it is in force */
} Engine;

struct _VtScandCache {
  VtStore *store;
  VtScandCacheLimits limits;
  VtScandRevokedFunc revoked;
  gpointer user_data;
  VtScandIndex *index;
  Engine engines[VT_SCAND_INDEX_ENGINES];
  guint8 current;      /* number of the one in force, if there is one */
  guint next_bucket;   /* where pruning goes on */
  guint16 prune_until; /* days up to which entries go in this round */
  guint prune_left;    /* buckets that this round has still to see */
};

static void on_inserted (const char *engine_id,
                         const VtDigest *digest,
                         const VtVerdict *verdict,
                         gpointer user_data);

VtScandCache *
vt_scand_cache_new (VtStore *store,
                    const VtScandCacheLimits *limits,
                    VtScandRevokedFunc revoked,
                    gpointer user_data)
{
  VtScandCache *self = g_new0 (VtScandCache, 1);

  self->store = store;
  self->limits = *limits;
  self->revoked = revoked;
  self->user_data = user_data;
  self->index = vt_scand_index_new ();
  vt_store_set_insert_func (store, on_inserted, self);
  return self;
}

void
vt_scand_cache_free (VtScandCache *self)
{
  vt_store_set_insert_func (self->store, NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (self->engines); i++)
    g_free (self->engines[i].id);
  vt_scand_index_free (self->index);
  g_free (self);
}

/* The number of an engine that is in none of those. */
#define NO_ENGINE VT_SCAND_INDEX_ENGINES

static guint8
find_engine (const VtScandCache *self, const char *id)
{
  guint8 i = 0;

  while (i < NO_ENGINE && g_strcmp0 (self->engines[i].id, id) != 0)
    i++;
  return i;
}

static gboolean
drop_entry_of (const VtDigest *digest, VtScandEntry *entry, gpointer engine)
{
  return entry->engine != GPOINTER_TO_UINT (engine);
}

/* With as many engines as there are numbers, the one that was superseded first goes. */
static guint8
free_oldest (VtScandCache *self)
{
  guint8 oldest = 0;

  for (guint8 i = 1; i < NO_ENGINE; i++)
    if (self->engines[oldest].superseded == 0 ||
        (self->engines[i].superseded != 0 &&
         self->engines[i].superseded < self->engines[oldest].superseded))
      oldest = i;
  for (guint bucket = 0; bucket < VT_SCAND_INDEX_BUCKETS; bucket++)
    vt_scand_index_visit (self->index, bucket, drop_entry_of, GUINT_TO_POINTER (oldest));
  g_clear_pointer (&self->engines[oldest].id, g_free);
  return oldest;
}

static guint8
take_engine (VtScandCache *self, const char *id, gint64 superseded)
{
  guint8 number = find_engine (self, id);

  if (number == NO_ENGINE)
    number = find_engine (self, NULL);
  if (number == NO_ENGINE)
    number = free_oldest (self);
  if (self->engines[number].id == NULL)
    self->engines[number].id = g_strdup (id);
  self->engines[number].superseded = superseded;
  if (superseded == 0)
    self->current = number;
  return number;
}

static guint16
day_of (gint64 seconds)
{
  return (guint16)CLAMP (seconds / SECONDS_PER_DAY, 0, DAYS - 1);
}

static gint64
now_seconds (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

typedef struct {
  VtScandCache *cache;
  guint8 engine;
} Loading;

static void
load_verdict (const VtDigest *digest, const VtVerdict *verdict, gint64 used, gpointer user_data)
{
  const Loading *loading = user_data;
  VtScandIndex *index = loading->cache->index;
  VtScandEntry entry = {.kind = verdict->kind, .engine = loading->engine, .day = day_of (used)};
  VtScandEntry before;

  if (vt_scand_index_get (index, digest, &before))
    entry.day = MAX (entry.day, before.day);
  vt_scand_index_put (index, digest, &entry);
}

gboolean
vt_scand_cache_load (VtScandCache *self, const char *engine_id, gint64 superseded, GError **error)
{
  Loading loading = {self, take_engine (self, engine_id, superseded)};

  return vt_store_visit (self->store, engine_id, load_verdict, &loading, error);
}

void
vt_scand_cache_distrust (VtScandCache *self, const VtDigest *digest)
{
  VtScandEntry entry;

  if (vt_scand_index_get (self->index, digest, &entry) && entry.kind == VT_VERDICT_CLEAN &&
      self->engines[entry.engine].superseded != 0)
    vt_scand_index_remove (self->index, digest);
}

gboolean
vt_scand_cache_set_engine (VtScandCache *self, const char *engine_id, gint64 now, GError **error)
{
  Engine *before = &self->engines[self->current];
  gboolean is_known = find_engine (self, engine_id) != NO_ENGINE;

  if (before->id != NULL && before->superseded == 0 && !g_str_equal (before->id, engine_id))
    before->superseded = MAX (now, 1);
  take_engine (self, engine_id, 0);
  return is_known || vt_scand_cache_load (self, engine_id, 0, error);
}

static gboolean
counts (const VtScandCache *self, const VtScandEntry *entry, gint64 now)
{
  gint64 superseded = self->engines[entry->engine].superseded;

  /* A clock that was set back must not make grace longer. */
  return superseded == 0 ||
         (now >= superseded && (guint64)(now - superseded) < self->limits.grace_s);
}

/* The store notes uses to the day, too. */
static void
note_use (VtScandCache *self, const VtDigest *digest, VtScandEntry *entry, gint64 now)
{
  guint16 today = day_of (now);

  if (entry->day == today)
    return;
  vt_store_note_use (self->store, self->engines[entry->engine].id, digest,
                     entry->day * SECONDS_PER_DAY);
  entry->day = today;
  vt_scand_index_put (self->index, digest, entry);
}

VtVerdictKind
vt_scand_cache_lookup (VtScandCache *self, const VtDigest *digest, gint64 now)
{
  VtScandEntry entry;

  if (!vt_scand_index_get (self->index, digest, &entry) || !counts (self, &entry, now))
    return VT_VERDICT_UNKNOWN;
  note_use (self, digest, &entry, now);
  return entry.kind;
}

guint64
vt_scand_cache_get_length (const VtScandCache *self)
{
  return vt_scand_index_get_length (self->index);
}

/* What agents were told, at any time, they may have kept. */
static void
on_inserted (const char *engine_id,
             const VtDigest *digest,
             const VtVerdict *verdict,
             gpointer user_data)
{
  VtScandCache *self = user_data;
  guint8 engine = find_engine (self, engine_id);
  VtScandEntry entry = {.kind = verdict->kind, .engine = engine, .day = day_of (now_seconds ())};
  VtScandEntry before;
  gboolean had = vt_scand_index_get (self->index, digest, &before);

  /* The engine before the one in force ends what it was given, but does not speak any more. */
  if (engine == NO_ENGINE || (engine != self->current && had && before.engine == self->current))
    return;
  vt_scand_index_put (self->index, digest, &entry);
  if (had && before.kind == VT_VERDICT_CLEAN && verdict->kind == VT_VERDICT_INFECTED)
    self->revoked (digest, verdict->threat, self->user_data);
}

/* Days of last use, of all entries. */

static gboolean
count_day (const VtDigest *digest, VtScandEntry *entry, gpointer user_data)
{
  guint32 *days = user_data;

  days[entry->day]++;
  return TRUE;
}

/* The last day of which entries have to go, so that no more than there may be are left. */
static guint16
find_last_day (VtScandCache *self, guint64 surplus)
{
  g_autofree guint32 *days = g_new0 (guint32, DAYS);
  guint64 sum = 0;
  guint day = 0;

  for (guint bucket = 0; bucket < VT_SCAND_INDEX_BUCKETS; bucket++)
    vt_scand_index_visit (self->index, bucket, count_day, days);
  while (day < DAYS - 1 && sum + days[day] < surplus)
    sum += days[day++];
  return (guint16)day;
}

typedef struct {
  const VtScandCache *cache;
  guint64 surplus;
  GArray *removed; /* of VtDigest */
} Pruning;

static gboolean
prune_entry (const VtDigest *digest, VtScandEntry *entry, gpointer user_data)
{
  Pruning *pruning = user_data;

  if (pruning->removed->len >= pruning->surplus || entry->day > pruning->cache->prune_until)
    return TRUE;
  g_array_append_vals (pruning->removed, digest, 1);
  return FALSE;
}

static guint64
get_surplus (const VtScandCache *self)
{
  guint64 length = vt_scand_index_get_length (self->index);

  return length > self->limits.max_entries ? length - self->limits.max_entries : 0;
}

gboolean
vt_scand_cache_prune (VtScandCache *self, GError **error)
{
  Pruning pruning = {.cache = self, .surplus = get_surplus (self)};
  g_autoptr (GArray) removed = g_array_new (FALSE, FALSE, sizeof (VtDigest));

  if (pruning.surplus == 0) {
    self->prune_left = 0;
    return FALSE;
  }
  if (self->prune_left == 0) {
    self->prune_left = VT_SCAND_INDEX_BUCKETS;
    self->prune_until = find_last_day (self, pruning.surplus);
  }
  pruning.removed = removed;
  for (guint i = 0; i < BUCKETS_PER_STEP && self->prune_left > 0 && removed->len < REMOVALS_MAX;
       i++) {
    vt_scand_index_visit (self->index, self->next_bucket, prune_entry, &pruning);
    self->next_bucket = (self->next_bucket + 1) % VT_SCAND_INDEX_BUCKETS;
    self->prune_left--;
  }
  return vt_store_forget (self->store, (const VtDigest *)(gpointer)removed->data, removed->len,
                          error) &&
         get_surplus (self) > 0;
}
