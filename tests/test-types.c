/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlc_register_types(): types are registered once, generated objects are freed whole.
 *
 * Linked without the file that tlc-types writes: each test, in a process of its own, starts with
 * types that nobody has touched.
 */
#include <tlc/tlc.h>

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <thrift/c_glib/thrift_application_exception.h>

#include "echo.h"
#include "echo_types.h"
#include "identity.h"
#include "support/tlc-check.h"

#if defined __SANITIZE_ADDRESS__
#define WITH_LSAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define WITH_LSAN 1
#endif
#endif
#ifdef WITH_LSAN
#include <sanitizer/lsan_interface.h>
#endif

#define N_THREADS 8
#define N_OBJECTS 100000
#define NOISE_BYTES (64 * 1024) /* less than one byte an object */

static const TlcTypeFunc generated_types[] = {
  echo_if_get_type,     echo_client_get_type,     echo_handler_get_type,    echo_processor_get_type,
  sample_get_type,      point_get_type,           everything_get_type,      tree_get_type,
  empty_get_type,       rejected_get_type,        not_found_get_type,       strict_get_type,
  identity_if_get_type, identity_client_get_type, echo_add_result_get_type, echo_add_args_get_type,
};

static void
fatal_warnings (void)
{
  g_log_set_always_fatal ((GLogLevelFlags) (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL
                                            | G_LOG_LEVEL_WARNING));
}

static void
count (gpointer counter)
{
  ++*(guint *) counter;
}

/* How often GObject's own finalizer ran for one new object of @type: it is what frees its data. */
static guint
count_data_frees (GType type)
{
  guint freed = 0;
  GObject *object = g_object_new (type, NULL);

  g_object_set_data_full (object, "test", &freed, count);
  g_object_unref (object);
  return freed;
}

/* The same where it is known to leak, which a leak checker need not report. */
static guint
count_data_frees_unrepaired (GType type)
{
  guint freed;

#ifdef WITH_LSAN
  __lsan_disable ();
#endif
  freed = count_data_frees (type);
#ifdef WITH_LSAN
  __lsan_enable ();
#endif
  return freed;
}

/* ---- structs made by hand ---- */

static guint n_original; /* runs of the original finalizers below */

/* as generated code does it: without chaining up */
static void
hand_finalize (G_GNUC_UNUSED GObject *object)
{
  n_original++;
}

static void
hand_class_init (gpointer klass, G_GNUC_UNUSED gpointer data)
{
  G_OBJECT_CLASS (klass)->finalize = hand_finalize;
}

static GType
make_type (GType parent, const char *name, GClassInitFunc class_init)
{
  GTypeQuery query;

  g_type_query (parent, &query);
  return g_type_register_static_simple (parent, name, query.class_size, class_init,
                                        query.instance_size, NULL, (GTypeFlags) 0);
}

static GType
hand_get_type (void)
{
  static GType type;

  if (type == 0)
    type = make_type (THRIFT_TYPE_STRUCT, "Hand", hand_class_init);
  return type;
}

static guint n_child; /* runs of child_finalize() */

/* as hands do it: chaining up */
static void
child_finalize (GObject *object)
{
  n_child++;
  G_OBJECT_CLASS (g_type_class_peek (hand_get_type ()))->finalize (object);
}

static void
child_class_init (gpointer klass, G_GNUC_UNUSED gpointer data)
{
  G_OBJECT_CLASS (klass)->finalize = child_finalize;
}

static GType
child_get_type (void)
{
  static GType type;

  if (type == 0)
    type = make_type (hand_get_type (), "Child", child_class_init);
  return type;
}

static GType
heir_get_type (void)
{
  static GType type;

  if (type == 0)
    type = make_type (hand_get_type (), "Heir", NULL);
  return type;
}

/* ---- tests ---- */

