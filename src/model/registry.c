/* The registry as a whole: its folder, what is said against it, and writing a file of it. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MEMINFO "/proc/meminfo"
#define LATEST ":latest"

int model_list_read(const char *dir, struct conf_report *r, struct model_list *out)
{
	char **names = NULL;
	size_t n = 0;
	int first = file_names(dir, ".json", &names, &n);

	*out = (struct model_list){NULL, 0};
	if (first) {
		conf_report_add(r, CONF_ERROR, dir, "name the registry's folder with --models",
			"the models cannot be read: %s", err_text(first));
		return ERR_INVALID;
	}
	out->at = mem_array(n + 1, sizeof(*out->at));
	first = out->at ? 0 : ERR_NOMEM;
	for (size_t i = 0; out->at && i < n; i++) {
		char *path = file_join(dir, names[i]);
		const int err = path ? model_read(path, r, &out->at[out->n]) : ERR_NOMEM;

		mem_free(path);
		out->n += !err;
		first = first ? first : err;
	}
	file_names_free(names, n);
	return first && first != ERR_NOMEM ? ERR_INVALID : first;
}

void model_list_fini(struct model_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		model_free(l->at[i]);
	mem_free(l->at);
	*l = (struct model_list){NULL, 0};
}

/* ---- Looking --------------------------------------------------------------------------------- */

static const struct conf_provider *provider_of(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->provider_count; i++) {
		if (strcmp(c->providers[i].name, name) == 0)
			return &c->providers[i];
	}
	return NULL;
}

static void look_cloud(const struct model *m, const struct conf *c, struct conf_report *r)
{
	const struct conf_provider *p = provider_of(c, m->cloud_provider);

	if (!p)
		conf_report_add(r, CONF_ERROR, m->path, "name one of mynah.yaml, or null",
			"cloudFallback: there is no provider \"%s\"", m->cloud_provider);
	else if (!p->remote_ok)
		conf_report_add(r, CONF_ERROR, m->path,
			"say remote_ok: true there if chat may leave this machine",
			"cloudFallback: provider \"%s\" may not be remote", m->cloud_provider);
}

static void complain_digest(const struct model *m, const char *of, const char *is,
	struct conf_report *r)
{
	conf_report_add(r, CONF_ERROR, m->path,
		"fetch the weights again; if they are meant to be others, write that",
		"digest: that of %s is %s", of, is);
}

void model_look_digest(const struct model *m, const char *provider, struct str digest,
	struct conf_report *r)
{
	static const char prefix[] = "sha256:";
	const size_t n = sizeof(prefix) - 1;
	char is[SHA256_TEXT_BYTES];

	if (digest.len > n && memcmp(digest.at, prefix, n) == 0)
		digest = (struct str){digest.at + n, digest.len - n};
	snprintf(is, sizeof(is), "%.*s", STR_FMT(digest));
	if (!str_is(digest, m->digest))
		complain_digest(m, provider, is, r);
}

static void look_file(const struct model *m, struct conf_report *r)
{
	char is[SHA256_TEXT_BYTES];
	int err = access(m->local_path, R_OK) == 0 ? 0 : ERR_NOTFOUND;

	if (!err && m->digest)
		err = seal_sha256_file(m->local_path, is);
	if (err)
		conf_report_add(r, CONF_ERROR, m->path, "fetch it, or write null",
			"localPath: %s cannot be read", m->local_path);
	else if (m->digest && strcmp(is, m->digest) != 0)
		complain_digest(m, m->local_path, is, r);
}

void model_look(const struct model *m, const struct conf *c, const char *set,
	struct conf_report *r)
{
	const int64_t memory = model_memory();

	if (m->cloud_provider)
		look_cloud(m, c, r);
	if (m->local_path)
		look_file(m, r);
	if (memory >= 0 && m->min_memory > memory)
		conf_report_add(r, CONF_WARNING, m->path, "see: mynah models recommend",
			"it wants %lld MiB of memory, and %lld are to be had",
			(long long)(m->min_memory >> 20), (long long)(memory >> 20));
	if (m->has_accuracy && m->accuracy.is_measured && *set &&
			strcmp(set, m->accuracy.set) != 0)
		conf_report_add(r, CONF_WARNING, m->path, "run: mynah eval NAME --save",
			"its accuracy was measured with other golden cases than there are now");
}

