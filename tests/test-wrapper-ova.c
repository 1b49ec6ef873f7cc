// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "wrapper-fixture.h"

static const char ovf[] = "<?xml version='1.0' encoding='UTF-8'?>\n"
                          "<Envelope xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1'>\n"
                          "<References>\n"
                          "<File ovf:href='first%20disk.raw' ovf:id='f1'/>\n"
                          "<File ovf:href='vm.nvram' ovf:id='f2'/>\n"
                          "</References>\n"
                          "<DiskSection><Info>disks</Info>\n"
                          "<Disk ovf:diskId='d1' ovf:fileRef='f1' ovf:capacity='1'/>\n"
                          "<Disk ovf:diskId='d2' ovf:capacity='1'/>\n"
                          "</DiskSection></Envelope>\n";

/* Members to make archives of: a disk by the descriptor, one by its content, and others. */
static void
make_members (Fixture *fixture, gconstpointer data)
{
  set_up (fixture, data);
  write_file (fixture, "vm.ovf", ovf, strlen (ovf));
  shell (fixture, "printf 'checksums' >vm.mf && printf 'settings' >vm.nvram && "
                  "head -c 70000 /dev/zero | tr '\\0' a >'first disk.raw' && "
                  "{ printf 'QFI\\373'; head -c 10000 /dev/zero; } >second && "
                  "mkdir sub && head -c 513 /dev/zero >sub/more");
}

/* The images of the archive "a", and what else is in it; or the error. */
static char *
list (const Fixture *fixture)
{
  guint64 size;
  vt_autofd fd = open_file (fixture, "a", &size);
  g_auto (VtWrapperContents) contents = {0};
  g_autoptr (GError) error = NULL;
  GString *text = g_string_new (NULL);

  if (!vt_wrapper_list_ova (fd, size, &contents, &error)) {
    g_assert_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD);
    g_string_append (text, error->message);
    return g_string_free (text, FALSE);
  }
  for (guint i = 0; i < contents.images->len; i++) {
    const VtWrapperPart *part = g_ptr_array_index (contents.images, i);
    g_autofree guint8 *lies = g_malloc (part->size);
    g_autofree char *path = in_dir (fixture, part->name);
    g_autofree char *stored = NULL;
    gsize n;

    g_string_append_printf (text, "%s+%" G_GUINT64_FORMAT " ", part->name, part->size);
    /* Names that lead elsewhere are no names of the fixture's files. */
    g_assert_true (vt_wrapper_read (fd, part->offset, lies, part->size));
    if (g_file_get_contents (path, &stored, &n, NULL))
      g_assert_cmpmem (lies, part->size, stored, n);
  }
  for (guint i = 0; i < contents.ignored->len; i++)
    g_string_append_printf (text, "(%s) ", (char *)g_ptr_array_index (contents.ignored, i));
  return g_string_free (text, FALSE);
}

static void
assert_list (const Fixture *fixture, const char *command, const char *expected)
{
  g_autofree char *found = NULL;

  shell (fixture, command);
  found = list (fixture);
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_refused (const Fixture *fixture, const char *command, const char *text)
{
  g_autofree char *found = NULL;

  shell (fixture, command);
  found = list (fixture);
  if (strstr (found, text) == NULL)
    g_error ("'%s' is not in '%s'", text, found);
}

static void
test_formats_of_tar (Fixture *fixture, gconstpointer data)
{
  static const char members[] = "vm.ovf vm.mf 'first disk.raw' vm.nvram sub second >a";
  g_autofree char *ustar = g_strdup_printf ("tar -c --format=ustar %s", members);
  g_autofree char *gnu = g_strdup_printf ("tar -c --format=gnu %s", members);
  g_autofree char *pax = g_strdup_printf ("tar -c --format=pax %s", members);
  static const char expected[] = "first disk.raw+70000 second+10004 (vm.nvram) (sub/more) ";

  assert_list (fixture, ustar, expected);
  assert_list (fixture, gnu, expected);
  assert_list (fixture, pax, expected);
}

static void
test_long_names (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autofree char *name = g_strnfill (200, 'n');
  g_autofree char *copy = g_strdup_printf ("cp second %s", name);
  g_autofree char *gnu = g_strdup_printf ("tar -c --format=gnu %s >a", name);
  g_autofree char *pax = g_strdup_printf ("tar -c --format=pax %s >a", name);

  shell (fixture, copy);
  text = g_strconcat (name, "+10004 ", NULL);
  assert_list (fixture, gnu, text);
  assert_list (fixture, pax, text);
}

/* Names lead nowhere: nothing is opened or written by them. */
static void
test_odd_names (Fixture *fixture, gconstpointer data)
{
  assert_list (fixture, "tar -cP --transform 's|second|../../second|' second >a",
               "../../second+10004 ");
  assert_list (fixture, "tar -cP --transform 's|second|/etc/second|' second >a",
               "/etc/second+10004 ");
  assert_list (fixture, "tar -c ./second >a", "second+10004 ");
  assert_list (fixture, "cp second \"$(printf 'x\\377\\033[2J')\" && tar -c x* >a",
               "x\xff\x1b[2J+10004 ");
}

static void
test_missing_disk (Fixture *fixture, gconstpointer data)
{
  assert_refused (fixture, "tar -c vm.ovf second >a", "'first%20disk.raw', which its OVF names");
  /* A link is no disk. */
  assert_refused (fixture, "ln -sf second 'first disk.raw' && tar -c vm.ovf first* second >a",
                  "is not in the archive");
}

static void
test_no_disk (Fixture *fixture, gconstpointer data)
{
  assert_refused (fixture, "tar -c vm.mf vm.nvram >a", "there is no disk");
  assert_refused (fixture, "tar -c -T /dev/null >a", "there is no disk");
}

static void
test_two_of_one_name (Fixture *fixture, gconstpointer data)
{
  assert_refused (fixture, "tar -c second >a && tar -rf a second", "two members of the name");
  assert_refused (fixture, "tar -c second >a && tar -rf a ./second", "two members of the name");
  assert_refused (fixture, "cp vm.ovf x.ovf && tar -c vm.ovf x.ovf >a", "two descriptors");
}

static void
test_pieces (Fixture *fixture, gconstpointer data)
{
  static const char *const ways[] = {"--format=gnu", "--sparse-version=0.0", "--sparse-version=0.1",
                                     "--sparse-version=1.0"};

  shell (fixture, "truncate -s 1M second");
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autofree char *command = g_strdup_printf ("tar -cS %s second >a", ways[i]);

    assert_refused (fixture, command, "lies in pieces");
  }
}