START_TEST (test_types_register_twice)
{
  /* Proves: registering types again changes nothing; each part of a finalizer runs once. */
  static const TlcTypeFunc twice[] = { hand_get_type, hand_get_type };
  void (*repaired) (GObject *);

  tlc_register_types (twice, G_N_ELEMENTS (twice));
  repaired = G_OBJECT_CLASS (g_type_class_peek (hand_get_type ()))->finalize;
  tlc_register_types (twice, G_N_ELEMENTS (twice));

  ck_assert (G_OBJECT_CLASS (g_type_class_peek (hand_get_type ()))->finalize == repaired);
  ck_assert_uint_eq (count_data_frees (hand_get_type ()), 1);
  ck_assert_uint_eq (n_original, 1);
}
END_TEST

/* an interface that conforms to ThriftStruct, and so passes for one with g_type_is_a() */
typedef struct _Strange Strange;

typedef struct
{
  GTypeInterface parent;
} StrangeInterface;

GType strange_get_type (void);

G_DEFINE_INTERFACE (Strange, strange, THRIFT_TYPE_STRUCT)

static void
strange_default_init (G_GNUC_UNUSED StrangeInterface *iface)
{
}

START_TEST (test_types_interface_skipped)
{
  /* Proves: interfaces are registered without being taken for classes, which GLib would warn of. */
  static const TlcTypeFunc interfaces[] = { echo_if_get_type, identity_if_get_type,
                                            strange_get_type };

  tlc_register_types (interfaces, G_N_ELEMENTS (interfaces));

  ck_assert (g_type_is_a (strange_get_type (), THRIFT_TYPE_STRUCT));
  ck_assert_uint_ne (g_type_from_name ("EchoIf"), 0);
  ck_assert_uint_ne (g_type_from_name ("IdentityIf"), 0);
}
END_TEST

START_TEST (test_types_finalizer_repaired)
{
  /* Proves: GObject's own finalizer runs for generated structs and exceptions, unlike before. */
  ck_assert_uint_eq (count_data_frees_unrepaired (TYPE_SAMPLE), 0);
  ck_assert_uint_eq (count_data_frees_unrepaired (TYPE_REJECTED), 0);

  tlc_register_types (generated_types, G_N_ELEMENTS (generated_types));

  ck_assert_uint_eq (count_data_frees (TYPE_SAMPLE), 1);
  ck_assert_uint_eq (count_data_frees (TYPE_REJECTED), 1);
  ck_assert_uint_eq (count_data_frees (TYPE_EVERYTHING), 1);
  ck_assert_uint_eq (count_data_frees (TYPE_ECHO_ADD_ARGS), 1);
}
END_TEST

START_TEST (test_types_application_exception_repaired)
{
  /* Proves: Thrift's own exception is repaired with any registration, even that of no types. */
  ck_assert_uint_eq (count_data_frees_unrepaired (THRIFT_TYPE_APPLICATION_EXCEPTION), 0);
  tlc_register_types (NULL, 0);
  ck_assert_uint_eq (count_data_frees (THRIFT_TYPE_APPLICATION_EXCEPTION), 1);
}
END_TEST

START_TEST (test_types_others_left_alone)
{
  /* Proves: classes that chain up (clients, handlers, processors) keep their finalizer, and so does
   * ThriftStruct itself. */
  static const TlcTypeFunc bases[] = { thrift_struct_get_type };
  GObjectClass *processor = g_type_class_ref (TYPE_ECHO_PROCESSOR);
  GObjectClass *client = g_type_class_ref (TYPE_ECHO_CLIENT);
  GObjectClass *base = g_type_class_ref (THRIFT_TYPE_STRUCT);
  void (*before[]) (GObject *) = { processor->finalize, client->finalize, base->finalize };

  tlc_register_types (generated_types, G_N_ELEMENTS (generated_types));

  tlc_register_types (bases, G_N_ELEMENTS (bases));

  ck_assert (processor->finalize == before[0]);
  ck_assert (client->finalize == before[1]);
  ck_assert (base->finalize == before[2]);
}
END_TEST

static gsize
used_bytes (void)
{
  return mallinfo2 ().uordblks;
}

static void
churn_objects (guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_object_unref (g_object_new (TYPE_SAMPLE, "id", 1, "name", "long enough to count", NULL));
      g_object_unref (g_object_new (THRIFT_TYPE_APPLICATION_EXCEPTION, NULL));
    }
}

