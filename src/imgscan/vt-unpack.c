// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-unpack-private.h"
#include "vt-unpack-rar.h"

#include <errno.h>
#include <locale.h>
#include <unistd.h>

#include "vt-fd.h"

/* Unpacked bytes up to which the ratio is not looked at: small files of zeros are common. */
#define RATIO_FREE ((guint64)64 * 1024 * 1024)

/* libarchive tells names in the locale, and those that it cannot tell in it not at all: in this one
 * it can tell all. Without it, 0 is the locale as it is. */
static locale_t names_locale;

static VtReason
reason_for (const VtUnpacking *self, VtReason reason)
{
  return reason == VT_REASON_DAMAGED && self->encrypted ? VT_REASON_ENCRYPTED : reason;
}

gboolean
vt_unpacking_fail (VtUnpacking *self, VtReason reason, const char *format, ...)
{
  va_list arguments;

  if (self->reason != VT_REASON_NONE)
    return FALSE;
  self->reason = reason_for (self, reason);
  va_start (arguments, format);
  self->detail = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
vt_unpacking_count (VtUnpacking *self)
{
  if (++self->members <= self->limits->max_members)
    return TRUE;
  return vt_unpacking_fail (self, VT_REASON_FILES_LIMIT,
                            "more than %" G_GUINT64_FORMAT " members, the limit",
                            self->limits->max_members);
}

gboolean
vt_unpacking_add (VtUnpacking *self, guint64 n)
{
  self->unpacked += n;
  if (self->unpacked <= RATIO_FREE ||
      self->unpacked / MAX (self->packed, 1) <= self->limits->max_ratio)
    return TRUE;
  return vt_unpacking_fail (self, VT_REASON_SCAN_LIMIT,
                            "%" G_GUINT64_FORMAT " bytes unpack to %" G_GUINT64_FORMAT
                            " and more: over the limit of %" G_GUINT64_FORMAT " times as many",
                            self->packed, self->unpacked, self->limits->max_ratio);
}

void
vt_member_init (VtMember *self, VtUnpacking *unpacking, const char *name)
{
  *self = (VtMember){.unpacking = unpacking, .name = name};
}

void
vt_member_clear (VtMember *self)
{
  g_clear_pointer (&self->content, vt_content_free);
}

void
vt_member_refuse (VtMember *self, VtReason reason)
{
  /* What ends the container's unpacking cuts the member that is at hand. */
  if (self->reason == VT_REASON_NONE)
    self->reason = self->unpacking->reason != VT_REASON_NONE ? self->unpacking->reason
                                                             : reason_for (self->unpacking, reason);
  g_clear_pointer (&self->content, vt_content_free);
}

/* Whether SIZE bytes of it are still within the limits; it is refused if they are only too many for
 * one member. */
static gboolean
check_size (VtMember *self, guint64 size)
{
  const VtUnpackLimits *limits = self->unpacking->limits;

  if (size > limits->max_member_size)
    vt_member_refuse (self, VT_REASON_SIZE_LIMIT);
  if (self->reason != VT_REASON_NONE || size <= limits->max_size - self->unpacking->size)
    return TRUE;
  return vt_unpacking_fail (self->unpacking, VT_REASON_SCAN_LIMIT,
                            "the members together have more than %" G_GUINT64_FORMAT
                            " bytes, the limit",
                            limits->max_size);
}

static gboolean
fail_for_memory (VtMember *self, const GError *error)
{
  return vt_unpacking_fail (self->unpacking, VT_REASON_READ_ERROR, "%s", error->message);
}

/* The size is not believed before all has come: so there is room for the largest that is allowed,
 * which takes no memory. */
static gboolean
make_content (VtMember *self)
{
  g_autoptr (GError) error = NULL;
  guint64 room = MIN (self->unpacking->limits->max_member_size, G_MAXINT64);

  if (self->content == NULL)
    self->content = vt_content_new (room, room, &error);
  return self->content != NULL || fail_for_memory (self, error);
}

gboolean
vt_member_write (VtMember *self, guint64 offset, const void *data, gsize n)
{
  g_autoptr (GError) error = NULL;

  if (!self->unpacking->in_stream && !vt_unpacking_add (self->unpacking, n))
    return FALSE;
  if (offset < self->size || offset > G_MAXINT64 - n) {
    vt_member_refuse (self, VT_REASON_DAMAGED);
    return TRUE;
  }
  self->size = offset + n;
  if (!check_size (self, self->size))
    return FALSE;
  if (self->reason != VT_REASON_NONE)
    return TRUE;
  return make_content (self) && (vt_content_write (self->content, offset, data, n, &error) ||
                                 fail_for_memory (self, error));
}

/* FALSE: that failed. */
static gboolean
seal (VtMember *self, int *memfd)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest;

  return make_content (self) && ((vt_content_shorten (self->content, self->size, &error) &&
                                  vt_content_finish (self->content, memfd, &digest, &error)) ||
                                 fail_for_memory (self, error));
}

