// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-index.h"

#include <string.h>

/* As it is kept. */
typedef struct {
  guint8 digest[VT_DIGEST_SIZE];
  guint16 day;
  guint8 kind_and_engine; /* the kind's two bits, and six of the engine */
  guint8 heat;
} Packed;

G_STATIC_ASSERT (sizeof (Packed) == 36);
G_STATIC_ASSERT (VT_VERDICT_INCOMPLETE < 4 && VT_SCAND_INDEX_ENGINES <= 64);

typedef struct {
  Packed *entries;
  guint32 length;
  guint32 allocated;
} Bucket;

struct _VtScandIndex {
  guint64 length;
  guint64 secret[4];
  Bucket buckets[VT_SCAND_INDEX_BUCKETS];
};

/* A bucket has some 15 of a million entries: a quarter more at a time wastes little. */
#define GROWTH_MIN 4

VtScandIndex *
vt_scand_index_new (void)
{
  VtScandIndex *self = g_new0 (VtScandIndex, 1);

  /* Multiplication by an odd number loses nothing. */
  for (gsize i = 0; i < G_N_ELEMENTS (self->secret); i++)
    self->secret[i] = (guint64)g_random_int () << 32 | g_random_int () | 1;
  return self;
}

void
vt_scand_index_free (VtScandIndex *self)
{
  for (gsize i = 0; i < VT_SCAND_INDEX_BUCKETS; i++)
    g_free (self->buckets[i].entries);
  g_free (self);
}

/* Multiply and shift (Dietzfelbinger), over the four words of the digest. */
static guint
find_bucket (const VtScandIndex *self, const VtDigest *digest)
{
  guint64 words[4];
  guint64 sum = 0;

  memcpy (words, digest->bytes, sizeof words);
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    sum += (words[i] ^ words[i] >> 32) * self->secret[i];
  return (guint)(sum >> 48);
}

static Packed *
find (const Bucket *bucket, const VtDigest *digest)
{
  for (guint32 i = 0; i < bucket->length; i++)
    if (memcmp (bucket->entries[i].digest, digest->bytes, VT_DIGEST_SIZE) == 0)
      return &bucket->entries[i];
  return NULL;
}

static VtScandEntry
unpack (const Packed *packed)
{
  return (VtScandEntry){.kind = (VtVerdictKind)(packed->kind_and_engine & 3),
                        .engine = packed->kind_and_engine >> 2,
                        .day = packed->day,
                        .heat = packed->heat};
}

static void
pack (const VtScandEntry *entry, Packed *packed)
{
  packed->kind_and_engine = (guint8)(entry->kind | entry->engine << 2);
  packed->day = entry->day;
  packed->heat = entry->heat;
}

gboolean
vt_scand_index_get (const VtScandIndex *self, const VtDigest *digest, VtScandEntry *entry)
{
  const Packed *packed = find (&self->buckets[find_bucket (self, digest)], digest);

  if (packed == NULL)
    return FALSE;
  *entry = unpack (packed);
  return TRUE;
}

static Packed *
append (Bucket *bucket)
{
  if (bucket->length == bucket->allocated) {
    bucket->allocated += MAX (bucket->allocated / 4, GROWTH_MIN);
    bucket->entries = g_renew (Packed, bucket->entries, bucket->allocated);
  }
  return &bucket->entries[bucket->length++];
}

void
vt_scand_index_put (VtScandIndex *self, const VtDigest *digest, const VtScandEntry *entry)
{
  Bucket *bucket = &self->buckets[find_bucket (self, digest)];
  Packed *packed = find (bucket, digest);

  g_return_if_fail (entry->engine < VT_SCAND_INDEX_ENGINES);
  if (packed == NULL) {
    packed = append (bucket);
    memcpy (packed->digest, digest->bytes, VT_DIGEST_SIZE);
    self->length++;
  }
  pack (entry, packed);
}

static void
remove_at (VtScandIndex *self, Bucket *bucket, guint32 i)
{
  bucket->entries[i] = bucket->entries[--bucket->length];
  self->length--;
}

void
vt_scand_index_remove (VtScandIndex *self, const VtDigest *digest)
{
  Bucket *bucket = &self->buckets[find_bucket (self, digest)];
  const Packed *packed = find (bucket, digest);

  if (packed != NULL)
    remove_at (self, bucket, (guint32)(packed - bucket->entries));
}

guint64
vt_scand_index_get_length (const VtScandIndex *self)
{
  return self->length;
}

void
vt_scand_index_visit (VtScandIndex *self, guint number, VtScandIndexFunc func, gpointer user_data)
{
  Bucket *bucket = &self->buckets[number];

  for (guint32 i = bucket->length; i > 0; i--) {
    Packed *packed = &bucket->entries[i - 1];
    VtScandEntry entry = unpack (packed);
    VtDigest digest;

    memcpy (digest.bytes, packed->digest, VT_DIGEST_SIZE);
    if (func (&digest, &entry, user_data))
      pack (&entry, packed);
    else
      remove_at (self, bucket, i - 1);
  }
}
