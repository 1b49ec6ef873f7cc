// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-chain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vt-block-checks.h"
#include "vt-block-explain.h"
#include "vt-block-format.h"
#include "vt-block-info.h"
#include "vt-block-node.h"
#include "vt-paths.h"

/* Images one upon the other. Chains of snapshots are seldom longer than ten. */
#define LINKS_MAX 32
#define UNKNOWN   G_MAXUINT64

/* One image of it. */
typedef struct {
  const VtBlockFile *file;
  char *node; /* it, and what it lies upon */
} Link;

struct _VtBlockChain {
  VtBlockFiles *files;
  VtBlockChecks *checks;
  const char *format; /* static */
  guint64 virtual_size;
  GPtrArray *links;  /* of Link, the image itself first */
  JsonObject *image; /* the node of the image, which may be part of the overlay's */
  JsonObject *top;
  const VtBlockFile *overlay; /* NULL: there is none */
  gboolean is_writable;
  gboolean is_one_file;
};

static void
link_free (gpointer data)
{
  Link *link = data;

  g_free (link->node);
  g_free (link);
}

void
vt_block_chain_free (VtBlockChain *self)
{
  g_clear_pointer (&self->image, json_object_unref);
  g_clear_pointer (&self->top, json_object_unref);
  g_clear_pointer (&self->checks, vt_block_checks_free);
  g_clear_pointer (&self->files, vt_block_files_free);
  g_clear_pointer (&self->links, g_ptr_array_unref);
  g_free (self);
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, what);
  return FALSE;
}

static const char *
find_backing_format (const VtBlockInfo *info, GError **error)
{
  const char *format =
      info->backing_format != NULL ? vt_block_format_find (info->backing_format) : NULL;

  /* Whoever could write to a raw disk would choose what it is taken for. */
  if (info->backing_format == NULL)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "it does not name the format of its backing file; if it is qcow2, say so in the "
                 "image: qemu-img rebase -u -F qcow2 -b '%s' IMAGE",
                 info->backing);
  else if (format == NULL)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "its backing file is of the format '%s'; read are " VT_BLOCK_FORMATS,
                 info->backing_format);
  return format;
}

/* The file that FILE lies upon; NULL with no error if there is none. */
static const VtBlockFile *
open_backing (VtBlockChain *self,
              const VtBlockFile *file,
              const VtBlockInfo *info,
              const char **format,
              GError **error)
{
  if (info->backing == NULL)
    return NULL;
  file = vt_block_files_open_named (self->files, file, info->backing, "backing file", error);
  if (file == NULL)
    return NULL;
  *format = find_backing_format (info, error);
  return *format != NULL ? file : NULL;
}

static JsonObject *
describe (VtBlockChain *self, const VtBlockFile *file, const char *format, GError **error)
{
  gboolean is_one_file;
  JsonObject *node = vt_block_node_new (self->files, file, format, &is_one_file, error);

  /* The first one that is described is the image. */
  if (node != NULL && self->image == NULL)
    self->is_one_file = self->is_one_file && is_one_file;
  return node;
}

/* Opens one image, and says in *FILE upon which one it lies, or NULL. NULL: there is an error. */
static JsonObject *
open_link (VtBlockChain *self,
           const VtBlockFile **file,
           const char **format,
           const char *snapshot,
           GError **error)
{
  g_autoptr (JsonObject) node = describe (self, *file, *format, error);
  g_auto (VtBlockInfo) info = {0};
  g_autofree char *text = NULL;
  GError *local_error = NULL;

  if (node == NULL)
    return NULL;
  text = vt_block_node_print (node);
  if (!vt_block_info_read (self->files, text, snapshot, &info, error))
    return NULL;
  if (self->virtual_size == UNKNOWN)
    self->virtual_size = info.virtual_size;
  *file = open_backing (self, *file, &info, format, &local_error);
  if (local_error == NULL)
    return g_steal_pointer (&node);
  g_propagate_error (error, local_error);
  return NULL;
}

static void
add_link (VtBlockChain *self, const VtBlockFile *file)
{
  Link *link = g_new0 (Link, 1);

  link->file = file;
  g_ptr_array_add (self->links, link);
}

