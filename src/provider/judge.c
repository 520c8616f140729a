/* Error classes: their names, and which status or words mean which (ai-providers.md 1.4, 2.4, 4).
 *
 * Every vendor has an error object of its own and gateways mix them, so one reader knows all the
 * shapes: {"error":"text"}, {"error":{message,type,code}}, {"object":"error",message,type,code}. */
#include "provider/room.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ERROR_BODY_BYTES (64 * 1024) /* an error that is longer is not one we can use */
#define KEY_PART_BYTES 6             /* this much of a key's beginning already says too much */

const char *provider_error_name(enum provider_error e)
{
	static const char *const names[] = {
#define X(upper, lower, counts, what) #lower,
		PROVIDER_ERRORS(X)
#undef X
	};

	return (size_t)e < PROVIDER_ERROR_COUNT ? names[e] : "unknown";
}

/* Vendors' own codes and types say more than the status. Exact, ASCII case aside. */
static const struct {
	const char *code;
	enum provider_error error;
} codes[] = {
	{"insufficient_quota", PROVIDER_QUOTA},
	{"budget_exceeded", PROVIDER_QUOTA},
	{"billing_hard_limit_reached", PROVIDER_QUOTA},
	{"rate_limit_exceeded", PROVIDER_RATE_LIMIT},
	{"rate_limit_error", PROVIDER_RATE_LIMIT},
	{"model_not_found", PROVIDER_NO_MODEL},
	{"context_length_exceeded", PROVIDER_BAD_REQUEST},
	{"exceed_context_size_error", PROVIDER_BAD_REQUEST},
	{"content_filter", PROVIDER_UNSAFE},
	{"content_policy_violation", PROVIDER_UNSAFE},
	{"invalid_api_key", PROVIDER_AUTH},
	{"authentication_error", PROVIDER_AUTH},
	{"permission_error", PROVIDER_AUTH},
	{"overloaded_error", PROVIDER_SERVER},
	{"api_error", PROVIDER_SERVER},
	{"timeout_error", PROVIDER_TIMEOUT},
	{"billing_error", PROVIDER_QUOTA},
	{"not_found_error", PROVIDER_NO_MODEL},
	{"request_too_large", PROVIDER_BAD_REQUEST},
	{"server_error", PROVIDER_SERVER},
	{"unavailable_error", PROVIDER_SERVER},
};

/* Words of sentences that have no code: llama.cpp's and Ollama's runners. */
static const struct {
	const char *words;
	enum provider_error error;
} sentences[] = {
	{"out of memory", PROVIDER_OOM},
	{"requires more system memory", PROVIDER_OOM},
	{"cudamalloc failed", PROVIDER_OOM},
	{"not found, try pulling", PROVIDER_NO_MODEL},
};

static bool holds(struct str text, const char *words)
{
	size_t n = strlen(words);

	for (size_t i = 0; i + n <= text.len; i++)
		if (strncasecmp(text.at + i, words, n) == 0)
			return true;
	return false;
}

enum provider_error provider_judge_status(int status)
{
	switch (status) {
	case 401:
	case 403: return PROVIDER_AUTH;
	case 402: return PROVIDER_QUOTA;
	case 404: return PROVIDER_NO_MODEL;
	case 408: return PROVIDER_TIMEOUT;
	case 409:
	case 425: return PROVIDER_SERVER; /* passing states: worth another try */
	case 429: return PROVIDER_RATE_LIMIT;
	case 501: return PROVIDER_BAD_REQUEST;
	default: break;
	}
	if (status >= 500)
		return PROVIDER_SERVER; /* 529 is Anthropic's "overloaded" */
	if (status >= 300)
		return PROVIDER_BAD_REQUEST; /* redirects too: they are not followed */
	return PROVIDER_UNKNOWN;
}

/* Class of what a vendor's error says. status 0 = it came inside a 200 answer. code and type may be
 * empty. */
static enum provider_error classify(int status, struct str code, struct str type, struct str text)
{
	bool is_servers = false; /* "server_error": its sentence may say more */

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]) && !is_servers; i++) {
		if (!str_is_nocase(code, codes[i].code) && !str_is_nocase(type, codes[i].code))
			continue;
		if (codes[i].error != PROVIDER_SERVER)
			return codes[i].error;
		is_servers = true;
	}
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (holds(text, sentences[i].words))
			return sentences[i].error;
	/* Inside a 200 answer the work had begun: whatever it was, it was the server's. */
	return status == 0 || is_servers ? PROVIDER_SERVER : provider_judge_status(status);
}

void provider_copy(char *out, size_t size, struct str s)
{
	size_t n = s.len < size ? s.len : text_cut(s, size - 1, 0);

	if (n > 0)
		memcpy(out, s.at, n);
	out[n] = '\0';
}

bool provider_error_in(const struct json *answer, int status, enum provider_error *e,
	char message[256])
{
	const struct json *error = json_get(answer, "error");

	if (!error && str_is(json_str(answer, "object"), "error"))
		error = answer;
	if (!error)
		return false;

	struct str text = json_is_object(error) ? json_str(error, "message") : json_text(error);
	struct str code = json_str(error, "code"), type = json_str(error, "type");
	/* A status may hide in the body of a 200 (OpenRouter) or as a string (LiteLLM). */
	int64_t number = json_int(error, "code", 0);
	if (number == 0 && str_int(code, &number) != 0)
		number = 0;
	if (status == 0 && number >= 300 && number < 600)
		status = (int)number;
	*e = classify(status, code, type, text);
	provider_copy(message, 256, text.len > 0 ? text : type);
	return true;
}

enum provider_error provider_judge(int status, int64_t retry_after_ms, struct str body,
	char message[256])
{
	(void)retry_after_ms;
	enum provider_error e = provider_judge_status(status);
	struct json *answer = NULL;
	char said[256] = "";

	if (json_parse(body, ERROR_BODY_BYTES, &answer, NULL) == 0)
		(void)provider_error_in(answer, status, &e, said);
	json_free(answer);

	char line[300];
	int n = snprintf(line, sizeof(line), "HTTP %d%s%s", status, said[0] ? ": " : "", said);
	provider_copy(message, 256, (struct str){line, (size_t)n});
	return e;
}

bool provider_is_page(const char *content_type)
{
	return strncasecmp(content_type, "text/html", 9) == 0 ||
		strncasecmp(content_type, "application/xhtml", 17) == 0;
}

/* Cuts the end of a sentence off where it is the beginning of the key: its cap may have cut it. */
static void cut_key_part(struct str key, char *out)
{
	size_t len = strlen(out);

	for (size_t n = key.len < len ? key.len : len; n >= KEY_PART_BYTES; n--)
		if (memcmp(out + len - n, key.at, n) == 0) {
			out[len - n] = '\0';
			return;
		}
}

void provider_scrub(struct str text, const struct secret *key, char out[256])
{
	struct buf clean;

	out[0] = '\0';
	buf_init(&clean, 255);
	/* ERR_LIMIT is welcome: what fitted is what we want. */
	int err = text_scrub(text, TEXT_CHAT, &clean);
	if (err == ERR_NOMEM)
		goto out;
	provider_copy(out, 256, buf_str(&clean));
	if (!key)
		goto out;
	if (secret_is_in(key, text) || secret_is_in(key, str_of(out)))
		provider_copy(out, 256, STR("its message held our key and is not shown"));
	cut_key_part(secret_use(key), out);
out:
	buf_fini(&clean);
}