/* Sanitizers bring an allocator of their own, and find leaks by themselves. */
static gboolean
can_measure_memory (void)
{
  gsize before = used_bytes ();
  g_autofree char *block = g_malloc (100 * NOISE_BYTES);

  memset (block, 1, 1);
  return used_bytes () + mallinfo2 ().hblkhd > before + NOISE_BYTES;
}

START_TEST (test_types_no_leak)
{
  /* Proves: freed structs and exceptions leave nothing behind, their strings neither; unrepaired
   * ones do. */
  gsize before;

  if (!can_measure_memory ())
    return;

  churn_objects (1000); /* classes, caches */
  before = used_bytes ();
  churn_objects (N_OBJECTS / 10);
  ck_assert_uint_gt (used_bytes (), before + NOISE_BYTES);

  tlc_register_types (generated_types, G_N_ELEMENTS (generated_types));

  churn_objects (1000);
  before = used_bytes ();
  churn_objects (N_OBJECTS);
  ck_assert_uint_le (used_bytes (), before + NOISE_BYTES);
}
END_TEST

START_TEST (test_types_original_runs_once)
{
  /* Proves: the repair adds to the original finalizer, which still runs, once. */
  static const TlcTypeFunc types[] = { hand_get_type };

  tlc_register_types (types, G_N_ELEMENTS (types));
  ck_assert_uint_eq (count_data_frees (hand_get_type ()), 1);
  ck_assert_uint_eq (n_original, 1);
}
END_TEST

static void (*wrapped) (GObject *);

static void
wrapping_finalize (GObject *object)
{
  wrapped (object);
}

START_TEST (test_types_wrapped_by_another)
{
  /* Proves: a repaired finalizer that somebody wrapped (a second copy of this library) stays so. */
  static const TlcTypeFunc types[] = { hand_get_type };
  GObjectClass *klass;

  tlc_register_types (types, G_N_ELEMENTS (types));
  klass = g_type_class_peek (hand_get_type ());
  wrapped = klass->finalize;
  klass->finalize = wrapping_finalize;
  tlc_register_types (types, G_N_ELEMENTS (types));

  ck_assert (klass->finalize == wrapping_finalize);
  ck_assert_uint_eq (count_data_frees (hand_get_type ()), 1);
  ck_assert_uint_eq (n_original, 1);
}
END_TEST

START_TEST (test_types_subclass)
{
  /* Proves: a subclass that chains up is freed whole, once; unregistered, registered, and again. */
  static const TlcTypeFunc parent_only[] = { hand_get_type };
  static const TlcTypeFunc child_too[] = { child_get_type, hand_get_type };

  tlc_register_types (parent_only, G_N_ELEMENTS (parent_only));
  for (guint i = 1; i <= 3; i++)
    {
      ck_assert_uint_eq (count_data_frees (child_get_type ()), 1);
      ck_assert_uint_eq (n_child, i);
      ck_assert_uint_eq (n_original, i);
      tlc_register_types (child_too, G_N_ELEMENTS (child_too));
    }
}
END_TEST

START_TEST (test_types_subclass_first)
{
  /* Proves: registering a subclass alone repairs the generated class that it inherits from. */
  static const TlcTypeFunc types[] = { child_get_type };

  tlc_register_types (types, G_N_ELEMENTS (types));
  ck_assert_uint_eq (count_data_frees (child_get_type ()), 1);
  ck_assert_uint_eq (count_data_frees (hand_get_type ()), 1);
  ck_assert_uint_eq (n_child, 1);
  ck_assert_uint_eq (n_original, 2);
}
END_TEST

START_TEST (test_types_subclass_without_finalizer)
{
  /* Proves: a subclass is repaired whose class copied its parent's finalizer before the repair. */
  static const TlcTypeFunc types[] = { hand_get_type, heir_get_type };

  ck_assert_uint_eq (count_data_frees_unrepaired (heir_get_type ()), 0);
  tlc_register_types (types, G_N_ELEMENTS (types));
  n_original = 0;
  ck_assert_uint_eq (count_data_frees (heir_get_type ()), 1);
  ck_assert_uint_eq (n_original, 1);
}
END_TEST

static guint n_logged;
static char *logged;

