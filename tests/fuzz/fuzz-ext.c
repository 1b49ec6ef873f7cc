// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "fuzz-fs.h"
#include "vt-ext.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_fs (vt_ext_open, data, size);
  return 0;
}
