// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "fuzz-fs.h"
#include "vt-ntfs.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_fs (vt_ntfs_open, data, size);
  return 0;
}