static void
log_handler (G_GNUC_UNUSED const char *domain, G_GNUC_UNUSED GLogLevelFlags level,
             const char *message, G_GNUC_UNUSED gpointer data)
{
  n_logged++;
  g_free (logged);
  logged = g_strdup (message);
}

static GType
broken_get_type (void)
{
  return 0;
}

START_TEST (test_types_failure_named)
{
  /* Proves: a function that gives no type is named by its place, and the others are registered. */
  static const TlcTypeFunc types[] = { point_get_type, broken_get_type, sample_get_type };

  g_log_set_handler ("tlc", G_LOG_LEVEL_MASK, log_handler, NULL);
  tlc_register_types (types, G_N_ELEMENTS (types));

  ck_assert_uint_eq (n_logged, 1);
  ck_assert_ptr_nonnull (strstr (logged, "type function 1 of 3"));
  ck_assert_uint_eq (count_data_frees (TYPE_POINT), 1);
  ck_assert_uint_eq (count_data_frees (TYPE_SAMPLE), 1);
}
END_TEST

/* ---- many types: each call of make_next_type() makes one more ---- */

#define N_MANY 1000

static GType many_types[N_MANY];
static guint n_many;
static atomic_uint n_even, n_odd; /* runs of the originals below; any thread, relaxed */

static void
even_finalize (G_GNUC_UNUSED GObject *object)
{
  atomic_fetch_add_explicit (&n_even, 1, memory_order_relaxed);
}

static void
odd_finalize (G_GNUC_UNUSED GObject *object)
{
  atomic_fetch_add_explicit (&n_odd, 1, memory_order_relaxed);
}

static void
many_class_init (gpointer klass, gpointer data)
{
  gboolean even = GPOINTER_TO_UINT (data) % 2 == 0;

  G_OBJECT_CLASS (klass)->finalize = even ? even_finalize : odd_finalize;
}

static GType
make_next_type (void)
{
  g_autofree char *name = g_strdup_printf ("Many%u", n_many);
  GTypeInfo info = {
    .class_size = sizeof (ThriftStructClass),
    .class_init = many_class_init,
    .class_data = GUINT_TO_POINTER (n_many),
    .instance_size = sizeof (ThriftStruct),
  };

  many_types[n_many] = g_type_register_static (THRIFT_TYPE_STRUCT, name, &info, (GTypeFlags) 0);
  return many_types[n_many++];
}

START_TEST (test_types_many)
{
  /* Proves: each of a thousand classes keeps its own finalizer, while the table grows. */
  TlcTypeFunc types[N_MANY];

  for (guint i = 0; i < N_MANY; i++)
    types[i] = make_next_type;
  tlc_register_types (types, N_MANY);

  for (guint i = 0; i < N_MANY; i++)
    {
      ck_assert_uint_eq (count_data_frees (many_types[i]), 1);
      ck_assert_uint_eq (n_even, i / 2 + 1);
      ck_assert_uint_eq (n_odd, (i + 1) / 2);
    }
}
END_TEST

/* ---- concurrency ---- */

static pthread_barrier_t barrier;

static void *
register_and_churn (void *data)
{
  static const TlcTypeFunc next[] = { make_next_type };
  guint thread = GPOINTER_TO_UINT (data);
  guint freed = 0;

  pthread_barrier_wait (&barrier);
  /* one type more in each round, each thread from another place: what is repaired already is freed
   * here while others repair the rest and make the table grow */
  for (guint round = 0; round < 4 * G_N_ELEMENTS (generated_types); round++)
    {
      TlcTypeFunc func = generated_types[(round + 2 * thread) % G_N_ELEMENTS (generated_types)];

      tlc_register_types (&func, 1);
      tlc_register_types (next, 1);
      for (guint i = 0; i < 20 && g_type_parent (func ()) == THRIFT_TYPE_STRUCT; i++)
        freed += count_data_frees (func ()) - 1;
      freed += count_data_frees (THRIFT_TYPE_APPLICATION_EXCEPTION) - 1;
    }

  return GUINT_TO_POINTER (freed); /* 0 when each was freed whole */
}