/* Each one's description has those of all below it; that of the image, the overlay. */
static void
print_nodes (VtBlockChain *self)
{
  JsonObject *image = self->image;

  for (guint i = 0; i < self->links->len; i++) {
    Link *link = g_ptr_array_index (self->links, i);

    g_free (link->node);
    link->node = vt_block_node_print (i == 0 ? self->top : image);
    if (i + 1 < self->links->len)
      image = json_object_get_object_member (image, "backing");
  }
}

/* What errors about FILE begin with. */
static char *
make_prefix (VtBlockChain *self, const VtBlockFile *file)
{
  return self->image == NULL ? g_strdup ("")
                             : g_strdup_printf ("its backing file %s: ",
                                                vt_block_files_get_path (self->files, file));
}

static gboolean
check_node (VtBlockChain *self, JsonObject *node, const char *prefix, GError **error)
{
  g_autofree char *text = vt_block_node_print (node);

  return vt_block_checks_add (self->checks, text, prefix, error);
}

static gboolean
open_links (VtBlockChain *self, const VtBlockFile *file, const char *snapshot, GError **error)
{
  JsonObject *above = NULL; /* part of the image's */
  const char *format = self->format;

  self->is_one_file = vt_block_files_is_whole_file (file);
  for (guint i = 0; file != NULL; i++) {
    g_autofree char *prefix = make_prefix (self, file);
    JsonObject *node;

    if (i == LINKS_MAX)
      return fail (error, "its backing files go on and on: in a loop, or more than " G_STRINGIFY (
                              LINKS_MAX));
    add_link (self, file);
    node = open_link (self, &file, &format, snapshot, error);
    if (node == NULL) {
      g_prefix_error_literal (error, prefix);
      return FALSE;
    }
    if (above != NULL)
      json_object_set_object_member (above, "backing", node);
    else
      self->image = node;
    if (!check_node (self, node, prefix, error))
      return FALSE;
    above = node;
    snapshot = NULL;
  }
  return TRUE;
}

static gboolean
check_overlay (VtBlockChain *self, JsonObject *node, GError **error)
{
  g_auto (VtBlockInfo) info = {0};
  g_autofree char *text = vt_block_node_print (node);

  if (!vt_block_info_read (self->files, text, NULL, &info, error))
    return FALSE;
  if (info.backing != NULL)
    return fail (error, "it names a backing file");
  if (info.virtual_size == self->virtual_size)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
               "it is for an image of %" G_GUINT64_FORMAT
               " bytes, and this one has %" G_GUINT64_FORMAT,
               info.virtual_size, self->virtual_size);
  return FALSE;
}

/* Puts the overlay on top of the image. */
static gboolean
add_overlay (VtBlockChain *self, GError **error)
{
  g_autoptr (JsonObject) node = NULL;

  self->overlay = vt_block_files_open_overlay (self->files, error);
  if (self->overlay == NULL || (node = describe (self, self->overlay, "qcow2", error)) == NULL ||
      !check_overlay (self, node, error)) {
    g_prefix_error_literal (error, "overlay: ");
    return FALSE;
  }
  if (!check_node (self, node, "overlay: ", error))
    return FALSE;
  /* QEMU opens backing files so anyhow; it is said once more where so much depends on it. */
  json_object_set_boolean_member (self->image, "read-only", TRUE);
  json_object_set_object_member (node, "backing", json_object_ref (self->image));
  self->top = g_steal_pointer (&node);
  return TRUE;
}

static gboolean
check_options (const VtImageOptions *options, GError **error)
{
  if (options->overlay != NULL && options->snapshot != NULL) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                 "an internal snapshot ('%s') cannot be changed", options->snapshot);
    return FALSE;
  }
  if (options->overlay != NULL || options->mode != VT_IMAGE_EDIT)
    return TRUE;
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                       "there is no overlay for what is to be changed");
  return FALSE;
}

