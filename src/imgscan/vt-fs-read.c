// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads the contents of many files of a file system, whatever its kind: it tells where each one is,
 * and they are read in the order in which they lie on the disk.
 */
#include <stdlib.h>

#include "vt-content.h"
#include "vt-disk-reads.h"
#include "vt-fd.h"
#include "vt-fs-private.h"

/* Largest file, in bytes, that is hashed when it is too large to be scanned: a sparse one may claim
 * to have exabytes. */
#define HASHED_SIZE_MAX ((guint64)64 * 1024 * 1024 * 1024)

typedef struct {
  const VtFsWanted *wanted;
  guint64 first;       /* offset on the disk, by which they are sorted */
  guint64 data_size;   /* bytes that are no holes */
  gboolean unreadable; /* the medium has it, or what tells where it is */
} Job;

typedef struct {
  VtFs *fs;
  const VtContentPlace *place;
  VtFsFileFunc func;
  gpointer user_data;
  VtFsLocation location; /* of the file that is looked at */
  VtContent *content;    /* of the file whose pieces come just now */
  guint64 position;      /* up to where it has come */
} Reader;

/* Bytes of a hole that are passed over at a time. */
#define STRIDE ((guint64)64 * 1024 * 1024)

static gboolean
is_hashed (const Job *job)
{
  return job->wanted->size <= HASHED_SIZE_MAX;
}

/* Hashing zeros takes its time, and a hole may be of any size. */
static void
pass_hole (Reader *self, guint64 end)
{
  for (; end - self->position > STRIDE; self->position += STRIDE) {
    vt_fs_say_alive (self->fs);
    vt_content_skip (self->content, self->position + STRIDE);
  }
}

/* Calls the user with a content that is whole. */
static gboolean
deliver (Reader *self, const Job *job, VtContent *content, GError **error)
{
  int memfd;
  VtDigest digest;

  if (!vt_content_finish (content, &memfd, &digest, error))
    return FALSE;
  switch (vt_content_get_end (content)) {
  case VT_CONTENT_KEPT:
  case VT_CONTENT_SPOOLED:
    return self->func (job->wanted->file, memfd, NULL, VT_REASON_NONE, self->user_data, error);
  case VT_CONTENT_HASHED:
    return self->func (job->wanted->file, -1, &digest, VT_REASON_SIZE_LIMIT, self->user_data,
                       error);
  case VT_CONTENT_LOST:
  default:
    return self->func (job->wanted->file, -1, NULL, VT_REASON_SIZE_LIMIT, self->user_data, error);
  }
}

static gboolean
deliver_reason (Reader *self, const Job *job, VtReason reason, GError **error)
{
  return self->func (job->wanted->file, -1, NULL, reason, self->user_data, error);
}

static gboolean
write_piece (Reader *self, const VtDiskPiece *piece, const guint8 *data, GError **error)
{
  if (piece->position > self->position)
    pass_hole (self, piece->position);
  self->position = piece->position + piece->size;
  return vt_content_write (self->content, piece->position, data, piece->size, error);
}

/* All pieces of a file come one after the other, and a mark behind them. */
static gboolean
on_piece (const VtDiskPiece *piece, const guint8 *data, gpointer user_data, GError **error)
{
  g_autoptr (VtContent) whole = NULL;
  Reader *self = user_data;
  Job *job = piece->owner;

  vt_fs_say_alive (self->fs);
  if (self->content == NULL) {
    self->content = vt_content_new_at (self->place, job->wanted->size, job->data_size, error);
    self->position = 0;
  }
  if (self->content == NULL)
    return FALSE;
  if (piece->size > 0) {
    job->unreadable = job->unreadable || data == NULL;
    return job->unreadable || write_piece (self, piece, data, error);
  }
  if (!job->unreadable)
    pass_hole (self, job->wanted->size);
  whole = g_steal_pointer (&self->content);
  return job->unreadable ? deliver_reason (self, job, VT_REASON_READ_ERROR, error)
                         : deliver (self, job, whole, error);
}

/* TRUE with JOB unreadable: the medium fails. Whatever else is wrong refuses the file system. */
static gboolean
settle_job (Job *job, GError *failure, GError **error)
{
  if (g_error_matches (failure, VT_FS_ERROR, VT_FS_ERROR_UNREADABLE)) {
    job->unreadable = TRUE;
    g_error_free (failure);
    return TRUE;
  }
  g_propagate_error (error, failure);
  return FALSE;
}

static gboolean
locate (Reader *self, const Job *job, GError **error)
{
  g_array_set_size (self->location.extents, 0);
  g_clear_pointer (&self->location.data, g_free);
  self->location.is_apart = FALSE;
  return self->fs->class->locate (self->fs, job->wanted, &self->location, error);
}

