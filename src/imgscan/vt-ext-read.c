// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-read.h"

#include <stdlib.h>

#include "vt-content.h"
#include "vt-ext-private.h"
#include "vt-ext-reads.h"
#include "vt-fd.h"

/* Largest file, in bytes, that is hashed when it is too large to be scanned: a sparse one may claim
 * to have exabytes. */
#define HASHED_SIZE_MAX ((guint64)64 * 1024 * 1024 * 1024)

typedef struct {
  const VtExtWanted *wanted;
  guint64 first;       /* block, by which they are sorted */
  gboolean unreadable; /* the medium has it, or what tells where it is */
} Job;

typedef struct {
  VtExt *ext;
  guint64 max_size;
  VtExtFileFunc func;
  gpointer user_data;
  GArray *runs;
  VtContent *content; /* of the file whose pieces come just now */
  guint64 position;   /* up to where it has come */
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
    vt_ext_say_alive (self->ext);
    vt_content_skip (self->content, self->position + STRIDE);
  }
}

/* Calls the user with a content that is whole. */
static gboolean
deliver (Reader *self, const Job *job, VtContent *content, GError **error)
{
  vt_autofd memfd = -1;
  VtDigest digest;

  if (!vt_content_finish (content, &memfd, &digest, error))
    return FALSE;
  if (memfd >= 0)
    return self->func (job->wanted->file, vt_fd_steal (&memfd), NULL, VT_REASON_NONE,
                       self->user_data, error);
  return self->func (job->wanted->file, -1, &digest, VT_REASON_SIZE_LIMIT, self->user_data, error);
}

static gboolean
deliver_reason (Reader *self, const Job *job, VtReason reason, GError **error)
{
  return self->func (job->wanted->file, -1, NULL, reason, self->user_data, error);
}

static gboolean
write_piece (Reader *self, const VtExtPiece *piece, const guint8 *data, GError **error)
{
  if (piece->position > self->position)
    pass_hole (self, piece->position);
  self->position = piece->position + piece->size;
  return vt_content_write (self->content, piece->position, data, piece->size, error);
}

