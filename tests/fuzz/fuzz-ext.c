// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* An image's bytes, opened, listed and read as an ext file system. */
#include "fuzz-fs.h"
#include "fuzz.h"
#include "vt-ext.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_fs (vt_ext_open, "/etc/os-release", data, size);
  return 0;
}
