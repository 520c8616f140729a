/* Registry files: strict JSON, read twice. Once as JSON, which it must be; once as the YAML that
 * all JSON is, for the lines that complaints name. */
#include "model/model.h"
#include "persona/persona.h"

#include <math.h>
#include <string.h>

#define DIGITS "0123456789abcdef"
#define SAMPLES_MIN 5 /* passAt5 needs them */
#define BYTES_MAX 1e15
#define MEASURE "run: mynah eval NAME --samples 5 --save"

struct draft {
	struct model is;
	struct conf_node *accuracy, *hardware, *cloud;
};

#define AT(member) offsetof(struct draft, member)
#define ROW(name, type, member, min, max, help) \
	{name, type, AT(member), NULL, min, max, NULL, CONF_LIVE, help}
static const struct conf_option options[] = {
	ROW("name", CONF_TEXT, is.name, 0, 0, "The name that its provider knows it by."),
	ROW("version", CONF_TEXT, is.version, 0, 0, "MAJOR.MINOR.PATCH."),
	ROW("quantization", CONF_TEXT, is.quantization, 0, 0, "\"Q4_K_M\", \"F16\" ..."),
	ROW("size", CONF_BYTES, is.size, 0, BYTES_MAX, "Bytes of its weights, or like \"1300M\"."),
	ROW("accuracy", CONF_NODE, accuracy, 0, 0, "What mynah eval found; null before that."),
	ROW("hardware", CONF_NODE, hardware, 0, 0, "{minMemory, recommendedGPU}"),
	ROW("localPath", CONF_TEXT, is.local_path, 0, 0, "Where its weights are, or null."),
	ROW("digest", CONF_TEXT, is.digest, 0, 0,
		"SHA-256 of the file of localPath, else what its server lists; 64 hex digits."),
	ROW("cloudFallback", CONF_NODE, cloud, 0, 0, "{provider, model}, or null."),
};
static const struct conf_option accuracy_options[] = {
	ROW("passAt1", CONF_NUMBER, is.accuracy.pass_at_1, 0, 1, "A share, 0 to 1."),
	ROW("passAt5", CONF_NUMBER, is.accuracy.pass_at_5, 0, 1, "A share, 0 to 1."),
	ROW("bleu", CONF_NUMBER, is.accuracy.bleu, 0, 1, "0 to 1."),
	ROW("measured", CONF_BOOL, is.accuracy.is_measured, 0, 0,
		"mynah eval --save writes true; who writes numbers by hand writes false."),
	ROW("date", CONF_TEXT, is.accuracy.date, 0, 0, "When they were measured."),
	ROW("set", CONF_TEXT, is.accuracy.set, 0, 0, "SHA-256 of the golden cases."),
	ROW("samples", CONF_INT, is.accuracy.samples, 1, 1000, "Answers to each case."),
	ROW("seed", CONF_INT, is.accuracy.seed, 0, 4e9, "Of the first answers."),
};
static const struct conf_option hardware_options[] = {
	ROW("minMemory", CONF_BYTES, is.min_memory, 0, BYTES_MAX, "Bytes, or like \"4G\"."),
	ROW("recommendedGPU", CONF_TEXT, is.gpu, 0, 0, "A name, or null."),
};
static const struct conf_option cloud_options[] = {
	ROW("provider", CONF_TEXT, is.cloud_provider, 0, 0, "A provider of mynah.yaml."),
	ROW("model", CONF_TEXT, is.cloud_model, 0, 0, "Its model."),
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A number in quotes is a text and the other way round: YAML would not mind. Sizes may be both. */
static void check_types(struct conf_reading *rd, const struct json *object,
	const struct conf_node *map,
	const struct conf_option *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *v = json_get(object, o[i].name);
		const struct conf_node *at = v ? conf_node_find(map, o[i].name) : NULL;
		const bool wants_text = o[i].type == CONF_TEXT;

		if (!at || o[i].type == CONF_NODE || o[i].type == CONF_BYTES)
			continue;
		if (json_is_string(v) != wants_text)
			conf_wrong(rd, at, o[i].help, wants_text ? "this must be a text, in quotes"
				: "this must be a number or true or false, without quotes");
	}
}

/* Fills the draft from one object of the file. */
static void read_part(struct conf_reading *rd, const struct json *object,
	const struct conf_node *map,
	const struct conf_option *o, size_t n, struct draft *d)
{
	conf_read_map(rd, map, o, n, d);
	if (map)
		check_types(rd, object, map, o, n);
}

/* ---- What must hold -------------------------------------------------------------------------- */

static void check_measured(struct conf_reading *rd, const struct model_accuracy *a,
	const struct conf_node *n)
{
	int64_t when;

	if (isnan(a->pass_at_1) || isnan(a->pass_at_5) || isnan(a->bleu))
		conf_wrong(rd, n, MEASURE, "what was measured has all three numbers");
	if (!a->date || clock_parse(str_of(a->date), &when))
		conf_wrong(rd, n, MEASURE, "what was measured has a date");
	if (!a->set || strlen(a->set) != SHA256_TEXT_BYTES - 1 ||
			strspn(a->set, DIGITS) != SHA256_TEXT_BYTES - 1)
		conf_wrong(rd, n, MEASURE,
			"what was measured names its set of cases");
	if (a->samples < SAMPLES_MIN)
		conf_wrong(rd, n, MEASURE, "passAt5 was measured with at least 5 samples");
}

