// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The process that makes a changed image. It may be killed at any time: what it has not put in its
 * place has no name, and goes with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "vt-block-chain.h"
#include "vt-block-format.h"
#include "vt-commit-private.h"
#include "vt-fd.h"
#include "vt-image-reader.h"
#include "vt-ipc.h"
#include "vt-paths.h"

/* What qemu-img may take of memory. Of time it may take what the image's size needs. */
#define PROGRAM_MEMORY ((rlim_t)4 * 1024 * 1024 * 1024)
/* The byte of a file that a QEMU has locked that writes to it: RAW_LOCK_PERM_BASE and the number of
 * BLK_PERM_WRITE, in QEMU's block/file-posix.c. */
#define WRITER_BYTE 101

#define OUTPUT_HINT "; --output makes a new image"

/* What a child of g_spawn_sync() is set up with. */
typedef struct {
  pid_t parent;
  VtBlockChain *chain;
  int out;         /* the file that is written */
  rlim_t size_max; /* of any file */
} Setup;

static gboolean
refuse (GError **error, const char *path, const char *why)
{
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT, "%s %s", path, why);
  return FALSE;
}

static void
set_up_child (gpointer user_data)
{
  const Setup *setup = user_data;
  const struct rlimit memory = {PROGRAM_MEMORY, PROGRAM_MEMORY};
  const struct rlimit size = {setup->size_max, setup->size_max};

  if (!vt_die_with_parent (setup->parent))
    _exit (EXIT_FAILURE);
  vt_block_chain_hand_on (setup->chain);
  fcntl (setup->out, F_SETFD, 0);
  setrlimit (RLIMIT_AS, &memory);
  setrlimit (RLIMIT_FSIZE, &size);
}

/* As large as OUT may become. */
static rlim_t
get_size_max (int out)
{
  struct stat info = {0};
  guint64 size = fstat (out, &info) == 0 ? (guint64)info.st_size : 0;

  /* A sparse file is larger than what it takes of the disk. */
  return size + MIN (vt_paths_get_room (out, NULL), (guint64)G_MAXINT64 - size);
}

/* RESULT: what it prints, or NULL if nobody wants that. */
static gboolean
run_qemu_img (
    VtBlockChain *chain, int out, rlim_t size_max, const char **argv, char **result, GError **error)
{
  const Setup setup = {getpid (), chain, out, size_max};
  g_autofree char *printed = NULL;
  g_autofree char *messages = NULL;
  g_autofree char *explained = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, set_up_child,
                     (gpointer)&setup, &printed, &messages, &status, error)) {
    g_prefix_error_literal (error, "qemu-img (package qemu-utils): ");
    return FALSE;
  }
  if (result != NULL)
    *result = g_steal_pointer (&printed);
  if (status == 0)
    return TRUE;
  explained = vt_block_chain_explain (chain, g_strchomp (messages));
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT, "qemu-img %s: %s", argv[1],
               explained[0] != '\0' ? explained : "it ended without a word");
  return FALSE;
}

/* Bytes that the changed image takes of a disk, more or less, as a new file. */
static gboolean
measure (VtBlockChain *chain, int out, guint64 *size, GError **error)
{
  const char *argv[] = {"qemu-img", "measure", "--output=json",
                        "-O",       "qcow2",   vt_block_chain_get_node (chain, 0),
                        NULL};
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *answer = NULL;
  JsonNode *root;
  gint64 required = -1;

  if (!run_qemu_img (chain, out, get_size_max (out), argv, &answer, error) ||
      !json_parser_load_from_data (parser, answer, -1, error))
    return FALSE;
  root = json_parser_get_root (parser);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    required =
        json_object_get_int_member_with_default (json_node_get_object (root), "required", -1);
  *size = (guint64)MAX (required, 0);
  return required >= 0 || refuse (error, "qemu-img measure", "says nothing sensible of the image");
}

static gboolean
convert (VtBlockChain *chain, int out, const char *format, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", out);
  const char *argv[12] = {"qemu-img", "convert", "-q", "-O", format};
  guint n = 5;
  guint64 size;

  /* The others keep the size as it is anyhow. */
  if (g_str_equal (format, "vpc")) {
    argv[n++] = "-o";
    argv[n++] = "force_size=on";
  }
  argv[n++] = "--";
  argv[n++] = vt_block_chain_get_node (chain, 0);
  argv[n] = path;
  return measure (chain, out, &size, error) && vt_commit_check_room (out, size, error) &&
         run_qemu_img (chain, out, RLIM_INFINITY, argv, NULL, error);
}

/* No wider than those of the image, nor than new files have here. */
static gboolean
set_mode (int out, const VtImageOptions *options, GError **error)
{
  const char *path = options->file != NULL ? options->file : options->path;
  mode_t mask = umask (0);
  struct stat info;

  umask (mask);
  if (stat (path, &info) == 0 && fchmod (out, info.st_mode & 0666 & ~mask) == 0)
    return TRUE;
  return vt_commit_fail (error, options->path);
}

static gboolean
write_new (const VtImageOptions *options, const char *output, const char *name, GError **error)
{
  const char *format = vt_block_format_find (name);
  g_autoptr (VtBlockChain) chain = NULL;
  g_autofree char *hidden = NULL;
  vt_autofd out = -1;
  gboolean done;

  if (format == NULL) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                 "the format '%s' is not written; written are " VT_BLOCK_FORMATS, name);
    return FALSE;
  }
  if (g_file_test (output, G_FILE_TEST_EXISTS) || g_file_test (output, G_FILE_TEST_IS_SYMLINK))
    return refuse (error, output, "is there already");
  chain = vt_block_chain_open (options, error);
  if (chain == NULL)
    return FALSE;
  out = vt_commit_open_new (output, &hidden, error);
  done = out >= 0 && convert (chain, out, format, error) && set_mode (out, options, error) &&
         vt_commit_link_new (out, hidden, output, error);
  if (!done && hidden != NULL)
    unlink (hidden);
  return done;
}

