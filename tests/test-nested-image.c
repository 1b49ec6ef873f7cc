// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Real images, made by the programs that users make them with. */
#include "nested-fixture.h"

static void
test_formats (Fixture *fixture, gconstpointer data)
{
  static const char *const formats[] = {"qcow2", "vmdk", "vhdx", "vdi", "vpc"};
  g_autoptr (Nested) raw = open_nested (fixture, 0, open_content (fixture, "ext4"), "r");

  assert_tree (raw);
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autofree char *command =
        g_strdup_printf ("qemu-img convert -f raw -O %s ext4 image", formats[i]);
    g_autoptr (Nested) nested = NULL;

    run_script (fixture->dir, command);
    nested = open_nested (fixture, 0, open_content (fixture, "image"), formats[i]);
    assert_tree (nested);
  }
}

/* As those that are too large for memory. */
static void
test_file_without_a_name (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) nested = NULL;

  run_script (fixture->dir, "qemu-img convert -f raw -O qcow2 ext4 image");
  nested = open_nested (fixture, 0, open_file (fixture, "image"), "n");
  run_script (fixture->dir, "rm image");
  assert_tree (nested);
}

static void
make_partitions (Fixture *fixture)
{
  run_script (fixture->dir,
              "truncate -s 24M disk && printf '2048,16384\\n,16384\\n' | sfdisk -q disk && "
              "mkdir other && printf three >other/third && "
              "dd if=ext4 of=disk bs=1M seek=1 conv=notrunc status=none && "
              "mke2fs -qF -t ext4 -d other ext4.2 8M && "
              "dd if=ext4.2 of=disk bs=1M seek=9 conv=notrunc status=none");
}

static void
test_partitions (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) nested = NULL;

  make_partitions (fixture);
  nested = open_nested (fixture, 0, open_content (fixture, "disk"), "p");
  assert_ended (nested, VT_REASON_NONE, 3);
  assert_text (nested, "/dev/sda1:/first", "one");
  assert_text (nested, "/dev/sda1:/dir/second", "two");
  assert_text (nested, "/dev/sda2:/third", "three");
}

static void
test_damaged_file_system (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) nested = NULL;

  make_partitions (fixture);
  /* The group descriptors. */
  run_script (fixture->dir, "head -c 1024 /dev/zero | tr '\\0' x | "
                            "dd of=disk bs=1024 seek=9218 conv=notrunc status=none");
  nested = open_nested (fixture, 0, open_content (fixture, "disk"), "d");
  run_to_end (nested);
  assert_text (nested, "/dev/sda1:/first", "one");
  g_assert_cmpint (find_member (nested, "/dev/sda2")->reason, ==, VT_REASON_READ_ERROR);
}

/* Six files, of which two may be underway at a time. None is released yet. */
static Nested *
open_large (Fixture *fixture, const char *name)
{
  Nested *self;

  run_script (fixture->dir,
              "mkdir large && for n in 1 2 3 4 5 6; do truncate -s 40M large/$n; "
              "printf x >>large/$n; done && mke2fs -qF -t ext4 -d large large.img 16M");
  self = open_nested (fixture, 0, open_content (fixture, "large.img"), name);
  self->credits = g_ptr_array_new ();
  self->pause_after = 2;
  return self;
}

static void
release_all (Nested *self)
{
  g_autoptr (GPtrArray) credits = g_steal_pointer (&self->credits);

  for (guint i = 0; i < credits->len; i++)
    vt_member_source_release (self->source, g_ptr_array_index (credits, i));
}

/* Within one level. What is found within an image is read while that one waits for it. */
static void
test_one_after_the_other (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) first = open_large (fixture, "a");
  g_autoptr (Nested) second = open_nested (fixture, 0, open_content (fixture, "ext4"), "b");
  g_autoptr (Nested) third = open_nested (fixture, 0, open_content (fixture, "ext4"), "c");
  g_autoptr (Nested) inner = NULL;

  g_main_loop_run (fixture->loop);
  inner = open_nested (fixture, 3, open_content (fixture, "ext4"), "i");
  assert_tree (inner);
  g_assert_cmpstr (fixture->order->str, ==, "aaii.");
  release_all (first);
  assert_ended (first, VT_REASON_NONE, 6);
  assert_tree (third);
  assert_tree (second);
  g_assert_cmpstr (fixture->order->str, ==, "aaii.aaaa.bb.cc.");
}

static void
test_free_while_it_waits (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) first = open_nested (fixture, 0, open_content (fixture, "ext4"), "a");
  g_autoptr (Nested) second = open_nested (fixture, 0, open_content (fixture, "ext4"), "b");
  g_autoptr (Nested) third = open_nested (fixture, 0, open_content (fixture, "ext4"), "c");

  g_clear_pointer (&second->source, vt_member_source_free);
  /* It was to begin. */
  g_clear_pointer (&first->source, vt_member_source_free);
  assert_tree (third);
  g_assert_cmpstr (fixture->order->str, ==, "cc.");
}

