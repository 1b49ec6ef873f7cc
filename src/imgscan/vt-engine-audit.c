// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-audit.h"

#include <gio/gio.h>
#include <string.h>

#include "vt-container-private.h"
#include "vt-engine-attached.h"
#include "vt-engine-documents.h"
#include "vt-engine-members.h"
#include "vt-engine-settings.h"
#include "vt-engine-zip.h"

/* Archives attached to one program; one is what there is. */
#define ATTACHED_MAX 8

/* What the engine calls data that it does not know. */
#define UNKNOWN_TYPE "CL_TYPE_BINARY_DATA"

/* Compressed bytes after which a zlib stream is believed to be one, and room for what they make. */
#define ZLIB_RANGE    ((gsize)64)
#define ZLIB_UNPACKED 4096

/* Bytes of such data in which a zip archive may begin. */
#define ZIP_RANGE ((gsize)64 * 1024)

struct _VtEngineAudit {
  VtEngineMembersBudget budget;
  VtReason doubt;      /* the first, or NONE */
  GHashTable *digests; /* of members that have not come by yet: set of VtDigest */
  GHashTable *sizes;   /* likewise, of which only the size is known: set of guint64 */
};

VtEngineAudit *
vt_engine_audit_new (const VtEngineOptions *options)
{
  VtEngineAudit *self = g_new0 (VtEngineAudit, 1);

  self->budget.member_size = vt_engine_settings_get_max_file_size (options);
  self->budget.size = options->max_scan_size;
  self->budget.members = options->max_files;
  self->digests = g_hash_table_new_full (vt_digest_hash, vt_digest_equal, g_free, NULL);
  self->sizes = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  return self;
}

void
vt_engine_audit_free (VtEngineAudit *self)
{
  g_hash_table_unref (self->digests);
  g_hash_table_unref (self->sizes);
  g_free (self);
}

static void
expect (const VtEngineMember *member, gpointer audit)
{
  VtEngineAudit *self = audit;

  if (member->size <= VT_ENGINE_TINY_MAX)
    return;
  if (member->has_digest)
    g_hash_table_add (self->digests, g_memdup2 (&member->digest, sizeof member->digest));
  else
    g_hash_table_add (self->sizes, g_memdup2 (&member->size, sizeof member->size));
}

static void
doubt (VtEngineAudit *self, VtReason reason)
{
  if (self->doubt == VT_REASON_NONE)
    self->doubt = reason;
}

static void
list (VtEngineAudit *self, const char *type, const guint8 *data, gsize size)
{
  doubt (self, vt_engine_members_list (type, data, size, &self->budget, expect, self));
}

/* The engine takes these apart where they are: they are no layers. */
static void
list_attached (VtEngineAudit *self, const guint8 *data, gsize size)
{
  const char *type = NULL;
  gsize at = 0;

  for (guint n = 0; n < ATTACHED_MAX; n++) {
    at = vt_engine_attached_find (data, size, at, &type);
    if (at == size)
      return;
    list (self, type, data + at, size - at);
    doubt (self, vt_engine_documents_check (type, data + at, size - at));
    at++;
  }
  doubt (self, VT_REASON_FILES_LIMIT);
}

void
vt_engine_audit_pass (VtEngineAudit *self, const VtEngineLayer *layer)
{
  guint64 size = layer->size;

  g_hash_table_remove (self->digests, &layer->digest);
  g_hash_table_remove (self->sizes, &size);
}

static gboolean
is_program (const VtEngineLayer *layer)
{
  return strcmp (layer->type, "CL_TYPE_MSEXE") == 0 || strcmp (layer->type, "CL_TYPE_ELF") == 0;
}

/* How far in, a member of a zip archive that no directory tells of may begin. Of other containers
 * the members are looked at by themselves; data of no known type may hold anything, and behind a
 * good deal of it nobody looks for an archive. */