/* All pieces of a file come one after the other, and a mark behind them. */
static gboolean
on_piece (const VtExtPiece *piece, const guint8 *data, gpointer user_data, GError **error)
{
  g_autoptr (VtContent) whole = NULL;
  Reader *self = user_data;
  Job *job = piece->owner;

  vt_ext_say_alive (self->ext);
  if (self->content == NULL) {
    self->content = vt_content_new (job->wanted->size, self->max_size, error);
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

static gboolean
read_inode (Reader *self, const Job *job, VtExtInode *inode, GError **error)
{
  if (job->wanted->inode > G_MAXUINT32)
    return vt_ext_refuse (error, "inode %" G_GUINT64_FORMAT " cannot be", job->wanted->inode);
  if (!vt_ext_inode_read (self->ext, (guint32)job->wanted->inode, inode, error))
    return FALSE;
  if (!LINUX_S_ISREG (inode->mode) || inode->size != job->wanted->size)
    return vt_ext_refuse (error, "inode %u is not as it was listed", inode->number);
  g_array_set_size (self->runs, 0);
  return TRUE;
}

/* TRUE with JOB unreadable: the medium fails. Whatever else is wrong refuses the file system. */
static gboolean
settle_job (Job *job, GError *failure, GError **error)
{
  if (g_error_matches (failure, VT_EXT_ERROR, VT_EXT_ERROR_UNREADABLE)) {
    job->unreadable = TRUE;
    g_error_free (failure);
    return TRUE;
  }
  g_propagate_error (error, failure);
  return FALSE;
}

static guint8 *
read_inline (Reader *self, const VtExtInode *inode, GError **error)
{
  gsize size;
  g_autofree guint8 *data = vt_ext_inline_read (self->ext, inode, &size, error);

  if (data != NULL && size < inode->size) {
    vt_ext_refuse (error, "inode %u is larger than its data", inode->number);
    return NULL;
  }
  return g_steal_pointer (&data);
}

/* Checks what tells where a file is, before anything is delivered. */
static gboolean
prepare (Reader *self, Job *job, GError **error)
{
  g_autofree guint8 *inline_data = NULL;
  GError *failure = NULL;
  VtExtInode inode;
  gboolean good;

  if (!read_inode (self, job, &inode, &failure))
    return settle_job (job, failure, error);
  if (!is_hashed (job))
    return TRUE;
  if ((inode.flags & EXT4_INLINE_DATA_FL) != 0) {
    inline_data = read_inline (self, &inode, &failure);
    good = inline_data != NULL;
  } else {
    good = vt_ext_map (self->ext, &inode, self->runs, &failure);
  }
  if (!good)
    return settle_job (job, failure, error);
  if (self->runs->len > 0)
    job->first = g_array_index (self->runs, VtExtRun, 0).physical;
  return TRUE;
}

/* What needs no blocks is there at once: inline data, holes and nothing. */
static gboolean
deliver_now (Reader *self, const Job *job, const guint8 *data, GError **error)
{
  g_autoptr (VtContent) content = vt_content_new (job->wanted->size, self->max_size, error);

  return content != NULL &&
         (data == NULL || vt_content_write (content, 0, data, job->wanted->size, error)) &&
         deliver (self, job, content, error);
}

static gboolean
ask_for_runs (Reader *self, Job *job, VtExtReads *reads, GError **error)
{
  guint64 block_size = self->ext->fs->blocksize;
  VtExtPiece piece = {.owner = job};

  for (guint i = 0; i < self->runs->len; i++) {
    const VtExtRun *run = &g_array_index (self->runs, VtExtRun, i);

    piece.position = run->logical * block_size;
    if (piece.position >= job->wanted->size)
      break;
    piece.offset = self->ext->start + run->physical * block_size;
    piece.size = MIN (run->length * block_size, job->wanted->size - piece.position);
    if (!vt_ext_reads_add (reads, &piece, error))
      return FALSE;
  }
  piece.size = 0;
  return vt_ext_reads_add (reads, &piece, error);
}

static gboolean
ask_for_file (Reader *self, Job *job, VtExtReads *reads, GError **error)
{
  g_autofree guint8 *inline_data = NULL;
  GError *failure = NULL;
  VtExtInode inode;
  gboolean good = FALSE;

  if (job->unreadable)
    return deliver_reason (self, job, VT_REASON_READ_ERROR, error);
  if (!is_hashed (job))
    return deliver_reason (self, job, VT_REASON_SIZE_LIMIT, error);
  if (read_inode (self, job, &inode, &failure)) {
    if ((inode.flags & EXT4_INLINE_DATA_FL) != 0) {
      inline_data = read_inline (self, &inode, &failure);
      good = inline_data != NULL;
    } else {
      good = vt_ext_map (self->ext, &inode, self->runs, &failure);
    }
  }
  if (!good)
    return settle_job (job, failure, error) &&
           deliver_reason (self, job, VT_REASON_READ_ERROR, error);
  if (self->runs->len == 0)
    return deliver_now (self, job, inline_data, error);
  return ask_for_runs (self, job, reads, error);
}

static int
compare_inodes (const void *a, const void *b)
{
  const VtExtWanted *first = ((const Job *)a)->wanted;
  const VtExtWanted *second = ((const Job *)b)->wanted;

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
  g_autoptr (VtExtReads) reads = vt_ext_reads_new (self->ext->disk, on_piece, self);

  qsort (jobs, n, sizeof *jobs, compare_inodes);
  for (gsize i = 0; i < n; i++)
    if (!prepare (self, &jobs[i], error))
      return FALSE;
  qsort (jobs, n, sizeof *jobs, compare_blocks);
  for (gsize i = 0; i < n; i++)
    if (!ask_for_file (self, &jobs[i], reads, error))
      return FALSE;
  return vt_ext_reads_finish (reads, error);
}

gboolean
vt_ext_read_files (VtExt *self,
                   const VtExtWanted *wanted,
                   gsize n,
                   guint64 max_size,
                   VtExtFileFunc func,
                   gpointer user_data,
                   char **refusal,
                   GError **error)
{
  g_autofree Job *jobs = g_new0 (Job, n);
  g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (VtExtRun));
  Reader reader = {self, max_size, func, user_data, runs, NULL, 0};
  GError *failure = NULL;
  gboolean read;

  *refusal = NULL;
  for (gsize i = 0; i < n; i++)
    jobs[i].wanted = &wanted[i];
  read = read_jobs (&reader, jobs, n, &failure);
  g_clear_pointer (&reader.content, vt_content_free);
  if (!read)
    vt_ext_settle (failure, refusal, error);
  return read;
}