/* With members that were not released. */
static void
test_free_while_it_is_read (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) first = open_large (fixture, "a");
  g_autoptr (Nested) second = open_nested (fixture, 0, open_content (fixture, "ext4"), "b");

  g_main_loop_run (fixture->loop);
  g_assert_nonnull (first->source);
  g_clear_pointer (&first->source, vt_member_source_free);
  assert_tree (second);
  g_assert_false (first->ended);
}

static void
test_free_within_an_event (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) first = open_nested (fixture, 0, open_content (fixture, "ext4"), "a");
  g_autoptr (Nested) second = open_nested (fixture, 0, open_content (fixture, "ext4"), "b");

  first->free_after = 1;
  assert_tree (second);
  g_assert_false (first->ended);
  g_assert_cmpstr (fixture->order->str, ==, "abb.");
}

/* The reader goes before the main loop comes to it. */
static void
test_free_within_an_event_and_end (Fixture *fixture, gconstpointer data)
{
  g_autoptr (Nested) nested = open_nested (fixture, 0, open_content (fixture, "ext4"), "a");

  nested->free_after = 1;
  nested->pause_after = 1;
  g_main_loop_run (fixture->loop);
  g_assert_null (nested->source);
}

static void
test_needs_other_files (Fixture *fixture, gconstpointer data)
{
  static const char *const makers[] = {
      "qemu-img create -q -f qcow2 -b ext4 -F raw image",
      "qemu-img create -q -f qcow2 -u -b /etc/passwd -F raw image 1M",
      "qemu-img create -q -f qcow2 -o data_file=data.raw image 8M",
      "qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat ext4 image"};

  for (gsize i = 0; i < G_N_ELEMENTS (makers); i++) {
    g_autoptr (Nested) nested = NULL;

    run_script (fixture->dir, "rm -f image");
    run_script (fixture->dir, makers[i]);
    nested = open_nested (fixture, 0, open_content (fixture, "image"), "o");
    assert_ended (nested, VT_REASON_UNSUPPORTED, 0);
  }
}

static void
test_damaged (Fixture *fixture, gconstpointer data)
{
  static const char *const makers[] = {
      "{ printf 'QFI\\373\\0\\0\\0\\3'; head -c 100000 /dev/urandom; } >image",
      "{ printf KDMV; head -c 100000 /dev/urandom; } >image",
      "{ printf vhdxfile; head -c 4M /dev/urandom; } >image",
      "head -c 8M /dev/urandom >noise; qemu-img convert -f raw -O qcow2 noise image; "
      "truncate -s 4M image",
      "qemu-img convert -f raw -O vhdx noise image; truncate -s 6M image"};

  for (gsize i = 0; i < G_N_ELEMENTS (makers); i++) {
    g_autoptr (Nested) nested = NULL;

    run_script (fixture->dir, makers[i]);
    nested = open_nested (fixture, 0, open_content (fixture, "image"), "d");
    assert_ended (nested, VT_REASON_DAMAGED, 0);
  }
}

static void
test_nothing_in_it (Fixture *fixture, gconstpointer data)
{
  static const char *const makers[] = {"qemu-img create -q -f qcow2 image 8M",
                                       "head -c 1M /dev/zero >image",
                                       "truncate -s 8M image; echo 2048 | sfdisk -q image"};

  for (gsize i = 0; i < G_N_ELEMENTS (makers); i++) {
    g_autoptr (Nested) nested = NULL;

    run_script (fixture->dir, "rm -f image");
    run_script (fixture->dir, makers[i]);
    nested = open_nested (fixture, 0, open_content (fixture, "image"), "n");
    assert_ended (nested, VT_REASON_UNSUPPORTED, 0);
  }
}

#define ADD(name, function)                                                                        \
  g_test_add ("/nested-image/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_autofree char *cache = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  int status;

  g_setenv ("XDG_CACHE_HOME", cache, TRUE);
  g_test_init (&argc, &argv, NULL);
  ADD ("formats", test_formats);
  ADD ("file-without-a-name", test_file_without_a_name);
  ADD ("partitions", test_partitions);
  ADD ("damaged-file-system", test_damaged_file_system);
  ADD ("one-after-the-other", test_one_after_the_other);
  ADD ("free-while-it-waits", test_free_while_it_waits);
  ADD ("free-while-it-is-read", test_free_while_it_is_read);
  ADD ("free-within-an-event", test_free_within_an_event);
  ADD ("free-within-an-event-and-end", test_free_within_an_event_and_end);
  ADD ("needs-other-files", test_needs_other_files);
  ADD ("damaged", test_damaged);
  ADD ("nothing-in-it", test_nothing_in_it);
  status = g_test_run ();
  vt_paths_remove_tree (cache);
  return status;
}