gboolean
vt_member_finish (VtMember *self, guint64 size)
{
  VtUnpacking *unpacking = self->unpacking;
  vt_autofd memfd = -1;
  VtUnpackMember member = {.name = self->name};

  self->size = MAX (self->size, size);
  if (!check_size (self, self->size))
    return FALSE;
  if (self->size == 0 && self->reason == VT_REASON_NONE)
    return TRUE;
  if (self->reason == VT_REASON_NONE) {
    if (!seal (self, &memfd))
      return FALSE;
    unpacking->size += self->size;
  }
  member.size = self->size;
  member.reason = self->reason;
  member.content = vt_fd_steal (&memfd);
  vt_member_clear (self);
  return unpacking->func (&member, unpacking->user_data);
}

gssize
vt_unpack_file_read (gpointer source, guint8 *buffer, gsize n)
{
  VtUnpackFile *file = source;
  gssize got;

  n = (gsize)MIN (n, file->size - file->offset);
  do
    got = pread (file->fd, buffer, n, (off_t)file->offset);
  while (got < 0 && errno == EINTR);
  if (got > 0)
    file->offset += (guint64)got;
  return got;
}

/* The kind is the caller's word, the format is what the bytes say. */
static void
unpack (VtUnpacking *self, int fd, guint64 size, VtContainerKind kind)
{
  VtContainerType type = vt_container_look_at (fd, 0, size);
  VtUnpackFile file = {.fd = fd, .size = size};

  if (kind == VT_CONTAINER_ATTACHED && vt_container_has_attached (fd, size)) {
    vt_unpack_attached (self, &file);
  } else if (type.kind != kind) {
    vt_unpacking_fail (self, VT_REASON_ENGINE_ERROR, "no container of the kind that was told");
  } else if (kind == VT_CONTAINER_SQUASHFS) {
    vt_unpack_squashfs (self, fd, size);
  } else if (kind == VT_CONTAINER_CPIO) {
    g_auto (VtInput) input = {0};

    vt_input_init (&input, vt_unpack_file_read, &file);
    vt_unpack_cpio (self, &input, 0);
  } else if (type.format != VT_FORMAT_NONE) {
    self->encrypted = type.format == VT_FORMAT_RAR5 && vt_unpack_rar5_is_encrypted (fd, size);
    vt_unpack_archive (self, &file, type.format);
  } else {
    vt_unpacking_fail (self, VT_REASON_UNSUPPORTED, "%s cannot be opened here",
                       type.name ?: "this");
  }
}

void
vt_unpack_preload (void)
{
  if (names_locale == (locale_t)0)
    names_locale = newlocale (LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

VtReason
vt_unpack (int fd,
           guint64 size,
           VtContainerKind kind,
           const VtUnpackLimits *limits,
           VtUnpackFunc func,
           gpointer user_data,
           char **detail)
{
  VtUnpacking self = {
      .limits = limits,
      .func = func,
      .user_data = user_data,
      .packed = size,
  };
  locale_t before;

  vt_unpack_preload ();
  before = uselocale (names_locale);
  unpack (&self, fd, size, kind);
  uselocale (before);
  if (detail != NULL)
    *detail = g_steal_pointer (&self.detail);
  g_free (self.detail);
  return self.reason;
}
