// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template.h"

#include <unistd.h>

#include "vt-fd.h"
#include "vt-template-known.h"
#include "vt-template-table.h"

struct _VtTemplate {
  grefcount references;
  VtStatement *statement;
  VtCleanCache *cache;
  char *image;
  GStrv filesystems;      /* VtImageTemplate.filesystems */
  GArray *own;            /* of VtDigest: contents that were scanned and are not in the cache */
  GArray *own_files;      /* of VtCleanFile: those of which the file is known */
  GArray *files;          /* of VtCleanFile, in order */
  VtTemplateTable *table; /* the same */

  gboolean counts;
  gint64 age;
  VtTemplateKnown *known; /* without COUNTS */
  VtSharedFd *told;       /* memfd: what readers are told; NULL: nothing yet */
  VtDigest told_digest;
};

static gboolean
take_file (const VtCleanFile *file, gpointer user_data, GError **error)
{
  VtTemplate *self = user_data;

  g_array_append_vals (self->files, file, 1);
  return TRUE;
}

static gint
compare_files (gconstpointer a, gconstpointer b)
{
  const VtCleanFile *first = a;
  const VtCleanFile *second = b;

  if (first->fs != second->fs)
    return first->fs < second->fs ? -1 : 1;
  return (first->inode > second->inode) - (first->inode < second->inode);
}

static GStrv
list_filesystems (const VtStatement *statement)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < statement->filesystems->len; i++) {
    const VtStatementFilesystem *filesystem = g_ptr_array_index (statement->filesystems, i);

    g_strv_builder_add_many (builder, filesystem->id, filesystem->type, filesystem->uuid, NULL);
  }
  return g_strv_builder_end (builder);
}

VtTemplate *
vt_template_new (VtStatement *statement, VtCleanCache *cache, const char *image, GError **error)
{
  g_autoptr (VtTemplate) self = g_new0 (VtTemplate, 1);

  g_ref_count_init (&self->references);
  self->statement = statement;
  self->cache = cache;
  self->image = g_strdup (image);
  self->filesystems = list_filesystems (statement);
  self->own = g_array_new (FALSE, FALSE, sizeof (VtDigest));
  self->own_files = g_array_new (FALSE, FALSE, sizeof (VtCleanFile));
  self->files = g_array_new (FALSE, FALSE, sizeof (VtCleanFile));
  self->known = vt_template_known_new ();
  if (!vt_clean_cache_foreach_file (cache, take_file, self, error))
    return NULL;
  /* A cache has inodes in the order of signed numbers. */
  g_array_sort (self->files, compare_files);
  self->table = vt_template_table_new (self->files);
  return g_steal_pointer (&self);
}

VtTemplate *
vt_template_ref (VtTemplate *self)
{
  g_ref_count_inc (&self->references);
  return self;
}

void
vt_template_unref (VtTemplate *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_clear_pointer (&self->table, vt_template_table_free);
  g_array_unref (self->files);
  g_array_unref (self->own);
  g_array_unref (self->own_files);
  vt_template_known_free (self->known);
  g_clear_pointer (&self->told, vt_shared_fd_unref);
  g_strfreev (self->filesystems);
  g_free (self->image);
  vt_clean_cache_free (self->cache);
  vt_statement_free (self->statement);
  g_free (self);
}

const VtStatement *
vt_template_get_statement (const VtTemplate *self)
{
  return self->statement;
}

void
vt_template_add_content (VtTemplate *self, const VtDigest *digest)
{
  g_array_append_vals (self->own, digest, 1);
}

void
vt_template_add_file (VtTemplate *self, const VtCleanFile *file)
{
  vt_template_add_content (self, &file->digest);
  g_array_append_vals (self->own_files, file, 1);
}

static GArray *
list_all_files (const VtTemplate *self)
{
  GArray *files = g_array_copy (self->files);

  g_array_append_vals (files, self->own_files->data, self->own_files->len);
  g_array_sort (files, compare_files);
  return files;
}

/* Whether no engine that came after the template's found something in what was clean then. One from
 * before it counts as well: then FILE is read for nothing. */
static gboolean
ask_for_doubts (VtStore *store, const VtCleanFile *file, gboolean *is_known, GError **error)
{
  GError *failure = NULL;
  VtVerdict verdict;
  gint64 age;

  *is_known = !vt_store_lookup_older (store, &file->digest, file->size, &verdict, &age, &failure) ||
              verdict.kind == VT_VERDICT_CLEAN;
  if (failure != NULL)
    g_propagate_error (error, failure);
  return failure == NULL;
}

/* The files that need not be read, where the cache is not of the engine in force: it counts, or the
 * store knows their content. */