gboolean
vt_commit_target_look_at (const char *path, VtFileStamp *target, GError **error)
{
  struct stat info;

  if (stat (path, &info) == 0) {
    *target = vt_file_stamp_of (&info);
    return TRUE;
  }
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NOT_FOUND, "%s", g_strerror (errno));
  return FALSE;
}

static gboolean
is_target (const struct stat *info, const VtFileStamp *target)
{
  const VtFileStamp now = vt_file_stamp_of (info);

  return vt_file_stamp_equal (&now, target);
}

/* Whether PATH is still what was read. */
static gboolean
check_target (const char *path, const VtFileStamp *target, struct stat *info, GError **error)
{
  if (lstat (path, info) < 0)
    return vt_commit_fail (error, path);
  if (S_ISBLK (info->st_mode))
    return refuse (error, path, "is a block device, which cannot be replaced" OUTPUT_HINT);
  if (!S_ISREG (info->st_mode))
    return refuse (error, path, "is no regular file" OUTPUT_HINT);
  if (info->st_nlink != 1)
    return refuse (error, path, "has other names, which would keep what it was" OUTPUT_HINT);
  return is_target (info, target) ||
         refuse (error, path, "was changed since it was read: nothing was written to it");
}

static gboolean
check_no_writer (int image, const char *path, GError **error)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = WRITER_BYTE, .l_len = 1};

  return fcntl (image, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK ||
         refuse (error, path, "is in use by another process, such as a running virtual machine");
}

static gboolean
commit (VtBlockChain *chain, int copy, GError **error)
{
  const char *argv[] = {"qemu-img", "commit", "-q", "-d", "--", vt_block_chain_get_node (chain, 0),
                        NULL};

  /* "-d" leaves the overlay as it is: it goes as a whole. */
  return run_qemu_img (chain, copy, get_size_max (copy), argv, NULL, error);
}

/* Bytes that the overlay may bring. */
static guint64
get_overlay_size (const VtImageOptions *options)
{
  struct stat info;

  return stat (options->overlay, &info) == 0 ? (guint64)info.st_size : 0;
}

static gboolean
make_changed_copy (const VtImageOptions *options,
                   VtBlockChain *chain,
                   int image,
                   const struct stat *info,
                   int copy,
                   GError **error)
{
  if (!vt_commit_copy (image, info, copy, get_overlay_size (options), error) ||
      !vt_block_chain_replace_image (chain, copy, error))
    return FALSE;
  return commit (chain, copy, error) && vt_block_chain_check_image (chain, error);
}

static gboolean
replace (const VtImageOptions *options, const char *path, const VtFileStamp *target, GError **error)
{
  g_autoptr (VtBlockChain) chain = NULL;
  vt_autofd image = -1;
  vt_autofd copy = -1;
  struct stat info;

  if (!check_target (path, target, &info, error))
    return FALSE;
  chain = vt_block_chain_open (options, error);
  if (chain == NULL)
    return FALSE;
  if (!vt_block_chain_is_one_file (chain))
    return refuse (error, path, "has its data in other files, too" OUTPUT_HINT);
  image = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (image < 0)
    return vt_commit_fail (error, path);
  copy = vt_commit_open_new (path, NULL, error);
  if (copy < 0) {
    g_prefix_error_literal (error, "a file without a name" OUTPUT_HINT ": ");
    return FALSE;
  }
  /* The file may have become another one on the way here, and again while it was copied. */
  return make_changed_copy (options, chain, image, &info, copy, error) &&
         check_no_writer (image, path, error) && check_target (path, target, &info, error) &&
         vt_commit_replace (copy, path, error);
}

static gboolean
replace_named (const VtImageOptions *options, const VtFileStamp *target, GError **error)
{
  g_autofree char *path = realpath (options->path, NULL);

  if (options->overlay == NULL || options->snapshot != NULL || options->file != NULL)
    return refuse (error, options->path,
                   "is no image that can be replaced: it is in another file, or one of its "
                   "snapshots was read" OUTPUT_HINT);
  if (path == NULL)
    return vt_commit_fail (error, options->path);
  return replace (options, path, target, error);
}

static gboolean
work (GVariant *value, GError **error)
{
  g_auto (VtReaderArguments) arguments = {0};
  g_autoptr (GVariant) options = NULL;
  g_autofree char *output = NULL;
  const char *format;
  VtFileStamp target;

  g_variant_get (value, "(v^ay&s(tttxx))", &options, &output, &format, &target.device,
                 &target.inode, &target.size, &target.mtime_ns, &target.ctime_ns);
  vt_reader_arguments_parse (&arguments, options);
  /* Nothing is written to the overlay here. */
  arguments.options->mode = VT_IMAGE_READ;
  return output[0] != '\0' ? write_new (arguments.options, output, format, error)
                           : replace_named (arguments.options, &target, error);
}

int
vt_commit_main (int socket, GVariant *arguments)
{
  g_autoptr (GError) error = NULL;
  gboolean done = work (arguments, &error);
  guint32 code = VT_IMAGE_ERROR_EDIT;

  if (error != NULL && error->domain == VT_IMAGE_ERROR)
    code = (guint32)error->code;
  return vt_ipc_send (socket, g_variant_new ("(bus)", done, code, done ? "" : error->message), NULL,
                      0, NULL)
             ? EXIT_SUCCESS
             : EXIT_FAILURE;
}
