// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Lists the regular files of the mounted file system.
 *
 * One find in the appliance does it, through the serial port: libguestfs's calls for the identities
 * of files work on one directory each, and a Linux system has thousands of directories.
 */
#include "vt-guestfs-list.h"

#include <string.h>

#include "vt-fs.h"
#include "vt-guestfs-port.h"

/* Type, inode, links, size, time of change of the content and of the inode, name. */
#define RECORD_FORMAT "-printf '%y %i %n %s %T@ %C@ %p\\0'"
#define FIND_FILES    "find . -xdev -type f " RECORD_FORMAT
/*
 * Files that Windows has compressed, deduplicated or moved away: ntfs-3g shows those that it cannot
 * read as symbolic links with this text (ntfs-3g(8), Reparse Points).
 */
#define FIND_NTFS_FILES                                                                            \
  "find . -xdev '(' -type f -o -type l -lname 'unsupported reparse tag*' ')' " RECORD_FORMAT

/* Longest record: five numbers, and a path that may be longer than PATH_MAX when trees are deep. */
#define RECORD_MAX ((gsize)60 * 1024)

#define NS_PER_S  G_GINT64_CONSTANT (1000000000)
#define NS_DIGITS 9

/*
 * Where one inode number is one file for certain. Elsewhere (reiserfs, squashfs) an image may give
 * one number to different files: then each name counts as a file of its own, and one that tar takes
 * for a link of another is not read.
 */
static const char *const linking_types[] = {"ext2", "ext3", "ext4",    "xfs", "btrfs", "ntfs",
                                            "f2fs", "jfs",  "iso9660", "udf", NULL};

typedef struct {
  const VtReadPlan *plan;
  VtFileList *list;
  gboolean has_links; /* the numbers of inodes can be relied on */
} Listing;

static gboolean
parse_number (const char **text, guint64 *number)
{
  char *end;

  if (!g_ascii_isdigit (**text))
    return FALSE;
  *number = g_ascii_strtoull (*text, &end, 10);
  if (*end != ' ')
    return FALSE;
  *text = end + 1;
  return TRUE;
}

/*
 * "1700000000.1234567890", with a sign before 1970; find's tenth digit is always 0. A time that
 * does not fit, as NTFS may have (0 is in 1601), is as far off as can be told.
 */
static gboolean
parse_time (const char **text, gint64 *time_ns)
{
  char *end;
  gint64 seconds = g_ascii_strtoll (*text, &end, 10);
  gint64 ns = 0;

  if (end == *text)
    return FALSE;
  if (*end == '.')
    end++;
  for (int i = 0; i < NS_DIGITS; i++)
    ns = 10 * ns + (g_ascii_isdigit (*end) ? g_ascii_digit_value (*end++) : 0);
  while (g_ascii_isdigit (*end))
    end++;
  if (*end != ' ')
    return FALSE;
  if (seconds < -VT_FS_SECONDS_MAX || seconds > VT_FS_SECONDS_MAX)
    *time_ns = seconds < 0 ? G_MININT64 : G_MAXINT64;
  else
    *time_ns = seconds * NS_PER_S + ns;
  *text = end + 1;
  return TRUE;
}

static gboolean
add_record (Listing *self, const char *record, GError **error)
{
  VtListedFile file = {0};
  const char *text = record;
  guint64 links;

  file.unreadable = record[0] == 'l';
  if ((record[0] == 'f' || record[0] == 'l') && record[1] == ' ')
    text += 2;
  if (parse_number (&text, &file.inode) && parse_number (&text, &links) &&
      parse_number (&text, &file.size) && parse_time (&text, &file.mtime_ns) &&
      parse_time (&text, &file.ctime_ns) && text[0] == '.' && text[1] == '/') {
    const char *path = text + 1;

    return vt_file_list_add (self->list, path, &file, self->has_links ? links : 1,
                             vt_read_plan_accepts (self->plan, path), error);
  }
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
               "list of files: a record that is not one, of %zu bytes", strlen (record));
  return FALSE;
}

/* Takes the whole records off the front of PENDING. */
static gboolean
add_records (Listing *self, GByteArray *pending, GError **error)
{
  gsize start = 0;

  for (const guint8 *end; (end = memchr (pending->data + start, '\0', pending->len - start));) {
    if (!add_record (self, (const char *)pending->data + start, error))
      return FALSE;
    start = (gsize)(end - pending->data) + 1;
  }
  if (start > 0)
    g_byte_array_remove_range (pending, 0, (guint)start);
  if (pending->len <= RECORD_MAX)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
               "list of files: a name is longer than %zu bytes", RECORD_MAX);
  return FALSE;
}

static gboolean
read_records (Listing *self, VtPortStream *stream, GError **error)
{
  g_autoptr (GByteArray) pending = g_byte_array_new ();
  const guint8 *data;
  gssize n;

  while (!vt_port_stream_is_complete (stream)) {
    n = vt_port_stream_read (stream, &data, error);
    if (n < 0)
      return FALSE;
    if (n == 0)
      break;
    g_byte_array_append (pending, data, (guint)n);
    if (!add_records (self, pending, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vt_guestfs_list (VtAppliance *appliance,
                 const VtReadPlan *plan,
                 VtFileList *list,
                 char **messages,
                 GError **error)
{
  Listing listing = {plan, list, g_strv_contains (linking_types, plan->filesystem->type)};
  gboolean is_ntfs = g_str_has_prefix (plan->filesystem->type, "ntfs");
  g_autoptr (VtPortStream) stream =
      vt_port_stream_start (appliance, is_ntfs ? FIND_NTFS_FILES : FIND_FILES, error);
  g_autofree char *text = NULL;
  int status;

  if (stream == NULL)
    return FALSE;
  vt_file_list_begin (list);
  if (!read_records (&listing, stream, error)) {
    /* What is left of the list must not be taken for the next command's output. */
    (void)!vt_port_stream_finish (stream, &status, &text, NULL);
    return FALSE;
  }
  if (!vt_port_stream_finish (stream, &status, &text, error) || !vt_file_list_end (list, error))
    return FALSE;
  *messages = status != 0 ? g_steal_pointer (&text) : NULL;
  return TRUE;
}