/* The format the operator names, or what the image's bytes tell. */
static const char *
find_format (const VtImageOptions *options, const VtBlockFile *image, GError **error)
{
  const char *format;

  if (options->format == NULL)
    return vt_block_format_probe (image, error);
  format = vt_block_format_find (options->format);
  if (format == NULL)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                 "--image-format: '%s' is not read; read are " VT_BLOCK_FORMATS, options->format);
  return format;
}

VtBlockChain *
vt_block_chain_open (const VtImageOptions *options, GError **error)
{
  g_autoptr (VtBlockChain) self = g_new0 (VtBlockChain, 1);
  const VtBlockFile *image;

  self->virtual_size = UNKNOWN;
  self->links = g_ptr_array_new_with_free_func (link_free);
  self->is_writable = options->mode == VT_IMAGE_EDIT;
  if (!check_options (options, error))
    return NULL;
  self->files = vt_block_files_new (options, error);
  if (self->files == NULL)
    return NULL;
  self->checks = vt_block_checks_new (self->files);
  image = vt_block_files_open_image (self->files, error);
  if (image == NULL)
    return NULL;
  self->format = find_format (options, image, error);
  if (self->format == NULL || !open_links (self, image, options->snapshot, error))
    return NULL;
  if (options->overlay == NULL)
    self->top = json_object_ref (self->image);
  else if (!add_overlay (self, error))
    return NULL;
  print_nodes (self);
  return vt_block_checks_finish (self->checks, error) ? g_steal_pointer (&self) : NULL;
}

const char *
vt_block_chain_get_format (VtBlockChain *self)
{
  return self->format;
}

guint64
vt_block_chain_get_virtual_size (VtBlockChain *self)
{
  return self->virtual_size;
}

guint
vt_block_chain_get_length (VtBlockChain *self)
{
  return self->links->len;
}

static const Link *
get_link (VtBlockChain *self, guint index)
{
  return g_ptr_array_index (self->links, index);
}

gint
vt_block_chain_find (VtBlockChain *self, const char *path)
{
  for (guint i = 0; i < self->links->len; i++)
    if (vt_block_files_is_at (self->files, get_link (self, i)->file, path))
      return (gint)i;
  return -1;
}

gboolean
vt_block_chain_is_writable (VtBlockChain *self)
{
  return self->is_writable;
}

guint64
vt_block_chain_get_overlay_max (VtBlockChain *self)
{
  guint64 room = vt_paths_get_room (self->overlay->fd, NULL);

  return self->overlay->size + MIN (room, G_MAXINT64 - self->overlay->size);
}

gboolean
vt_block_chain_is_one_file (VtBlockChain *self)
{
  return self->is_one_file;
}

gboolean
vt_block_chain_replace_image (VtBlockChain *self, int fd, GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  const VtBlockFile *file =
      vt_block_files_add_memfd (self->files, vt_block_files_get (self->files, 0), copy, error);

  if (file == NULL)
    return FALSE;
  json_object_set_object_member (self->image, "file", vt_block_files_describe (self->files, file));
  json_object_remove_member (self->image, "read-only");
  print_nodes (self);
  return TRUE;
}

/* The image's node without what it lies upon, which qemu-img does not want to be told. */
static char *
print_image_alone (VtBlockChain *self)
{
  g_autoptr (JsonObject) alone = json_object_new ();
  g_autoptr (GList) names = json_object_get_members (self->image);

  for (GList *name = names; name != NULL; name = name->next)
    json_object_set_member (alone, name->data, json_object_dup_member (self->image, name->data));
  json_object_set_null_member (alone, "backing");
  return vt_block_node_print (alone);
}

gboolean
vt_block_chain_check_image (VtBlockChain *self, GError **error)
{
  g_autofree char *text = print_image_alone (self);

  return vt_block_checks_add (self->checks, text, "", error) &&
         vt_block_checks_finish (self->checks, error);
}

const char *
vt_block_chain_get_node (VtBlockChain *self, guint index)
{
  return get_link (self, index)->node;
}

void
vt_block_chain_hand_on (VtBlockChain *self)
{
  vt_block_files_hand_on (self->files);
}

char *
vt_block_chain_explain (VtBlockChain *self, const char *text)
{
  return vt_block_explain (self->files, text);
}
