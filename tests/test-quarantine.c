// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-quarantine.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-fd.h"
#include "vt-memfd.h"
#include "vt-paths.h"

/* More than one piece, and no multiple of one. */
#define SIZE  ((gsize)150001)
#define LABEL "system_u:object_r:bin_t:s0"

typedef struct {
  char *dir;
  char *quarantine;
  guint8 *content;
  int memfd;
  VtQuarantineEntry *entry;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const char *const members[] = {"inner\xff", "tool", NULL};

  fixture->dir = g_dir_make_tmp ("vt-quarantine-XXXXXX", NULL);
  fixture->quarantine = g_build_filename (fixture->dir, "q", NULL);
  fixture->content = g_malloc (SIZE);
  for (gsize i = 0; i < SIZE; i++)
    fixture->content[i] = (guint8)(i * 7 + i / 256);
  fixture->memfd = vt_memfd_new ("content");
  g_assert_true (vt_fd_write_at (fixture->memfd, 0, fixture->content, SIZE));
  fixture->entry = vt_quarantine_entry_new ();
  fixture->entry->image = g_strdup ("disk\xfe.qcow2");
  fixture->entry->path = g_strdup ("/srv/\n\xff");
  fixture->entry->fs = g_strdup ("/dev/sda1");
  fixture->entry->threat = g_strdup ("T");
  fixture->entry->members = g_strdupv ((char **)members);
  fixture->entry->size = SIZE;
  fixture->entry->digest = vt_digest_of_data (fixture->content, SIZE);
  fixture->entry->has_attributes = TRUE;
  fixture->entry->attributes = (VtFileAttributes){
      .mode = 04755, .uid = 4294967295, .gid = 7, .label_size = sizeof LABEL, .label = LABEL};
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_quarantine_entry_free (fixture->entry);
  vt_fd_clear (&fixture->memfd);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->content);
  g_free (fixture->quarantine);
  g_free (fixture->dir);
}

static VtQuarantine *
open_new (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VtQuarantine *quarantine = vt_quarantine_open (fixture->quarantine, TRUE, &error);

  g_assert_no_error (error);
  return quarantine;
}

static char *
file_of (Fixture *fixture, const char *suffix)
{
  g_autofree char *name = g_strconcat (fixture->entry->id, suffix, NULL);

  return g_build_filename (fixture->quarantine, name, NULL);
}

static guint
get_mode (const char *path)
{
  struct stat info;

  g_assert_cmpint (stat (path, &info), ==, 0);
  return info.st_mode & 07777;
}

static guint
count_files (Fixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->quarantine, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static VtQuarantine *
add (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  VtQuarantine *quarantine = open_new (fixture);

  g_assert_true (vt_quarantine_add (quarantine, fixture->entry, fixture->memfd, &error));
  g_assert_no_error (error);
  return quarantine;
}

static void
test_comes_back_as_it_was (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtQuarantine) quarantine = add (fixture);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtQuarantineEntry) found = vt_quarantine_find (quarantine, fixture->entry->id, &error);
  g_autofree guint8 *bytes = g_malloc (SIZE + 1);
  vt_autofd content = -1;

  g_assert_no_error (error);
  g_assert_cmpstr (found->id, ==, fixture->entry->id);
  g_assert_cmpstr (found->image, ==, fixture->entry->image);
  g_assert_cmpstr (found->path, ==, fixture->entry->path);
  g_assert_cmpstr (found->fs, ==, fixture->entry->fs);
  g_assert_cmpstr (found->threat, ==, fixture->entry->threat);
  g_assert_cmpstrv (found->members, fixture->entry->members);
  g_assert_cmpuint (found->size, ==, SIZE);
  g_assert_true (vt_digest_equal (&found->digest, &fixture->entry->digest));
  g_assert_true (found->has_attributes);
  g_assert_cmpuint (found->attributes.mode, ==, 04755);
  g_assert_cmpuint (found->attributes.uid, ==, 4294967295);
  g_assert_cmpuint (found->attributes.gid, ==, 7);
  g_assert_cmpmem (found->attributes.label, found->attributes.label_size, LABEL, sizeof LABEL);
  content = vt_quarantine_extract (quarantine, found, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vt_fd_read_at (content, 0, bytes, SIZE + 1), ==, SIZE);
  g_assert_cmpmem (bytes, SIZE, fixture->content, SIZE);
}