START_TEST (test_types_concurrent_registration)
{
  /* Proves: threads register, and free objects of repaired types, at once and unharmed; law 9. */
  static const TlcTypeFunc first[] = { point_get_type }; /* an Everything has a Point in it */
  pthread_t threads[N_THREADS];

  tlc_register_types (first, G_N_ELEMENTS (first));
  pthread_barrier_init (&barrier, NULL, N_THREADS);
  for (guint i = 0; i < N_THREADS; i++)
    pthread_create (&threads[i], NULL, register_and_churn, GUINT_TO_POINTER (i));
  for (guint i = 0; i < N_THREADS; i++)
    {
      void *result;

      pthread_join (threads[i], &result);
      ck_assert_ptr_null (result);
    }

  ck_assert_uint_eq (n_many, N_THREADS * 4 * G_N_ELEMENTS (generated_types));
}
END_TEST

static atomic_bool registered; /* main thread writes; churning threads read, relaxed */

static GType
get_next_type (void)
{
  static guint next;

  return many_types[next++];
}

static void *
churn_unregistered (void *data)
{
  guint i = GPOINTER_TO_UINT (data) * (N_MANY / N_THREADS);
  guint n_bad = 0; /* data freed twice; freed not at all is right until the class is repaired */

  pthread_barrier_wait (&barrier);
  while (!atomic_load_explicit (&registered, memory_order_relaxed))
    {
      if (count_data_frees_unrepaired (many_types[i++ % n_many]) > 1)
        n_bad++;
    }

  return GUINT_TO_POINTER (n_bad);
}

START_TEST (test_types_repair_while_freed)
{
  /* Proves: classes are repaired while other threads free objects of theirs (a plug-in registers
   * what the program used all along): whoever meets the new finalizer finds the original. */
  pthread_t threads[N_THREADS];
  TlcTypeFunc next[] = { get_next_type };

  while (n_many < N_MANY)
    g_type_class_ref (make_next_type ());
  pthread_barrier_init (&barrier, NULL, N_THREADS + 1);
  for (guint i = 0; i < N_THREADS; i++)
    pthread_create (&threads[i], NULL, churn_unregistered, GUINT_TO_POINTER (i));

  pthread_barrier_wait (&barrier);
  for (guint i = 0; i < N_MANY; i++)
    {
      tlc_register_types (next, 1);
      sched_yield ();
    }
  atomic_store_explicit (&registered, true, memory_order_relaxed);

  for (guint i = 0; i < N_THREADS; i++)
    {
      void *result;

      pthread_join (threads[i], &result);
      ck_assert_ptr_null (result);
    }
  for (guint i = 0; i < N_MANY; i++)
    ck_assert_uint_eq (count_data_frees (many_types[i]), 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("types");
  TCase *strict = tcase_create ("strict");
  TCase *logging = tcase_create ("logging");

  if (g_type_from_name ("EchoIf") != 0)
    {
      puts ("Bail out! link this without the file that tlc-types writes");
      return EXIT_FAILURE;
    }

  tcase_set_timeout (strict, 60);
  tcase_add_checked_fixture (strict, fatal_warnings, NULL);
  tcase_add_test (strict, test_types_register_twice);
  tcase_add_test (strict, test_types_interface_skipped);
  tcase_add_test (strict, test_types_finalizer_repaired);
  tcase_add_test (strict, test_types_application_exception_repaired);
  tcase_add_test (strict, test_types_others_left_alone);
  tcase_add_test (strict, test_types_no_leak);
  tcase_add_test (strict, test_types_original_runs_once);
  tcase_add_test (strict, test_types_wrapped_by_another);
  tcase_add_test (strict, test_types_subclass);
  tcase_add_test (strict, test_types_subclass_first);
  tcase_add_test (strict, test_types_subclass_without_finalizer);
  tcase_add_test (strict, test_types_many);
  tcase_add_test (strict, test_types_concurrent_registration);
  tcase_add_test (strict, test_types_repair_while_freed);
  suite_add_tcase (suite, strict);
  tcase_add_test (logging, test_types_failure_named);
  suite_add_tcase (suite, logging);

  return tlc_check_run (suite);
}
