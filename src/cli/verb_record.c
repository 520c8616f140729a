/* record: keeps what the running bot hears. The daemon holds the lines for a moment and this verb
 * fetches them, so the file belongs to who asked for it, and a record nobody fetches ends by
 * itself. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS 3000
#define ANSWER_BYTES (2 * 1024 * 1024)
#define PAUSE_MS 200

static volatile sig_atomic_t is_over;

static void on_signal(int signo)
{
	(void)signo;
	is_over = 1;
}

static int write_all(int fd, struct str s)
{
	while (s.len > 0) {
		const ssize_t n = write(fd, s.at, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		s.at += n;
		s.len -= (size_t)n;
	}
	return 0;
}

static size_t count_lines(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.at[i] == '\n';
	return n;
}

/* The number of the record that begins so; 0 = it is none. */
static int64_t number_of(struct str text)
{
	const struct str first = str_split(&text, '\n');
	struct json *head = NULL;
	const char *why;
	int64_t number = 0;

	if (json_parse(first, ANSWER_BYTES, &head, &why) == 0)
		number = json_int(head, "wall_ms", 0);
	json_free(head);
	return number;
}

/* Fetches what a place heard ("" = the bot's choice) for the first time, or (NULL) what the record
 * of that number holds by now. Gives CLI_OK, or a code after a sentence. */
static int fetch(const char *socket, const char *place, int64_t number, int fd, struct buf *text,
	size_t *lines)
{
	char ask[64];
	int status;

	buf_clear(text);
	if (place)
		snprintf(ask, sizeof(ask), "{\"place\":\"%s\"}", place);
	else
		snprintf(ask, sizeof(ask), "{\"record\":%lld}", (long long)number);
	status = io_ask_socket(socket, "POST", "/api/v1/record", str_of(ask), ASK_MS, text);
	if (status == ERR_CONNECT || status == ERR_NOTFOUND) {
		cli_say("no mynah answers on %s; is it running?", socket);
		return CLI_CANNOT;
	}
	if (status == 409 && !place) {
		cli_say("the record has ended: another has begun, or it was not fetched for long");
		return CLI_CANNOT;
	}
	if (status == 409) {
		cli_say("it has no %s: section, so there is nothing to record",
			*place ? place : "twitch: or discord");
		return CLI_FINDINGS;
	}
	if (status != 200) {
		cli_say("the daemon does not answer as it should: %s",
			status < 0 ? err_text(status) : "an error");
		return CLI_CANNOT;
	}
	*lines += count_lines(buf_str(text));
	if (write_all(fd, buf_str(text)) < 0) {
		cli_say("the file cannot be written: %s", strerror(errno));
		return CLI_CANNOT;
	}
	return CLI_OK;
}

int cli_record(const struct cli *c)
{
	const struct timespec pause = {0, PAUSE_MS * 1000000};
	const struct sigaction stop = {.sa_handler = on_signal};
	const char *place = c->argc == 2 ? c->argv[1] : "";
	const bool is_known = c->argc == 1 || strcmp(place, "twitch") == 0 ||
		strcmp(place, "discord") == 0;
	char *socket = is_known ? cli_socket(c) : NULL;
	int64_t number;
	size_t lines = 0;
	struct buf text;
	int code, fd;

	if (!is_known)
		return cli_usage(c);
	if (!socket)
		return CLI_CANNOT;
	/* It holds what people said: for its owner only, and nothing else is overwritten. */
	fd = open(c->argv[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		cli_say("%s: %s", c->argv[0], strerror(errno));
		mem_free(socket);
		return CLI_CANNOT;
	}
	buf_init(&text, ANSWER_BYTES);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	code = fetch(socket, place, 0, fd, &text, &lines);
	number = number_of(buf_str(&text));
	if (code == CLI_OK)
		cli_say("recording into %s; it holds what people say. Ctrl-C ends it", c->argv[0]);
	while (code == CLI_OK && !is_over) {
		nanosleep(&pause, NULL);
		code = fetch(socket, NULL, number, fd, &text, &lines);
	}
	if (close(fd) < 0 && code == CLI_OK)
		code = CLI_CANNOT;
	if (lines == 0)
		unlink(c->argv[0]);
	else
		cli_say("%zu lines in %s; see what would happen with: mynah replay %s", lines,
			c->argv[0], c->argv[0]);
	buf_fini(&text);
	mem_free(socket);
	return code;
}
