// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-node.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-block-format.h"
#include "vt-fd.h"
#include "vt-image.h"
#include "vt-vmdk.h"

#define SECTOR 512

/* What is described. */
typedef struct {
  VtBlockFiles *files;
  gboolean is_one_file;
} Node;

static gboolean
check_flat_extent (const VtBlockFile *file, const VtVmdkExtent *extent, GError **error)
{
  guint64 last = extent->offset + extent->sectors;

  if (last <= file->size / SECTOR)
    return TRUE;
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                       "an extent of it is cut short");
  return FALSE;
}

/* Opens all extents of a VMDK; NAMES gets what QEMU finds them by. */
static gboolean
open_extents (
    Node *self, const VtBlockFile *base, const VtVmdk *vmdk, GPtrArray *names, GError **error)
{
  for (guint i = 0; i < vmdk->extents->len; i++) {
    const VtVmdkExtent *extent = g_ptr_array_index (vmdk->extents, i);
    const VtBlockFile *file =
        vt_block_files_open_named (self->files, base, extent->name, "file of its data", error);

    if (file == NULL)
      return FALSE;
    if (vt_vmdk_extent_is_flat (extent) ? !check_flat_extent (file, extent, error)
                                        : !vt_block_format_check_sparse_vmdk (file, error))
      return FALSE;
    g_ptr_array_add (names, vt_block_files_link (file));
  }
  return TRUE;
}

/* The descriptor that QEMU is to read in the place of FILE, or NULL. */
static const VtBlockFile *
replace_descriptor (Node *self, const VtBlockFile *file, const VtVmdk *vmdk, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  vt_autofd memfd = memfd_create ("vmdk", MFD_CLOEXEC);

  if (!open_extents (self, file, vmdk, names, error))
    return NULL;
  text = vt_vmdk_render (vmdk, (const char *const *)names->pdata);
  if (memfd < 0 || write (memfd, text, strlen (text)) != (gssize)strlen (text)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "memfd: %s", g_strerror (errno));
    return NULL;
  }
  return vt_block_files_add_memfd (self->files, file, vt_fd_steal (&memfd), error);
}

/* What QEMU is to read as FILE, or NULL. */
static const VtBlockFile *
prepare_vmdk (Node *self, const VtBlockFile *file, GError **error)
{
  GError *local_error = NULL;
  gsize size = 0;
  g_autofree char *text = vt_block_format_read_descriptor (file, &size, &local_error);
  g_autoptr (VtVmdk) vmdk = NULL;

  if (local_error != NULL) {
    g_propagate_error (error, local_error);
    return NULL;
  }
  if (text == NULL)
    return vt_block_format_check_sparse_vmdk (file, error) ? file : NULL;
  self->is_one_file = FALSE;
  vmdk = vt_vmdk_parse (text, size, error);
  return vmdk != NULL ? replace_descriptor (self, file, vmdk, error) : NULL;
}

static gboolean
add_data_file (Node *self, const VtBlockFile *file, JsonObject *node, GError **error)
{
  g_autofree char *name = NULL;
  const VtBlockFile *data;

  if (!vt_block_format_get_data_file (file, &name, error))
    return FALSE;
  if (name == NULL)
    return TRUE;
  data = vt_block_files_open_named (self->files, file, name, "file of its data", error);
  if (data == NULL)
    return FALSE;
  self->is_one_file = FALSE;
  json_object_set_object_member (node, "data-file", vt_block_files_describe (self->files, data));
  return TRUE;
}

JsonObject *
vt_block_node_new (VtBlockFiles *files,
                   const VtBlockFile *file,
                   const char *format,
                   gboolean *is_one_file,
                   GError **error)
{
  Node self = {files, TRUE};
  g_autoptr (JsonObject) node = json_object_new ();

  if (!vt_block_format_is_whole (file, format, error))
    return NULL;
  json_object_set_string_member (node, "driver", format);
  json_object_set_null_member (node, "backing");
  if (g_str_equal (format, "vmdk") && (file = prepare_vmdk (&self, file, error)) == NULL)
    return NULL;
  json_object_set_object_member (node, "file", vt_block_files_describe (files, file));
  if (g_str_equal (format, "qcow2") && !add_data_file (&self, file, node, error))
    return NULL;
  *is_one_file = self.is_one_file;
  return g_steal_pointer (&node);
}

char *
vt_block_node_print (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = json_to_string (node, FALSE);

  return g_strconcat ("json:", text, NULL);
}
