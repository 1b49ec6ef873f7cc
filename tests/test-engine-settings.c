// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Contents that are larger than the engine's own limits on what it does with them, which it passes
 * by without a word.
 */
#include "engine-fixture.h"
#include "verdict-asserts.h"
#include "vt-engine-load.h"
#include "vt-engine-scan.h"
#include "vt-fd.h"

#define MIB ((gsize)1024 * 1024)

/* Above the engine's 40 MiB for HTML (8 without its tags) and 20 for scripts. */
#define HTML_SIZE    (42 * MIB)
#define NO_TAGS_SIZE (10 * MIB)
#define SCRIPT_SIZE  (22 * MIB)

/* Targets of signatures: normalised HTML, normalised text. */
#define TARGET_HTML 3
#define TARGET_TEXT 7

static void
set_up (EngineFixture *fixture, gconstpointer data)
{
  engine_fixture_set_up (fixture, data);
}

static void
write_signature (EngineFixture *fixture, guint target, const char *pattern)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "Vt.Test.Normalised:%u:*:", target);
  for (const char *c = pattern; *c != '\0'; c++)
    g_string_append_printf (text, "%02x", (guint)*c);
  g_string_append_c (text, '\n');
  write_file (fixture->database_dir, "normalised.ndb", text->str);
}

static VtVerdict
scan (EngineFixture *fixture, const GString *content)
{
  g_autofree char *id = engine_fixture_id (fixture);
  vt_autofd fd = memfd_of_data (content->str, content->len);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtClEngine) engine = NULL;
  guint signatures;

  engine = vt_engine_load (fixture->options, id, &signatures, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cl_engine_set_str (engine, CL_ENGINE_TMPDIR, fixture->dir), ==, CL_SUCCESS);
  return vt_engine_scan_fd (engine, fixture->options, NULL, fd, content->len);
}

/* HEAD, LINE as often as it takes, TAIL. */
static GString *
make_content (const char *head, const char *line, gsize size, const char *tail)
{
  GString *content = g_string_sized_new (size + 1024);

  g_string_append (content, head);
  while (content->len < size)
    g_string_append (content, line);
  g_string_append (content, tail);
  return content;
}

static void
test_large_html (EngineFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) content = make_content ("<html><body>\n", "<p>Nothing to see here.</p>\n",
                                              HTML_SIZE, "<p>MARKED-IN-HTML</p></body></html>\n");

  /* In lower case only once it is normalised. */
  write_signature (fixture, TARGET_HTML, "<p>marked-in-html");
  assert_infected (scan (fixture, content), "Vt.Test.Normalised.UNOFFICIAL");
}

static void
test_large_html_without_tags (EngineFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) content =
      make_content ("<html><body>\n", "<p>Nothing to see here.</p>\n", NO_TAGS_SIZE,
                    "<p>MARKED</p><p>BETWEEN</p><p>TAGS</p></body></html>\n");

  write_signature (fixture, TARGET_HTML, "marked between tags");
  assert_infected (scan (fixture, content), "Vt.Test.Normalised.UNOFFICIAL");
}

static void
test_large_script (EngineFixture *fixture, gconstpointer data)
{
  g_autoptr (GString) content = make_content ("#!/bin/sh\n", "echo Nothing to see here.\n",
                                              SCRIPT_SIZE, "ECHO    MARKED-IN-SCRIPT\n");

  write_signature (fixture, TARGET_TEXT, "echo marked-in-script");
  assert_infected (scan (fixture, content), "Vt.Test.Normalised.UNOFFICIAL");
}

#define ADD(name, function)                                                                        \
  g_test_add ("/engine-settings/" name, EngineFixture, NULL, set_up, function,                     \
              engine_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("large-html", test_large_html);
  ADD ("large-html-without-tags", test_large_html_without_tags);
  ADD ("large-script", test_large_script);
  return g_test_run ();
}
