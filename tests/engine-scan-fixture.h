// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The engine on contents that a test makes up, outside of the sandbox.
 */
#pragma once

#include "engine-fixture.h"
#include "verdict-asserts.h"
#include "vt-engine-load.h"
#include "vt-engine-scan.h"
#include "vt-fd.h"

#define KIB ((gsize)1024)
#define MIB (KIB * KIB)

typedef struct {
  EngineFixture base;
  char *tmp_dir;
  VtClEngine *engine;
  VtEngineLayers *known; /* NULL unless a test sets it */
} Fixture;

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
  engine_fixture_set_up (&fixture->base, data);
  fixture->tmp_dir = g_build_filename (fixture->base.dir, "tmp", NULL);
  g_assert_cmpint (g_mkdir (fixture->tmp_dir, 0700), ==, 0);
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->engine, cl_engine_free);
  g_clear_pointer (&fixture->known, vt_engine_layers_free);
  g_free (fixture->tmp_dir);
  engine_fixture_tear_down (&fixture->base, data);
}

static inline void
load (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *id = engine_fixture_id (&fixture->base);
  guint signatures;

  fixture->engine = vt_engine_load (fixture->base.options, id, &signatures, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (signatures, >=, 2);
  g_assert_cmpint (cl_engine_set_str (fixture->engine, CL_ENGINE_TMPDIR, fixture->tmp_dir), ==,
                   CL_SUCCESS);
}

static inline VtVerdict
scan (Fixture *fixture, GByteArray *content)
{
  vt_autofd fd = memfd_of_data (content->data, content->len);

  if (fixture->engine == NULL)
    load (fixture);
  return vt_engine_scan_fd (fixture->engine, fixture->base.options, fixture->known, fd,
                            content->len);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/engine-scan/" name, Fixture, NULL, set_up, function, tear_down)
