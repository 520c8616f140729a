/* Counters, gauges and histograms, and how Prometheus wants to read them. */
#include "base/metric.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

#define METRIC_LABEL_BYTES 256 /* channel and provider names; longer ones are cut when shown */
#define METRIC_OTHER "other"

/* From a trigger match (0.1 ms) to the longest wait for a model (60 s); as exposed: seconds. */
static const struct {
	double ms;
	const char *le;
} buckets[] = {
	{0.1, "0.0001"}, {0.5, "0.0005"}, {1, "0.001"}, {2.5, "0.0025"}, {5, "0.005"},
	{10, "0.01"}, {25, "0.025"}, {50, "0.05"}, {100, "0.1"}, {250, "0.25"}, {500, "0.5"},
	{1000, "1"}, {2500, "2.5"}, {5000, "5"}, {10000, "10"}, {30000, "30"}, {60000, "60"},
};
#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))

struct metric_series {
	UT_hash_handle hh; /* keyed by label, in order of birth */
	int64_t value;     /* of a counter or gauge; of a histogram the number of observations */
	double sum_ms;
	uint64_t *counts;  /* BUCKETS of them, each its own and not cumulated; histograms only */
	char label[];
};

/* Families in the order of their first use. */
static struct metric *first_family;

static void list_family(struct metric *m)
{
	struct metric **at = &first_family;

	if (m->is_listed)
		return;
	while (*at)
		at = &(*at)->next;
	*at = m;
	m->next = NULL;
	m->is_listed = true;
}

static struct metric_series *find(const struct metric *m, const char *label)
{
	struct metric_series *s;

	HASH_FIND_STR(m->series, label, s);
	return s;
}

static void free_series(struct metric_series *s)
{
	if (s)
		mem_free(s->counts);
	mem_free(s);
}

static struct metric_series *new_series(struct metric *m, const char *label)
{
	const size_t len = strlen(label);
	struct metric_series *s = mem_new(sizeof(*s) + len + 1);

	if (!s)
		return NULL;
	memcpy(s->label, label, len);
	if (m->kind == METRIC_HISTOGRAM) {
		s->counts = mem_array(BUCKETS, sizeof(*s->counts));
		if (!s->counts)
			goto fail;
	}
	HASH_ADD_KEYPTR(hh, m->series, s->label, len, s);
	if (!hash_has(s))
		goto fail;
	list_family(m);
	return s;
fail:
	free_series(s);
	return NULL;
}

/* The series of a label, made if need be; "other" when the family is full; NULL without memory. */
static struct metric_series *series(struct metric *m, const char *label)
{
	if (!m->label || !label)
		label = "";
	/* Without labels there is one and no other: no need to look for it. */
	struct metric_series *s = m->label ? find(m, label) : m->series;
	if (s)
		return s;
	if (HASH_COUNT(m->series) >= METRIC_SERIES_MAX - 1) { /* one is kept for "other" */
		label = METRIC_OTHER;
		s = find(m, label);
	}
	return s ? s : new_series(m, label);
}

void metric_add(struct metric *m, const char *label_value, int64_t n)
{
	struct metric_series *s = series(m, label_value);

	if (s)
		s->value += n;
}

void metric_set(struct metric *m, const char *label_value, int64_t value)
{
	struct metric_series *s = series(m, label_value);

	if (s)
		s->value = value;
}

void metric_observe_ms(struct metric *m, const char *label_value, double ms)
{
	struct metric_series *s = series(m, label_value);

	if (!s || !s->counts)
		return;
	if (!(ms > 0) || !isfinite(ms))
		ms = 0; /* a clock that jumped must not poison the sum */
	s->value++;
	s->sum_ms += ms;
	for (size_t i = 0; i < BUCKETS; i++) {
		if (ms <= buckets[i].ms) {
			s->counts[i]++;
			break;
		}
	}
}

/* Text as the exposition wants it: \\ and \n everywhere, \" in label values too. */
static int add_escaped(struct buf *out, const char *s, bool is_label)
{
	int err = 0;

	for (; !err && *s; s++) {
		if (*s == '\\')
			err = buf_adds(out, "\\\\");
		else if (*s == '\n')
			err = buf_adds(out, "\\n");
		else if (*s == '"' && is_label)
			err = buf_adds(out, "\\\"");
		else
			err = buf_addc(out, *s);
	}
	return err;
}

/* {label="value",le="0.5"}, or less where there is less to say. */
static int write_labels(struct buf *out, const struct metric *m, const struct metric_series *s,
	const char *le)
{
	struct buf value;
	int err = 0;

	if (!m->label && !le)
		return 0;
	buf_init(&value, METRIC_LABEL_BYTES);
	if (m->label) {
		err = text_scrub(str_of(s->label), TEXT_NO_INVISIBLE, &value);
		if (err == ERR_LIMIT)
			err = 0;
	}
	if (!err)
		err = buf_addc(out, '{');
	if (!err && m->label) {
		err = buf_addf(out, "%s=\"", m->label);
		if (!err)
			err = add_escaped(out, buf_text(&value), true);
		if (!err)
			err = buf_adds(out, le ? "\"," : "\"");
	}
	if (!err && le)
		err = buf_addf(out, "le=\"%s\"", le);
	if (!err)
		err = buf_addc(out, '}');
	buf_fini(&value);
	return err;
}

static int write_sample(struct buf *out, const struct metric *m, const struct metric_series *s,
	const char *suffix, const char *le, int64_t value)
{
	int err = buf_addf(out, "%s%s", m->name, suffix);

	if (!err)
		err = write_labels(out, m, s, le);
	if (!err)
		err = buf_addf(out, " %lld\n", (long long)value);
	return err;
}

static int write_histogram(struct buf *out, const struct metric *m, const struct metric_series *s)
{
	int64_t below = 0;
	int err = 0;

	for (size_t i = 0; !err && i < BUCKETS; i++) {
		below += (int64_t)s->counts[i];
		err = write_sample(out, m, s, "_bucket", buckets[i].le, below);
	}
	if (!err)
		err = write_sample(out, m, s, "_bucket", "+Inf", s->value);
	if (!err)
		err = buf_addf(out, "%s_sum", m->name);
	if (!err)
		err = write_labels(out, m, s, NULL);
	if (!err)
		err = buf_addf(out, " %.6f\n", s->sum_ms / 1000);
	if (!err)
		err = write_sample(out, m, s, "_count", NULL, s->value);
	return err;
}

static int write_family(struct buf *out, const struct metric *m)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	int err = buf_addf(out, "# HELP %s ", m->name);

	if (!err)
		err = add_escaped(out, m->help, false);
	if (!err)
		err = buf_addf(out, "\n# TYPE %s %s\n", m->name, kinds[m->kind]);
	for (const struct metric_series *s = m->series; !err && s; s = s->hh.next) {
		if (m->kind == METRIC_HISTOGRAM)
			err = write_histogram(out, m, s);
		else
			err = write_sample(out, m, s, "", NULL, s->value);
	}
	return err;
}

int metric_write(struct buf *out)
{
	int err = 0;

	for (const struct metric *m = first_family; !err && m; m = m->next)
		err = write_family(out, m);
	return err;
}

void metric_reset(void)
{
	struct metric *m = first_family;

	while (m) {
		struct metric *next = m->next;
		struct metric_series *s, *following;
		HASH_ITER (hh, m->series, s, following) {
			HASH_DEL(m->series, s);
			free_series(s);
		}
		m->next = NULL;
		m->is_listed = false;
		m = next;
	}
	first_family = NULL;
}
