/* base/metric.h: the registry behind /metrics (Prometheus text 0.0.4).
 *
 * A family is a static table row owned by its room; labels come from config and enums, never from
 * users. Series are created on first use, at most METRIC_SERIES_MAX a family; what exceeds lands
 * in the label value "other". Loop thread only. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/buf.h"

#define METRIC_SERIES_MAX 1000

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* name begins with mynah_; label is NULL for a single series. Histograms hold milliseconds going in
 * and are exposed in seconds. Zero-initialise the rest. */
struct metric {
	const char *name;
	const char *help;
	enum metric_kind kind;
	const char *label;
	struct metric_series *series; /* registry's */
	struct metric *next;
	bool is_listed;
};

/* label_value is NULL for families without a label. Lost silently when memory is out. */
void metric_add(struct metric *m, const char *label_value, int64_t n);
void metric_set(struct metric *m, const char *label_value, int64_t value);
void metric_observe_ms(struct metric *m, const char *label_value, double ms);

/* Adds the whole exposition to out. */
int metric_write(struct buf *out) MUST_USE;
/* Frees every series (tests, exit). */
void metric_reset(void);

#endif
