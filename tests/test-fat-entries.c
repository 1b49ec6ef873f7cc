// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Directories and chains of clusters that are not as they should be, and such as may be. */
#include "fat-fixture.h"

/* Bytes with their number: there may be NULs among them. */
#define BYTES(text) text, sizeof (text) - 1

/* AT bytes from where WHAT is found, which may be a short name or a part of a long one. */
typedef struct {
  const char *name;
  const char *what;
  gsize what_n;
  gint at;
  const char *bytes;
  gsize n;
  const char *refusal; /* NULL: none */
} Damage;

/* The long name has two slots behind each other on the disk, and its end comes first. */
#define FILE_SLOT  BYTES ("FILE    BIN")
#define EMPTY_SLOT BYTES ("EMPTY      ")
#define LONG_SLOT  BYTES ("ALONGN~1TEX")
#define DIR_SLOT   BYTES ("DIR        ")
#define OTHER_SLOT BYTES ("OTHER      ")
#define F_SLOT     BYTES ("F          ")
#define LAST_PART  -96
#define FIRST_PART -32

static const Damage damages[] = {
    {"size", FILE_SLOT, 28, BYTES ("\xff\xff\x01"), "clusters and not"},
    {"smaller-size", FILE_SLOT, 28, BYTES ("\x01\0"), "are more than"},
    {"no-cluster", FILE_SLOT, 26, BYTES ("\0\0"), "cluster 0 is none"},
    {"cluster-1", FILE_SLOT, 26, BYTES ("\x01\0"), "cluster 1 is none"},
    {"cluster-beyond", FILE_SLOT, 26, BYTES ("\xf0\xff"), "is none"},
    {"empty-file-with-a-cluster", EMPTY_SLOT, 26, BYTES ("\x02\0"), "empty file"},
    {"unknown-attribute", FILE_SLOT, 11, BYTES ("\x40"), "unknown attributes"},
    {"label-of-unknown-attributes", FILE_SLOT, 11, BYTES ("\x18"), "unknown attributes"},
    {"part-of-a-name-that-is-none", FILE_SLOT, 11, BYTES ("\x2f"), "unknown attributes"},
    {"another-label", FILE_SLOT, 11, BYTES ("\x28"), NULL},
    {"read-only-and-hidden", FILE_SLOT, 11, BYTES ("\x07"), NULL},
    {"deleted", FILE_SLOT, 0, BYTES ("\xe5"), NULL},
    {"end-before-others", FILE_SLOT, 0, BYTES ("\0"), "behind its end"},
    {"directory-with-a-size", DIR_SLOT, 28, BYTES ("\x01"), "directory that cannot be"},
    {"directory-without-a-cluster", DIR_SLOT, 26, BYTES ("\0\0"), "directory that cannot be"},
    {"directory-that-is-none", FILE_SLOT, 11, BYTES ("\x10"), "directory that cannot be"},
    {"file-that-is-a-directory", DIR_SLOT, 11, BYTES ("\x20"), "empty file"},
    {"no-dot", F_SLOT, -64, BYTES ("x"), "\"..\" are not there"},
    {"no-dot-dot", F_SLOT, -32, BYTES (".x"), "\"..\" are not there"},
    {"dot-dot-that-is-a-file", F_SLOT, -21, BYTES ("\x20"), "\"..\" are not there"},
    {"dot-that-is-another", F_SLOT, -38, BYTES ("\x02\0"), "not itself"},
    {"dot-dot-that-is-another", F_SLOT, -6, BYTES ("\x02\0"), "another parent"},
    {"lower-case", FILE_SLOT, 0, BYTES ("f"), "short name"},
    {"blank-first", FILE_SLOT, 0, BYTES (" "), "short name"},
    {"blank-within", FILE_SLOT, 1, BYTES (" "), "short name"},
    {"slash-in-a-short-name", FILE_SLOT, 1, BYTES ("/"), "short name"},
    {"dot-in-a-short-name", FILE_SLOT, 1, BYTES ("."), "short name"},
    {"nul-in-a-short-name", FILE_SLOT, 1, BYTES ("\0"), "short name"},
    {"short-name-beyond-ascii", FILE_SLOT, 1, BYTES ("\x84"), "other characters than ASCII"},
    {"short-name-that-stands-for-e5", FILE_SLOT, 0, BYTES ("\x05"), "other characters"},
    {"unknown-case", FILE_SLOT, 12, BYTES ("\x01"), "short name"},
    {"two-short-names", FILE_SLOT, 0, BYTES ("TWO "), "one name"},
    {"other-short-name", LONG_SLOT, 0, BYTES ("B"), "belongs to no short one"},
    {"long-name-of-a-deleted-file", LONG_SLOT, 0, BYTES ("\xe5"), "belongs to no file"},
    {"long-name-at-the-end", LONG_SLOT, 0, BYTES ("\0"), "belongs to no file"},
    {"long-name-of-a-label", LONG_SLOT, 11, BYTES ("\x08"), "belongs to no file"},
    {"no-last-part", LONG_SLOT, LAST_PART, BYTES ("\x03"), "part of a long name"},
    {"deleted-last-part", LONG_SLOT, LAST_PART, BYTES ("\xe5"), "part of a long name"},
    {"deleted-first-part", LONG_SLOT, FIRST_PART, BYTES ("\xe5"), "belongs to no file"},
    {"parts-out-of-order", LONG_SLOT, FIRST_PART, BYTES ("\x02"), "not whole"},
    {"last-part-again", LONG_SLOT, FIRST_PART, BYTES ("\x41"), "not whole"},
    {"one-part-too-many", LONG_SLOT, LAST_PART, BYTES ("\x44"), "not whole"},
    {"twenty-one-parts", LONG_SLOT, LAST_PART, BYTES ("\x55"), "long name that cannot be"},
    {"parts-of-two-names", LONG_SLOT, FIRST_PART + 13, BYTES ("\x01"), "not whole"},
    {"slash", LONG_SLOT, FIRST_PART + 1, BYTES ("/"), "long name that cannot be"},
    {"control-character", LONG_SLOT, FIRST_PART + 1, BYTES ("\x07"), "long name that cannot be"},
    {"half-of-a-surrogate", LONG_SLOT, FIRST_PART + 1, BYTES ("\0\xd8"), "cannot be"},
    {"other-half-of-a-surrogate", LONG_SLOT, FIRST_PART + 1, BYTES ("\0\xdc"), "cannot be"},
    {"end-within-a-long-name", LONG_SLOT, FIRST_PART + 3, BYTES ("\0"), "cannot be"},
    {"no-long-name", LONG_SLOT, FIRST_PART + 1, BYTES ("\0"), "cannot be"},
    {"long-name-of-other-filling", LONG_SLOT, LAST_PART + 28, BYTES ("a\0"), "cannot be"},
    {"dot-at-the-end", LONG_SLOT, LAST_PART + 3, BYTES ("."), "cannot be"},
    {"blank-at-the-end", LONG_SLOT, LAST_PART + 3, BYTES (" "), "cannot be"},
};