static GArray *
find_known_files (VtTemplate *self, VtStore *store, GError **error)
{
  g_autoptr (GArray) all = list_all_files (self);
  g_autoptr (GArray) files = g_array_new (FALSE, FALSE, sizeof (VtCleanFile));

  for (guint i = 0; i < all->len; i++) {
    const VtCleanFile *file = &g_array_index (all, VtCleanFile, i);
    gboolean is_known;

    if (self->counts ? !ask_for_doubts (store, file, &is_known, error)
                     : !vt_template_known_ask (self->known, store, file, &is_known, error))
      return NULL;
    if (is_known)
      g_array_append_vals (files, file, 1);
  }
  return g_steal_pointer (&files);
}

/* Another set of rules or limits is no matter of age: what one version called clean, a later one
 * may know better. */
static gboolean
has_same_settings (const VtTemplate *self, const VtEngineId *engine)
{
  return g_strcmp0 (self->statement->settings, engine->settings) == 0;
}

static void
judge (VtTemplate *self, const VtEngineId *engine, gint64 max_age_s, gint64 now)
{
  gboolean current = g_str_equal (self->statement->engine_id, engine->id);

  self->age = current ? 0 : MAX (now - vt_statement_get_signature_time (self->statement), 1);
  self->counts = current || (self->age <= max_age_s && has_same_settings (self, engine));
}

/* Readers that go on have what they were told. Where nothing is new, the next one is told in the
 * same place. */
static gboolean
tell (VtTemplate *self, GArray *files, GError **error)
{
  VtDigest digest = vt_digest_of_data (files->data, files->len * sizeof (VtCleanFile));
  int memfd;

  if (self->told != NULL && vt_digest_equal (&self->told_digest, &digest))
    return TRUE;
  memfd = vt_template_table_write (files, error);
  if (memfd < 0)
    return FALSE;
  g_clear_pointer (&self->told, vt_shared_fd_unref);
  self->told = vt_shared_fd_new (memfd);
  self->told_digest = digest;
  return TRUE;
}

gboolean
vt_template_prepare (VtTemplate *self,
                     const VtEngineId *engine,
                     gint64 max_age_s,
                     gint64 now,
                     VtStore *store,
                     GError **error)
{
  g_autoptr (GArray) known = NULL;

  judge (self, engine, max_age_s, now);
  vt_template_known_set_engine (self->known, engine);
  known = self->age == 0 ? list_all_files (self) : find_known_files (self, store, error);
  if (known == NULL)
    return FALSE;
  return tell (self, known, error);
}

gboolean
vt_template_counts (const VtTemplate *self)
{
  return self->counts;
}

gint64
vt_template_get_age (const VtTemplate *self)
{
  return self->age;
}

void
vt_template_apply (VtTemplate *self, VtImageOptions *options)
{
  VtImageTemplate *template = vt_image_template_new ();

  g_strfreev (template->filesystems);
  template->filesystems = g_strdupv (self->filesystems);
  template->image = g_strdup (self->image);
  template->files = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), self->told->fd);
  template->held = g_rc_box_acquire (self->told);
  g_clear_pointer (&options->template, vt_image_template_free);
  options->template = template;
}

gboolean
vt_template_is_own (const VtTemplate *self, const VtDigest *digest)
{
  for (guint i = 0; i < self->own->len; i++)
    if (vt_digest_equal (&g_array_index (self->own, VtDigest, i), digest))
      return TRUE;
  return FALSE;
}

/* What cannot be told is not known, and scanned again. */
static gboolean
is_in_cache (VtTemplate *self, const VtDigest *digest)
{
  g_autoptr (GError) error = NULL;
  gboolean found = vt_clean_cache_has_content (self->cache, digest, &error);

  if (error != NULL)
    g_warning ("template: %s", error->message);
  return found;
}

gboolean
vt_template_lookup (VtTemplate *self,
                    const VtDigest *digest,
                    VtVerdict *verdict,
                    GStrv *members,
                    VtSource *source,
                    gint64 *verdict_age)
{
  const VtKnownContent *known = vt_template_known_find (self->known, digest);

  *members = NULL;
  if (self->counts && (vt_template_is_own (self, digest) || is_in_cache (self, digest))) {
    *verdict = vt_verdict_clean ();
    *source = VT_SOURCE_TEMPLATE;
    *verdict_age = 0;
    return TRUE;
  }
  if (known == NULL)
    return FALSE;
  *verdict = known->verdict;
  *members = g_strdupv (known->members);
  *source = VT_SOURCE_STORE;
  *verdict_age = known->age;
  return TRUE;
}

gint
vt_template_find_filesystem (const VtTemplate *self, const VtFilesystem *filesystem)
{
  return vt_image_template_find ((const char *const *)self->filesystems, filesystem);
}

const VtCleanFile *
vt_template_find_file (const VtTemplate *self, guint fs, guint64 inode, gsize *index)
{
  const VtCleanFile *file = vt_template_table_find (self->table, fs, inode);

  if (file != NULL)
    *index = (gsize)(file - (const VtCleanFile *)(gconstpointer)self->files->data);
  return file;
}

gsize
vt_template_count_files (const VtTemplate *self)
{
  return self->files->len;
}
