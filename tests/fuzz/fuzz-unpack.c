// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Bytes that are unpacked as what they are taken for. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "vt-content.h"
#include "vt-fd.h"
#include "vt-unpack.h"

static const char *const passwords[] = {"secret", "other", NULL};

static const VtUnpackLimits limits = {
    .max_member_size = 256 * 1024,
    .max_size = 1024 * 1024,
    .max_members = 200,
    .max_ratio = 1000,
    .passwords = passwords,
};

typedef struct {
  guint64 members;
  guint64 size;
} Seen;

static gboolean
on_member (const VtUnpackMember *member, gpointer user_data)
{
  Seen *seen = user_data;
  vt_autofd content = member->content;

  g_assert_cmpint (member->name[0], !=, '\0');
  g_assert_true ((content >= 0) == (member->reason == VT_REASON_NONE));
  seen->members++;
  if (content < 0)
    return TRUE;
  g_assert_true (vt_content_is_sealed (content, member->size));
  g_assert_cmpuint (member->size, <=, limits.max_member_size);
  seen->size += member->size;
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  vt_autofd file = memfd_create ("container", MFD_CLOEXEC);
  g_autofree char *detail = NULL;
  VtContainerKind kind;
  VtReason reason;
  Seen seen = {0};

  if (write (file, data, size) != (ssize_t)size)
    return 0;
  kind = vt_container_recognise (file, size, NULL);
  reason = vt_unpack (file, size, kind, &limits, on_member, &seen, &detail);
  g_assert_true ((detail == NULL) == (reason == VT_REASON_NONE));
  g_assert_cmpuint (seen.members, <=, limits.max_members);
  g_assert_cmpuint (seen.size, <=, limits.max_size);
  return 0;
}