static void
test_damage (FsFixture *fixture, gconstpointer data)
{
  const Damage *damage = data;
  guint64 slot;

  fat_fixture_make_sample (fixture, FAT_FIXTURE_16);
  fat_fixture_assert_read (fixture);
  slot = fat_fixture_find (fixture, damage->what, damage->what_n);
  fs_fixture_patch (fixture, (guint64)((gint64)slot + damage->at), damage->bytes, damage->n);
  if (damage->refusal != NULL)
    fs_fixture_assert_refused (fixture, damage->refusal);
  else
    fat_fixture_assert_read (fixture);
  if (damage->refusal == NULL)
    fs_fixture_assert_as_the_kernel (fixture);
}

/* What becomes of the table's entry of a cluster of FILE.BIN. */
typedef struct {
  const char *name;
  guint nth;
  gint next; /* negative: so many before its first cluster, and 1 is that itself */
  const char *refusal;
} Chain;

static const Chain chains[] = {
    {"too-short", 1, 0xffff, "2 clusters and not 5"}, {"free", 1, 0, "is followed by 0"},
    {"cluster-1", 1, 1, "is followed by 1"},          {"bad", 1, 0xfff7, "is followed by 65527"},
    {"beyond", 1, 0xfff0, "is followed by 65520"},    {"loop", 3, -1, "are more than 5"},
    {"too-long", 4, -1, "are more than 5"},
};

static void
test_chain (FsFixture *fixture, gconstpointer data)
{
  const Chain *chain = data;
  guint32 first;

  fat_fixture_make_sample (fixture, FAT_FIXTURE_16);
  fat_fixture_assert_read (fixture);
  first = fat_fixture_first_cluster (fixture, "FILE    BIN");
  fat_fixture_set_next (fixture, first + chain->nth,
                        chain->next < 0 ? first + 1 + (guint32)chain->next : (guint32)chain->next);
  fs_fixture_assert_refused (fixture, chain->refusal);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (damages); i++) {
    g_autofree char *path = g_strdup_printf ("/fat-entries/%s", damages[i].name);

    fat_fixture_add (path, &damages[i], test_damage);
  }
  for (guint i = 0; i < G_N_ELEMENTS (chains); i++) {
    g_autofree char *path = g_strdup_printf ("/fat-entries/chain/%s", chains[i].name);

    fat_fixture_add (path, &chains[i], test_chain);
  }
  return g_test_run ();
}