int64_t model_memory(void)
{
	static const char key[] = "MemAvailable:";
	int64_t kib = -1;
	char line[256];
	FILE *f = fopen(MEMINFO, "re"); /* no regular file: file_read would not have it */

	while (f && kib < 0 && fgets(line, sizeof(line), f)) {
		struct str rest;

		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		rest = str_trim(str_of(line + sizeof(key) - 1));
		if (str_int(str_split(&rest, ' '), &kib))
			kib = -1;
	}
	if (f)
		fclose(f);
	return kib < 0 ? -1 : kib * 1024;
}

bool model_is_name(struct str listed, const char *name)
{
	const size_t n = strlen(name), tag = sizeof(LATEST) - 1;

	return str_is(listed, name) || (listed.len == n + tag && memcmp(listed.at, name, n) == 0 &&
		memcmp(listed.at + n, LATEST, tag) == 0);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int add_text(struct buf *out, const char *before, const char *text)
{
	const int err = buf_adds(out, before);

	if (err)
		return err;
	return text ? json_add_string(out, str_of(text)) : buf_adds(out, "null");
}

/* Four digits after the point, in every locale. */
static int add_share(struct buf *out, const char *before, double share)
{
	const int err = buf_adds(out, before);
	const long long parts = llround(share * 10000);

	if (err)
		return err;
	return isnan(share) ? buf_adds(out, "null")
		: buf_addf(out, "%lld.%04lld", parts / 10000, parts % 10000);
}

static int add_accuracy(struct buf *out, const struct model *m)
{
	const struct model_accuracy *a = &m->accuracy;
	int err;

	if (!m->has_accuracy)
		return buf_adds(out, ",\n  \"accuracy\": null");
	err = add_share(out, ",\n  \"accuracy\": {\n    \"passAt1\": ", a->pass_at_1);
	if (!err)
		err = add_share(out, ",\n    \"passAt5\": ", a->pass_at_5);
	if (!err)
		err = add_share(out, ",\n    \"bleu\": ", a->bleu);
	if (!err)
		err = buf_addf(out, ",\n    \"measured\": %s", a->is_measured ? "true" : "false");
	if (!err && a->date)
		err = add_text(out, ",\n    \"date\": ", a->date);
	if (!err && a->set)
		err = add_text(out, ",\n    \"set\": ", a->set);
	if (!err && a->samples > 0)
		err = buf_addf(out, ",\n    \"samples\": %lld,\n    \"seed\": %lld",
			(long long)a->samples, (long long)a->seed);
	return err ? err : buf_adds(out, "\n  }");
}

int model_write(const struct model *m, struct buf *out)
{
	int err = add_text(out, "{\n  \"name\": ", m->name);

	if (!err)
		err = add_text(out, ",\n  \"version\": ", m->version);
	if (!err)
		err = add_text(out, ",\n  \"quantization\": ", m->quantization);
	if (!err)
		err = m->size > 0 ? buf_addf(out, ",\n  \"size\": %lld", (long long)m->size)
			: buf_adds(out, ",\n  \"size\": null");
	if (!err)
		err = add_accuracy(out, m);
	if (!err)
		err = buf_addf(out, ",\n  \"hardware\": {\n    \"minMemory\": %lld",
			(long long)m->min_memory);
	if (!err)
		err = add_text(out, ",\n    \"recommendedGPU\": ", m->gpu);
	if (!err)
		err = add_text(out, "\n  },\n  \"localPath\": ", m->local_path);
	if (!err && m->digest)
		err = add_text(out, ",\n  \"digest\": ", m->digest);
	if (!err && m->cloud_provider) {
		err = add_text(out, ",\n  \"cloudFallback\": {\n    \"provider\": ",
			m->cloud_provider);
		if (!err)
			err = add_text(out, ",\n    \"model\": ", m->cloud_model);
		return err ? err : buf_adds(out, "\n  }\n}\n");
	}
	return err ? err : buf_adds(out, ",\n  \"cloudFallback\": null\n}\n");
}
