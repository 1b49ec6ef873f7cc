// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Rights, owners and labels, as debugfs(8) sets them. */
#include "ext-fixture.h"

#include <string.h>

#include "vt-fd.h"

#define LABEL "system_u:object_r:bin_t:s0"

/* One that leaves no room for another behind the fields. */
#define LARGE 180

static VtFs *
open_image (FsFixture *fixture, const char *options, const char *commands, int *file, VtDisk **disk)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *refusal = NULL;
  VtFs *ext;

  fs_fixture_write (fixture, "f", "text", 4);
  fs_fixture_write (fixture, "g", "text", 4);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, options));
  ext_fixture_debugfs (fixture, commands);
  *disk = fs_fixture_open_image (fixture, file);
  ext = vt_ext_open (*disk, 0, vt_disk_get_size (*disk), &refusal, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (refusal, ==, NULL);
  return ext;
}

static void
test_attributes (FsFixture *fixture, gconstpointer options)
{
  g_autofree char *large = g_strnfill (LARGE, 'x');
  g_autofree char *commands =
      g_strdup_printf ("sif /f mode 0104711\nsif /f uid 70000\nsif /f gid 80001\n"
                       "sif /f links_count 3\nea_set /f user.large %s\n"
                       "ea_set /f security.selinux " LABEL "\nea_set /f security.other no\n"
                       "ea_set /g user.selinux no\n",
                       large);
  vt_autofd file = -1;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) ext = open_image (fixture, options, commands, &file, &disk);
  g_autoptr (GError) error = NULL;
  VtFileAttributes attributes;
  gboolean known;

  g_assert_true (vt_fs_get_attributes (ext, "/f", &attributes, &known, &error));
  g_assert_no_error (error);
  g_assert_true (known);
  g_assert_cmpuint (attributes.mode, ==, 04711);
  g_assert_cmpuint (attributes.uid, ==, 70000);
  g_assert_cmpuint (attributes.gid, ==, 80001);
  g_assert_cmpuint (attributes.links, ==, 3);
  g_assert_cmpmem (attributes.label, attributes.label_size, LABEL, strlen (LABEL));
  g_assert_true (vt_fs_get_attributes (ext, "/g", &attributes, &known, &error));
  g_assert_cmpuint (attributes.label_size, ==, 0);
  g_assert_false (vt_fs_get_attributes (ext, "/none", &attributes, &known, &error));
  g_assert_error (error, VT_FS_ERROR, VT_FS_ERROR_MISSING);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ext_fixture_add ("/ext-attributes/behind-the-fields", "-t ext4 -I 512", test_attributes);
  ext_fixture_add ("/ext-attributes/in-a-block", "-t ext4", test_attributes);
  ext_fixture_add ("/ext-attributes/small-inodes", "-t ext2 -I 128", test_attributes);
  return g_test_run ();
}