static void check_accuracy(struct conf_reading *rd, struct draft *d, const struct json *root)
{
	const struct json *object = json_get(root, "accuracy");
	struct model_accuracy *a = &d->is.accuracy;

	a->pass_at_1 = a->pass_at_5 = a->bleu = NAN;
	if (!d->accuracy)
		return;
	d->is.has_accuracy = true;
	read_part(rd, object, d->accuracy, accuracy_options, COUNT(accuracy_options), d);
	if (a->is_measured)
		check_measured(rd, a, d->accuracy);
	else if (!json_get(object, "measured"))
		conf_wrong(rd, d->accuracy,
			"let mynah eval --save write it, or add \"measured\": false",
			"these numbers do not say who measured them");
}

static void check_all(struct conf_reading *rd, struct draft *d, const struct json *root)
{
	const struct conf_node *at = conf_file_root(rd->file);
	struct model *m = &d->is;

	read_part(rd, json_get(root, "hardware"), d->hardware, hardware_options,
		COUNT(hardware_options), d);
	read_part(rd, json_get(root, "cloudFallback"), d->cloud, cloud_options,
		COUNT(cloud_options), d);
	check_accuracy(rd, d, root);
	if (!m->name || !*m->name)
		conf_wrong(rd, at, "\"name\": \"llama3.2:1b\"", "a model needs its name");
	if (!m->version || !persona_is_version(m->version))
		conf_wrong(rd, m->version ? conf_node_find(at, "version") : at, "like \"1.0.0\"",
			"a model needs its version, MAJOR.MINOR.PATCH");
	if (!m->quantization)
		conf_wrong(rd, at, "\"quantization\": \"Q4_K_M\"",
			"a model needs its quantization");
	if (m->min_memory <= 0)
		conf_wrong(rd, d->hardware ? d->hardware : at,
			"\"hardware\": {\"minMemory\": \"4G\"}",
			"a model needs to say how much memory it wants");
	if (m->digest && (strlen(m->digest) != SHA256_TEXT_BYTES - 1 ||
			strspn(m->digest, DIGITS) != SHA256_TEXT_BYTES - 1))
		conf_wrong(rd, conf_node_find(at, "digest"), "as sha256sum prints it",
			"a digest is 64 hexadecimal digits, in lower case");
	if (d->cloud && (!m->cloud_provider || !m->cloud_model))
		conf_wrong(rd, d->cloud, "{\"provider\": NAME, \"model\": NAME}, or null",
			"a fallback is a provider and its model");
}

/* ---- The file -------------------------------------------------------------------------------- */

static int read_root(struct conf_reading *rd, const struct json *root, const char *path,
	struct model **out)
{
	struct draft *d = mem_new(sizeof(*d));
	struct model *m = mem_new(sizeof(*m));

	if (!d || !m) {
		mem_free(d);
		mem_free(m);
		return ERR_NOMEM;
	}
	read_part(rd, root, conf_file_root(rd->file), options, COUNT(options), d);
	/* null says as much as nothing. */
	d->accuracy = json_get(root, "accuracy") ? d->accuracy : NULL;
	d->hardware = json_get(root, "hardware") ? d->hardware : NULL;
	d->cloud = json_get(root, "cloudFallback") ? d->cloud : NULL;
	check_all(rd, d, root);
	*m = d->is;
	m->path = mem_dup(path);
	conf_note(rd, m->path ? 0 : ERR_NOMEM);
	mem_free(d);
	*out = m;
	return 0;
}

int model_read(const char *path, struct conf_report *r, struct model **out)
{
	struct conf_file *f = NULL;
	struct json *root = NULL;
	struct model *m = NULL;
	const char *why = "";
	int err = conf_file_load(path, r, &f);
	struct conf_reading rd = {f, r, 0};

	*out = NULL;
	if (err)
		return err;
	err = json_parse(conf_file_text(f), MODEL_FILE_BYTES, &root, &why);
	if (err == ERR_NOMEM)
		goto out;
	if (err || !json_is_object(root)) {
		conf_wrong(&rd, conf_file_root(f), "a registry file is one JSON object",
			"%s", err ? why : "this is no object");
		err = ERR_INVALID;
		goto out;
	}
	err = read_root(&rd, root, path, &m);
	err = err ? err : rd.err;
out:
	json_free(root);
	conf_file_free(f);
	if (err)
		model_free(m);
	else
		*out = m;
	return err;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	mem_free(m->path);
	mem_free(m->name);
	mem_free(m->version);
	mem_free(m->quantization);
	mem_free(m->accuracy.date);
	mem_free(m->accuracy.set);
	mem_free(m->gpu);
	mem_free(m->local_path);
	mem_free(m->digest);
	mem_free(m->cloud_provider);
	mem_free(m->cloud_model);
	mem_free(m);
}