/* As documented: another program must be able to undo it. */
static void
test_form (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtQuarantine) quarantine = add (fixture);
  g_autofree char *content = file_of (fixture, ".vtq");
  g_autofree char *entry = file_of (fixture, ".json");
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_cmpuint (get_mode (fixture->quarantine), ==, 0700);
  g_assert_cmpuint (get_mode (content), ==, 0600);
  g_assert_cmpuint (get_mode (entry), ==, 0600);
  g_assert_cmpuint (count_files (fixture), ==, 2);
  g_assert_true (g_file_get_contents (content, &bytes, &size, NULL));
  g_assert_cmpuint (size, ==, SIZE);
  for (gsize i = 0; i < SIZE; i++)
    g_assert_cmpuint ((guint8)bytes[i], ==, fixture->content[i] ^ 0xa5);
  vt_quarantine_remove (quarantine, fixture->entry->id);
  g_assert_cmpuint (count_files (fixture), ==, 0);
}

static void
assert_not_found (VtQuarantine *quarantine, const char *id, VtQuarantineError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_quarantine_find (quarantine, id, &error));
  g_assert_error (error, VT_QUARANTINE_ERROR, (gint)code);
}

static void
test_ids (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtQuarantine) quarantine = add (fixture);
  g_autofree char *other = g_uuid_string_random ();
  g_autofree char *to = g_strconcat (fixture->quarantine, "/", other, ".json", NULL);
  g_autofree char *up = g_strconcat ("../q/", fixture->entry->id, NULL);
  g_autofree char *from = file_of (fixture, ".json");

  assert_not_found (quarantine, other, VT_QUARANTINE_ERROR_MISSING);
  assert_not_found (quarantine, up, VT_QUARANTINE_ERROR_MISSING);
  assert_not_found (quarantine, "", VT_QUARANTINE_ERROR_MISSING);
  g_assert_cmpint (g_rename (from, to), ==, 0);
  assert_not_found (quarantine, other, VT_QUARANTINE_ERROR_DAMAGED);
  g_assert_cmpint (symlink (to, from), ==, 0);
  assert_not_found (quarantine, fixture->entry->id, VT_QUARANTINE_ERROR_SYSTEM);
}

static void
assert_not_extracted (Fixture *fixture, VtQuarantine *quarantine)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (vt_quarantine_extract (quarantine, fixture->entry, &error), ==, -1);
  g_assert_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_DAMAGED);
}

static void
test_other_content_is_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtQuarantine) quarantine = add (fixture);
  g_autofree char *path = file_of (fixture, ".vtq");
  vt_autofd fd = g_open (path, O_RDWR | O_CLOEXEC, 0);

  g_assert_true (vt_fd_write_at (fd, SIZE - 1, "", 1));
  assert_not_extracted (fixture, quarantine);
  g_assert_cmpint (ftruncate (fd, SIZE + 1), ==, 0);
  assert_not_extracted (fixture, quarantine);
  g_assert_cmpint (ftruncate (fd, SIZE - 1), ==, 0);
  assert_not_extracted (fixture, quarantine);
}

/* What is not what was found is no entry, and nothing of it stays. */
static void
test_add_fails_whole (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtQuarantine) quarantine = open_new (fixture);
  g_autoptr (GError) error = NULL;

  fixture->entry->digest.bytes[0] ^= 1;
  g_assert_false (vt_quarantine_add (quarantine, fixture->entry, fixture->memfd, &error));
  g_assert_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_DAMAGED);
  g_clear_error (&error);
  g_assert_cmpuint (count_files (fixture), ==, 0);
  fixture->entry->digest.bytes[0] ^= 1;
  fixture->entry->size++;
  g_assert_false (vt_quarantine_add (quarantine, fixture->entry, fixture->memfd, &error));
  g_assert_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_DAMAGED);
  g_assert_cmpuint (count_files (fixture), ==, 0);
}

static void
assert_not_opened (const char *path, gboolean create)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_quarantine_open (path, create, &error));
  g_assert_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_DIRECTORY);
}

