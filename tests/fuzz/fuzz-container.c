// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Bytes that are looked at, whatever they are: all of them, and only their start. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "vt-container-private.h"
#include "vt-fd.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  vt_autofd file = memfd_create ("container", MFD_CLOEXEC);
  const char *name = NULL;
  VtContainerKind kind;

  if (write (file, data, size) != (ssize_t)size)
    return 0;
  kind = vt_container_recognise (file, size, &name);
  g_assert_cmpint (kind, <, VT_CONTAINER_N_KINDS);
  g_assert_true ((kind == VT_CONTAINER_NONE) == (name == NULL));
  /* In memory of just that size, so that what is read behind its end shows. */
  for (gsize n = 1; n < size && n < 2048; n += n / 8 + 1) {
    g_autofree guint8 *head = g_memdup2 (data, n);
    const VtContainerView view = {.head = head, .head_size = n, .size = size};

    g_assert_cmpint (vt_container_look (&view).kind, <, VT_CONTAINER_N_KINDS);
  }
  return 0;
}
