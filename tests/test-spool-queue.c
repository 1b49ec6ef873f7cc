// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-spool-queue.h"

/* Who takes part; each wants as many turns. */
typedef struct {
  VtSpoolQueue *queue;
  const char *name;
  GString *turns; /* the names of those who had a turn */
  guint wanted;
} User;

static void
take_turn (gpointer data)
{
  User *self = data;

  if (self->wanted == 0 || !vt_spool_queue_enter (self->queue, self))
    return;
  self->wanted--;
  g_string_append (self->turns, self->name);
}

static void
want (User *self)
{
  self->wanted++;
  take_turn (self);
}

/* Gives back what it has, and asks for what it still wants. */
static void
give_back (User *self)
{
  vt_spool_queue_pass_on (self->queue, self);
  take_turn (self);
}

typedef struct {
  VtSpoolQueue *queue;
  GString *turns;
  User a;
  User b;
  User c;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->queue = vt_spool_queue_new (take_turn);
  fixture->turns = g_string_new (NULL);
  fixture->a = (User){fixture->queue, "a", fixture->turns, 0};
  fixture->b = (User){fixture->queue, "b", fixture->turns, 0};
  fixture->c = (User){fixture->queue, "c", fixture->turns, 0};
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_spool_queue_free (fixture->queue);
  g_string_free (fixture->turns, TRUE);
}

static void
assert_turns (Fixture *fixture, const char *turns)
{
  g_assert_cmpstr (fixture->turns->str, ==, turns);
}

static void
test_one_alone_has_every_turn (Fixture *fixture, gconstpointer data)
{
  want (&fixture->a);
  want (&fixture->a);
  give_back (&fixture->a);
  want (&fixture->a);
  assert_turns (fixture, "aaa");
}

static void
test_others_wait_in_their_order (Fixture *fixture, gconstpointer data)
{
  want (&fixture->a);
  want (&fixture->c);
  want (&fixture->b);
  want (&fixture->c);
  assert_turns (fixture, "a");
  give_back (&fixture->a);
  assert_turns (fixture, "ac");
  /* It wants two, and b was there before the second. */
  take_turn (&fixture->c);
  assert_turns (fixture, "ac");
  give_back (&fixture->c);
  assert_turns (fixture, "acb");
  give_back (&fixture->b);
  assert_turns (fixture, "acbc");
}

/* Who has the turn stands behind those who wait as well. */
static void
test_nobody_is_passed_over (Fixture *fixture, gconstpointer data)
{
  want (&fixture->a);
  want (&fixture->b);
  want (&fixture->a);
  assert_turns (fixture, "a");
  give_back (&fixture->a);
  assert_turns (fixture, "ab");
  give_back (&fixture->b);
  assert_turns (fixture, "aba");
}

static void
test_who_has_withdrawn_is_left_out (Fixture *fixture, gconstpointer data)
{
  want (&fixture->a);
  want (&fixture->b);
  want (&fixture->c);
  fixture->b.wanted = 0;
  vt_spool_queue_withdraw (fixture->queue, &fixture->b);
  /* Who does not have the turn has none to give. */
  vt_spool_queue_pass_on (fixture->queue, &fixture->b);
  assert_turns (fixture, "a");
  give_back (&fixture->a);
  assert_turns (fixture, "ac");
}

#define ADD(name, function)                                                                        \
  g_test_add ("/spool-queue/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("one-alone-has-every-turn", test_one_alone_has_every_turn);
  ADD ("others-wait-in-their-order", test_others_wait_in_their_order);
  ADD ("nobody-is-passed-over", test_nobody_is_passed_over);
  ADD ("who-has-withdrawn-is-left-out", test_who_has_withdrawn_is_left_out);
  return g_test_run ();
}
