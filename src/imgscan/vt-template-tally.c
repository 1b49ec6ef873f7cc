// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-template-tally.h"

#include <string.h>

struct _VtTemplateTally {
  const VtTemplate *template;
  const VtScanResult *result;
  guint8 *seen; /* for each file of the template, whether there is one under its inode */
  VtTemplateUse use;
};

VtTemplateTally *
vt_template_tally_new (const VtTemplate *template, const VtScanResult *result)
{
  VtTemplateTally *self = g_new0 (VtTemplateTally, 1);

  self->template = template;
  self->result = result;
  self->seen = g_new0 (guint8, vt_template_count_files (template));
  return self;
}

void
vt_template_tally_free (VtTemplateTally *self)
{
  g_free (self->seen);
  g_free (self);
}

void
vt_template_tally_reset (VtTemplateTally *self)
{
  memset (self->seen, 0, vt_template_count_files (self->template));
  memset (&self->use, 0, sizeof self->use);
}

static const VtCleanFile *
find (const VtTemplateTally *self, const VtFileResult *file, gsize *index)
{
  gint fs = vt_template_find_filesystem (
      self->template, g_ptr_array_index (self->result->filesystems, file->filesystem));

  return fs >= 0 ? vt_template_find_file (self->template, (guint)fs, file->inode, index) : NULL;
}

void
vt_template_tally_note (VtTemplateTally *self, const VtFileResult *file)
{
  const VtCleanFile *before;
  gsize index;

  /* The cache has neither empty files, nor those of file systems without inodes, nor itself. */
  if (file->inode == 0 || file->size == 0 ||
      (file->has_digest && vt_template_is_own (self->template, &file->digest)))
    return;
  before = find (self, file, &index);
  if (before == NULL) {
    self->use.added++;
    return;
  }
  self->seen[index] = 1;
  if (file->has_digest && vt_digest_equal (&file->digest, &before->digest))
    self->use.unchanged++;
  else
    self->use.changed++;
}

/* Whether every file there is was noted. */
static gboolean
is_whole (const VtScanResult *result)
{
  if (result->error != NULL || result->partial || result->stats.excluded > 0)
    return FALSE;
  for (guint i = 0; i < result->filesystems->len; i++)
    if (((const VtFilesystem *)g_ptr_array_index (result->filesystems, i))->reason !=
        VT_REASON_NONE)
      return FALSE;
  return TRUE;
}

void
vt_template_tally_finish (VtTemplateTally *self, VtScanResult *result)
{
  const VtStatement *statement = vt_template_get_statement (self->template);
  gsize n_files = vt_template_count_files (self->template);

  self->use.removed_is_known = is_whole (result);
  self->use.removed = 0;
  for (gsize i = 0; self->use.removed_is_known && i < n_files; i++)
    self->use.removed += self->seen[i] == 0;
  self->use.id = g_strdup (statement->template_id);
  self->use.created = statement->created;
  self->use.counts = vt_template_counts (self->template);
  self->use.age = vt_template_get_age (self->template);
  g_free (result->template.id);
  result->template = self->use;
}