static void
test_cut_off (Fixture *fixture, gconstpointer data)
{
  shell (fixture, "tar -c second 'first disk.raw' >whole");
  /* In the second member's data, between the two, in its header, before the end's mark. */
  assert_refused (fixture, "head -c 50000 whole >a", "cut off");
  assert_refused (fixture, "head -c 10752 whole >a", "cut off");
  assert_refused (fixture, "head -c 11000 whole >a", "cut off");
  assert_refused (fixture, "head -c 81408 whole >a", "cut off");
}

static void
set_header (const Fixture *fixture, guint at, const char *text)
{
  g_autofree char *path = in_dir (fixture, "a");
  vt_autofd fd = open (path, O_RDWR | O_CLOEXEC);
  guint8 header[512];
  g_autofree char *digits = NULL;
  guint sum = 0;

  g_assert_cmpint (pread (fd, header, sizeof header, 0), ==, sizeof header);
  memcpy (header + at, text, strlen (text));
  memset (header + 148, ' ', 8);
  for (guint i = 0; i < sizeof header; i++)
    sum += header[i];
  digits = g_strdup_printf ("%06o", sum);
  memcpy (header + 148, digits, 7);
  g_assert_cmpint (pwrite (fd, header, sizeof header, 0), ==, sizeof header);
}

static void
test_sizes_that_lie (Fixture *fixture, gconstpointer data)
{
  static const char *const sizes[] = {"00000100000", "77777777777",
                                      "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                                      "\x80\x01\x01\x01\x7f\xff\xff\xff\xff\xff\xff"};

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    shell (fixture, "tar -c --format=ustar second >a");
    set_header (fixture, 124, sizes[i]);
    assert_refused (fixture, "true", "cut off");
  }
}

static void
test_too_many_members (Fixture *fixture, gconstpointer data)
{
  assert_refused (fixture,
                  "mkdir many && cd many && seq 1001 | xargs touch && cd .. && tar -c many >a",
                  "more than 1000 members");
  assert_refused (fixture,
                  "rm -r many && mkdir many && for i in $(seq 65); do cp second many/$i; done && "
                  "tar -c many >a",
                  "more than 64 disks");
}

static char *
parse_ovf (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) disks = vt_wrapper_parse_ovf (text, strlen (text), &error);

  if (disks != NULL)
    return g_strjoinv (" ", disks);
  g_assert_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD);
  return g_strdup (error->message);
}

static void
test_descriptors (void)
{
  static const struct {
    const char *text;
    const char *result;
  } cases[] = {
      {"<E><File id='a' href='x'/><Disk fileRef='a'/></E>", "x"},
      {"\xef\xbb\xbf<n:E><n:File o:id='a' o:href='x'/><n:Disk o:fileRef='a'/></n:E>", "x"},
      /* The order is the author's. */
      {"<E><Disk fileRef='b'/><File id='a' href='x'/><File id='b' href='y&amp;'/></E>", "y&"},
      {"<E><Disk capacity='1'/></E>", ""},
      {"<E><Disk fileRef='a'/></E>",
       "its OVF has a disk in the file 'a', and does not tell which that is"},
  };
  g_autofree char *entity =
      parse_ovf ("<!DOCTYPE E [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><E><File id='&a;'/></E>");
  g_autofree char *cut = parse_ovf ("<E><File id='a' href='x'/>");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *result = parse_ovf (cases[i].text);

    g_assert_cmpstr (result, ==, cases[i].result);
  }
  g_assert_true (g_str_has_prefix (entity, "its OVF cannot be understood"));
  g_assert_true (g_str_has_prefix (cut, "its OVF cannot be understood"));
}

#define ADD(name, function)                                                                        \
  g_test_add ("/wrapper-ova/" name, Fixture, NULL, make_members, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("formats-of-tar", test_formats_of_tar);
  ADD ("long-names", test_long_names);
  ADD ("odd-names", test_odd_names);
  ADD ("missing-disk", test_missing_disk);
  ADD ("no-disk", test_no_disk);
  ADD ("two-of-one-name", test_two_of_one_name);
  ADD ("pieces", test_pieces);
  ADD ("cut-off", test_cut_off);
  ADD ("sizes-that-lie", test_sizes_that_lie);
  ADD ("too-many-members", test_too_many_members);
  g_test_add_func ("/wrapper-ova/descriptors", test_descriptors);
  return g_test_run ();
}