static gsize
find_zip_range (const VtEngineLayer *layer, VtContainerType container)
{
  if (is_program (layer))
    return layer->size;
  if (container.format == VT_FORMAT_ZIP)
    return layer->has_zip ? layer->size : 0;
  if (container.kind != VT_CONTAINER_NONE || strcmp (layer->type, UNKNOWN_TYPE) != 0)
    return 0;
  return layer->has_zip ? layer->size : MIN (layer->size, ZIP_RANGE);
}

/* What the directory of an archive passes over is hidden in it, whoever reads it by that. */
static void
check_zip (VtEngineAudit *self, const VtEngineLayer *layer, VtContainerType container)
{
  gsize range = find_zip_range (layer, container);
  g_autoptr (VtEngineZip) zip = NULL;
  guint64 start;
  guint64 end;

  if (range == 0)
    return;
  zip = vt_engine_zip_new (vt_engine_zip_peek_memory, (gpointer)layer->data, layer->size);
  for (guint n = 0; n < ATTACHED_MAX; n++) {
    if (!vt_engine_zip_next (zip, range, &start, &end))
      return;
    if (layer->has_zip && !is_program (layer))
      doubt (self, VT_REASON_DAMAGED);
    else
      list (self, "CL_TYPE_ZIP", layer->data + start, end - start);
  }
  doubt (self, VT_REASON_FILES_LIMIT);
}

/* Two bytes are the mark of zlib: whether what follows them is a stream. */
static gboolean
begins_zlib (const VtEngineLayer *layer)
{
  g_autoptr (GZlibDecompressor) converter = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
  guint8 unpacked[ZLIB_UNPACKED];
  gsize used;
  gsize made;

  return g_converter_convert (G_CONVERTER (converter), layer->data, MIN (layer->size, ZLIB_RANGE),
                              unpacked, sizeof unpacked, G_CONVERTER_NO_FLAGS, &used, &made,
                              NULL) != G_CONVERTER_ERROR;
}

/* The engine finds a file system of CDs in data that it has no type for. Of another container that
 * it does not take for one, it sees nothing: the content itself is opened as what it is, but what
 * is in it is not. */
static void
check_container (VtEngineAudit *self, const VtEngineLayer *layer, VtContainerType container)
{
  /* Of several cpio archives, one behind the other, the first is listed. */
  if (vt_engine_members_can_list (layer->type) && container.kind != VT_CONTAINER_CPIO)
    return;
  if (container.format == VT_FORMAT_ISO9660)
    list (self, "CL_TYPE_ISO9660", layer->data, layer->size);
  else if (container.kind == VT_CONTAINER_ENGINE)
    doubt (self, VT_REASON_UNSUPPORTED);
  else if (container.kind != VT_CONTAINER_NONE && layer->is_inner &&
           (container.format != VT_FORMAT_ZLIB || begins_zlib (layer)))
    doubt (self, VT_REASON_UNSUPPORTED);
}

void
vt_engine_audit_see (VtEngineAudit *self, const VtEngineLayer *layer)
{
  VtContainerType container = vt_container_look_in (layer->data, layer->size);

  vt_engine_audit_pass (self, layer);
  if (vt_engine_members_can_list (layer->type))
    list (self, layer->type, layer->data, layer->size);
  else if (layer->has_zip)
    list (self, "CL_TYPE_ZIP", layer->data, layer->size);
  doubt (self, vt_engine_documents_check (layer->type, layer->data, layer->size));
  check_container (self, layer, container);
  /* From a program in a compound file the engine goes on to the end of that, through sectors that
   * are in no order: an archive among them is not whole. It comes by again as what it is. */
  if (layer->in_compound)
    return;
  check_zip (self, layer, container);
  if (is_program (layer))
    list_attached (self, layer->data, layer->size);
}

VtReason
vt_engine_audit_finish (const VtEngineAudit *self)
{
  if (self->doubt != VT_REASON_NONE)
    return self->doubt;
  return g_hash_table_size (self->digests) + g_hash_table_size (self->sizes) > 0
             ? VT_REASON_UNSUPPORTED
             : VT_REASON_NONE;
}