static void
test_directories (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file = g_build_filename (fixture->dir, "file", NULL);
  g_autofree char *below = g_build_filename (fixture->dir, "none", "q", NULL);

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  assert_not_opened (fixture->quarantine, FALSE);
  assert_not_opened (file, TRUE);
  assert_not_opened (below, TRUE);
  g_assert_cmpint (g_mkdir (fixture->quarantine, 0755), ==, 0);
  vt_quarantine_free (open_new (fixture));
  g_assert_cmpint (g_chmod (fixture->quarantine, 0770), ==, 0);
  assert_not_opened (fixture->quarantine, TRUE);
  g_assert_cmpint (g_chmod (fixture->quarantine, 0702), ==, 0);
  assert_not_opened (fixture->quarantine, FALSE);
  g_assert_cmpint (g_chmod (fixture->quarantine, 0700), ==, 0);
  if (geteuid () != 0) {
    g_test_skip ("another owner needs root");
    return;
  }
  g_assert_cmpint (chown (fixture->quarantine, 1, 1), ==, 0);
  assert_not_opened (fixture->quarantine, TRUE);
}

static VtQuarantineEntry *
parse (GString *json, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (json->str, json->len);

  return vt_quarantine_entry_parse (bytes, error);
}

static GString *
format (const VtQuarantineEntry *entry)
{
  g_autoptr (GBytes) bytes = vt_quarantine_entry_format (entry, NULL);
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size);

  return g_string_new_len (text, (gssize)size);
}

static void
test_other_entries_are_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const changes[][2] = {
      {"\"schema\": 1", "\"schema\": 2"},
      {"\"encoding\": \"xor-a5\"", "\"encoding\": \"none\""},
      {"\"id\": \"", "\"id\": 1, \"x\": \""},
      {"\"path\": \"/", "\"path\": \""},
      {"\"path_base64\": \"", "\"path_base64\": \"A"},
      {"\"image\": \"", "\"image\": null, \"x\": \""},
      {"\"threat\": \"", "\"threat\": null, \"x\": \""},
      {"\"size\": ", "\"size\": -"},
      {"\"sha256\": \"", "\"sha256\": \"x"},
      {"\"members\": [", "\"members\": [1, "},
      {"\"mode\": \"4755\"", "\"mode\": \"14755\""},
      {"\"mode\": \"4755\"", "\"mode\": \"4785\""},
      {"\"mode\": \"4755\"", "\"mode\": \"\""},
      {"\"mode\": \"4755\"", "\"mode\": \"+755\""},
      {"\"mode\": \"4755\"", "\"mode\": 4755"},
      {"\"uid\": ", "\"uid\": 1"},
      {"\"gid\": ", "\"gid\": -"},
      {"\"selinux\": \"", "\"selinux\": 1, \"x\": \""},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++) {
    GString *json = format (fixture->entry);
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", changes[i][1]);
    g_assert_cmpuint (g_string_replace (json, changes[i][0], changes[i][1], 1), ==, 1);
    g_assert_null (parse (json, &error));
    g_assert_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_DAMAGED);
    g_string_free (json, TRUE);
  }
}

static void
test_what_is_not_known_stays_so (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtQuarantineEntry) found = NULL;
  GString *json;

  fixture->entry->has_attributes = FALSE;
  g_clear_pointer (&fixture->entry->members, g_strfreev);
  json = format (fixture->entry);
  found = parse (json, NULL);
  g_assert_nonnull (found);
  g_assert_false (found->has_attributes);
  g_assert_null (found->members);
  g_assert_nonnull (strstr (json->str, "\"mtime\": null"));
  g_string_free (json, TRUE);
  fixture->entry->has_mtime = TRUE;
  fixture->entry->mtime = -1;
  json = format (fixture->entry);
  g_assert_nonnull (strstr (json->str, "\"mtime\": \"1969-12-31T23:59:59Z\""));
  g_string_free (json, TRUE);
}

#define ADD(name, func) g_test_add ("/quarantine/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("comes-back-as-it-was", test_comes_back_as_it_was);
  ADD ("form", test_form);
  ADD ("ids", test_ids);
  ADD ("other-content-is-refused", test_other_content_is_refused);
  ADD ("add-fails-whole", test_add_fails_whole);
  ADD ("directories", test_directories);
  ADD ("other-entries-are-refused", test_other_entries_are_refused);
  ADD ("what-is-not-known-stays-so", test_what_is_not_known_stays_so);
  return g_test_run ();
}
