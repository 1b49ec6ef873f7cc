// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-labels.h"

#include <errno.h>
#include <string.h>

#include "vt-guestfs.h"

#define CONFIG    "/etc/selinux/config"
#define ATTRIBUTE "security.selinux"

/* Neighbours that are asked, and the size in bytes of a directory that is still listed: what is
 * larger has tens of thousands of names, and its own label does. */
#define NEIGHBOURS_MAX     64
#define DIRECTORY_SIZE_MAX ((guint64)1024 * 1024)
/* Labels are some 40 bytes. */
#define LABEL_SIZE_MAX 1024

typedef struct guestfs_xattr_list GuestXattrs;
typedef struct guestfs_dirent_list GuestNames;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuestXattrs, guestfs_free_xattr_list)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuestNames, guestfs_free_dirent_list)

gboolean
vt_guestfs_uses_labels (guestfs_h *g, gboolean *uses, GError **error)
{
  g_auto (VtGuestFile) config = {0};

  if (!vt_guestfs_look_at (g, CONFIG, &config, error))
    return FALSE;
  *uses = config.kind == VT_GUEST_FILE;
  return TRUE;
}

static gboolean
is_label (const struct guestfs_xattr *attribute)
{
  return strcmp (attribute->attrname, ATTRIBUTE) == 0 && attribute->attrval_len > 0 &&
         attribute->attrval_len <= LABEL_SIZE_MAX;
}

gboolean
vt_guestfs_get_label (guestfs_h *g, const char *path, GBytes **label, GError **error)
{
  g_autoptr (GuestXattrs) attributes = guestfs_lgetxattrs (g, path);

  *label = NULL;
  /* Some file systems have no attributes. */
  if (attributes == NULL)
    return guestfs_last_errno (g) == ENOTSUP ||
           vt_guestfs_set_error (g, VT_IMAGE_ERROR_EDIT, path, error);
  for (guint i = 0; i < attributes->len && *label == NULL; i++)
    if (is_label (&attributes->val[i]))
      *label = g_bytes_new (attributes->val[i].attrval, attributes->val[i].attrval_len);
  return TRUE;
}

/* The letter of readdir(3) as libguestfs has it. */
static char
get_letter (VtGuestKind kind)
{
  switch (kind) {
  case VT_GUEST_DIRECTORY:
    return 'd';
  case VT_GUEST_LINK:
    return 'l';
  case VT_GUEST_FILE:
  case VT_GUEST_MISSING:
  case VT_GUEST_OTHER:
  default:
    return 'r';
  }
}

/* Names of that kind in DIRECTORY, in a list that ends with NULL; NULL: none is to be asked. */
static GPtrArray *
find_neighbours (guestfs_h *g, const char *directory, VtGuestKind kind)
{
  g_auto (VtGuestFile) file = {0};
  g_autoptr (GuestNames) names = NULL;
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);

  if (!vt_guestfs_look_at (g, directory, &file, NULL) || file.size > DIRECTORY_SIZE_MAX)
    return NULL;
  names = guestfs_readdir (g, directory);
  for (guint i = 0; names != NULL && i < names->len && found->len < NEIGHBOURS_MAX; i++) {
    const char *name = names->val[i].name;

    if (names->val[i].ftyp == get_letter (kind) && strcmp (name, ".") != 0 &&
        strcmp (name, "..") != 0)
      g_ptr_array_add (found, g_strdup (name));
  }
  if (found->len == 0)
    return NULL;
  g_ptr_array_add (found, NULL);
  return g_steal_pointer (&found);
}

/* The most frequent label among ATTRIBUTES; OWN if there is none. */
static GBytes *
choose (const GuestXattrs *attributes, GBytes *own)
{
  g_autoptr (GPtrArray) labels = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  guint most = 0;
  GBytes *best = own;

  for (guint i = 0; i < attributes->len; i++)
    if (is_label (&attributes->val[i]))
      g_ptr_array_add (labels,
                       g_bytes_new (attributes->val[i].attrval, attributes->val[i].attrval_len));
  for (guint i = 0; i < labels->len; i++) {
    guint count = 0;

    for (guint k = 0; k < labels->len; k++)
      count += g_bytes_equal (labels->pdata[i], labels->pdata[k]) ? 1 : 0;
    if (count > most) {
      most = count;
      best = labels->pdata[i];
    }
  }
  return g_bytes_ref (best);
}

gboolean
vt_guestfs_find_label (
    guestfs_h *g, const char *directory, VtGuestKind kind, GBytes **label, GError **error)
{
  g_autoptr (GBytes) own = NULL;
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GuestXattrs) attributes = NULL;

  *label = NULL;
  if (!vt_guestfs_get_label (g, directory, &own, error))
    return FALSE;
  if (own == NULL)
    return TRUE;
  names = find_neighbours (g, directory, kind);
  if (names != NULL)
    attributes = guestfs_lxattrlist (g, directory, (char **)names->pdata);
  *label = attributes != NULL ? choose (attributes, own) : g_steal_pointer (&own);
  return TRUE;
}

gboolean
vt_guestfs_set_label (guestfs_h *g, const char *path, GBytes *label, GError **error)
{
  gsize size;
  const char *value = g_bytes_get_data (label, &size);

  if (guestfs_lsetxattr (g, ATTRIBUTE, value, (int)size, path) == -1)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_EDIT, path, error);
  return TRUE;
}