/* Checks what tells where a file is, before anything is delivered. */
static gboolean
prepare (Reader *self, Job *job, GError **error)
{
  GError *failure = NULL;

  if (!is_hashed (job))
    return TRUE;
  if (!locate (self, job, &failure))
    return settle_job (job, failure, error);
  if (self->location.extents->len > 0)
    job->first = g_array_index (self->location.extents, VtFsExtent, 0).offset;
  return TRUE;
}

/* What has no place on the disk is there at once: data kept elsewhere, holes and nothing. */
static gboolean
deliver_now (Reader *self, const Job *job, GError **error)
{
  /* Not to a spool file: there is one at a time, and another content may be on its way there. */
  g_autoptr (VtContent) content = vt_content_new (job->wanted->size, self->place->max_size, error);
  const guint8 *data = self->location.data;

  return content != NULL &&
         (data == NULL || vt_content_write (content, 0, data, job->wanted->size, error)) &&
         deliver (self, job, content, error);
}

static guint64
count_data (const VtFsLocation *location)
{
  guint64 size = 0;

  for (guint i = 0; i < location->extents->len; i++)
    size += g_array_index (location->extents, VtFsExtent, i).size;
  return size;
}

static gboolean
ask_for_extents (Reader *self, Job *job, VtDiskReads *reads, GError **error)
{
  VtDiskPiece piece = {.owner = job};

  job->data_size = count_data (&self->location);
  for (guint i = 0; i < self->location.extents->len; i++) {
    const VtFsExtent *extent = &g_array_index (self->location.extents, VtFsExtent, i);

    piece.position = extent->position;
    piece.offset = extent->offset;
    piece.size = extent->size;
    if (!vt_disk_reads_add (reads, &piece, error))
      return FALSE;
  }
  piece.size = 0;
  return vt_disk_reads_add (reads, &piece, error);
}

static gboolean
ask_for_file (Reader *self, Job *job, VtDiskReads *reads, GError **error)
{
  GError *failure = NULL;

  if (job->unreadable)
    return deliver_reason (self, job, VT_REASON_READ_ERROR, error);
  if (!is_hashed (job))
    return deliver_reason (self, job, VT_REASON_SIZE_LIMIT, error);
  if (!locate (self, job, &failure))
    return settle_job (job, failure, error) &&
           deliver_reason (self, job, VT_REASON_READ_ERROR, error);
  if (self->location.is_apart &&
      !self->fs->class->load (self->fs, job->wanted, &self->location.data, &failure))
    return settle_job (job, failure, error) &&
           deliver_reason (self, job, VT_REASON_READ_ERROR, error);
  if (self->location.extents->len == 0)
    return deliver_now (self, job, error);
  return ask_for_extents (self, job, reads, error);
}

static int
compare_inodes (const void *a, const void *b)
{
  const VtFsWanted *first = ((const Job *)a)->wanted;
  const VtFsWanted *second = ((const Job *)b)->wanted;

  return (first->inode > second->inode) - (first->inode < second->inode);
}

static int
compare_blocks (const void *a, const void *b)
{
  const Job *first = a;
  const Job *second = b;

  return (first->first > second->first) - (first->first < second->first);
}

static gboolean
read_jobs (Reader *self, Job *jobs, gsize n, GError **error)
{
  g_autoptr (VtDiskReads) reads = vt_disk_reads_new (self->fs->disk, on_piece, self);

  if (n == 0)
    return TRUE;
  qsort (jobs, n, sizeof *jobs, compare_inodes);
  for (gsize i = 0; i < n; i++)
    if (!prepare (self, &jobs[i], error))
      return FALSE;
  qsort (jobs, n, sizeof *jobs, compare_blocks);
  for (gsize i = 0; i < n; i++)
    if (!ask_for_file (self, &jobs[i], reads, error))
      return FALSE;
  return vt_disk_reads_finish (reads, error);
}

gboolean
vt_fs_read_files (VtFs *self,
                  const VtFsWanted *wanted,
                  gsize n,
                  const VtContentPlace *place,
                  VtFsFileFunc func,
                  gpointer user_data,
                  char **refusal,
                  GError **error)
{
  g_autofree Job *jobs = g_new0 (Job, n);
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (VtFsExtent));
  Reader reader = {self, place, func, user_data, {.extents = extents}, NULL, 0};
  GError *failure = NULL;
  gboolean read;

  *refusal = NULL;
  for (gsize i = 0; i < n; i++)
    jobs[i].wanted = &wanted[i];
  read = read_jobs (&reader, jobs, n, &failure);
  g_clear_pointer (&reader.content, vt_content_free);
  g_free (reader.location.data);
  if (!read)
    vt_fs_settle (failure, refusal, error);
  return read;
}
