/* model: the registry of local models: what each needs, how good it was found to be.
 *
 * Floor 5. One JSON file a model (models/NAME.json), read strictly: a value that nobody measured
 * does not pass for one that was. It asks nobody anything; what providers list is theirs to say. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "conf/conf.h"

#define MODEL_FILE_BYTES (64 * 1024) /* a handful of lines */

/* What `mynah eval` found. */
struct model_accuracy {
	double pass_at_1, pass_at_5, bleu; /* 0 to 1; NAN = not known */
	bool is_measured;        /* false: somebody wrote them down */
	char *date;              /* RFC 3339 */
	char *set;               /* SHA-256 of the golden cases */
	int64_t samples, seed;   /* of each case; the first seed */
};

struct model {
	char *path, *name, *version, *quantization;
	int64_t size;            /* bytes; 0 = not said */
	bool has_accuracy;
	struct model_accuracy accuracy;
	int64_t min_memory;      /* bytes */
	char *gpu;               /* what is recommended; NULL = none is needed */
	char *local_path;        /* of the weights; NULL = its server keeps them */
	char *digest;            /* SHA-256 of that file, else of the server's; NULL = not said */
	char *cloud_provider, *cloud_model; /* who may answer instead; NULL = nobody */
};

/* GIVES *out. ERR_INVALID after complaints with their lines; ERR_NOMEM. */
int model_read(const char *path, struct conf_report *r, struct model **out) MUST_USE;
void model_free(struct model *m);
/* The whole file, as model_read takes it. */
int model_write(const struct model *m, struct buf *out) MUST_USE;

struct model_list {
	struct model **at; /* by the names of their files */
	size_t n;
};
/* All of a folder. ERR_INVALID after complaints; those that can be read are there. */
int model_list_read(const char *dir, struct conf_report *r, struct model_list *out) MUST_USE;
void model_list_fini(struct model_list *l);
/* Those that say something which the config or the machine does not bear out: a cloud fallback that
 * is no provider or may not be asked, weights that are not there or are others, numbers of another
 * set of cases. set: its hash, "" = not known. Complaints into r; nothing else. Reads all of the
 * weights: blocking. */
void model_look(const struct model *m, const struct conf *c, const char *set,
	struct conf_report *r);

/* Is this digest, of a provider's list, the model's? Says so in r if not. */
void model_look_digest(const struct model *m, const char *provider, struct str digest,
	struct conf_report *r);

/* Memory that is to be had without swapping, in bytes: MemAvailable; -1 = nobody says. */
int64_t model_memory(void);
/* Are they the same model? Ollama's tags may leave out ":latest". */
bool model_is_name(struct str listed, const char *name);

#endif
