// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-io.h"

#include <sys/mman.h>
#include <unistd.h>

#include "vt-fd.h"

#define DISK_SIZE ((gsize)1024 * 1024)

/* Nothing but zeros. */
static int
make_disk (void)
{
  int file = memfd_create ("disk", MFD_CLOEXEC);

  g_assert_cmpint (ftruncate (file, DISK_SIZE), ==, 0);
  return file;
}

static void
test_no_file_system (void)
{
  vt_autofd file = make_disk ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk = vt_disk_new_file (file, &error);
  g_autoptr (VtExtIo) io = vt_ext_io_new (disk, 0, DISK_SIZE);
  ext2_filsys fs = NULL;

  g_assert_cmpint (vt_ext_io_open (io, EXT2_FLAG_64BITS, &fs), ==, EXT2_ET_BAD_MAGIC);
  g_assert_null (vt_ext_io_take_failure (io));
  g_assert_cmpint (ftruncate (file, 0), ==, 0);
  {
    g_autoptr (VtExtIo) empty = vt_ext_io_new (disk, 0, DISK_SIZE);
    g_autoptr (GError) failure = NULL;

    g_assert_cmpint (vt_ext_io_open (empty, EXT2_FLAG_64BITS, &fs), !=, 0);
    failure = vt_ext_io_take_failure (empty);
    g_assert_error (failure, VT_DISK_ERROR, VT_DISK_ERROR_READ);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ext-io/no-file-system", test_no_file_system);
  return g_test_run ();
}
