/* Private to the room: the bot's insides, shared by its files. */
#ifndef BOT_ROOM_H
#define BOT_ROOM_H

#include "base/hash.h"
#include "bot/bot.h"
#include "bot/flood.h"
#include "bot/gather.h"
#include "ledger/ledger.h"
#include "memory/memory.h"

#define BOT_PLACES_MAX 8
#define BOT_SEEN_MAX 4096         /* faults.md section 7: ids remembered ... */
#define BOT_SEEN_MS (10 * 60000)  /* ... and for how long, per place */
#define BOT_SEEN_ID_BYTES 64
#define BOT_CHANNELS_MAX 2000     /* channels with a record of their own */
#define BOT_CHANNEL_BYTES 256     /* name of one: no place delivers a longer one */
#define BOT_COUNTS_MAX 20000      /* users, channels with a budget of their own */
#define BOT_PAIR_MS 60000         /* faults.md A10: limits.in_a_row counts within this time */
#define BOT_ANSWERS_MAX   64 /* answers remembered per channel; limits.turns_minute ends at 60 */
#define BOT_FIRED_MAX 16          /* made-up events whose end is remembered */
#define BOT_COUNTERS_MAX 5000     /* names times channels; there is no forgetting one */
#define BOT_TIMERS_MAX 5000       /* triggers with every:, times their channels */
#define BOT_CROWD_NAMES 2         /* told by name, the others by number */
#define BOT_CROWD_NAME_BYTES 100  /* 25 characters of 4 bytes */
#define BOT_CROWD_MAX 64          /* told apart; more may be counted twice */
#define BOT_SAVE_MS 200           /* budgets reach the disk this soon after a send */

/* gate.c: ids seen lately, one ring per place. */
struct bot_seen {
	char id[BOT_SEEN_ID_BYTES];
	int64_t at_ms;
	UT_hash_handle hh;
};
struct bot_ring {
	struct bot_seen *slots; /* BOT_SEEN_MAX */
	struct bot_seen *table;
	size_t next;
};

/* channel.c: what is remembered of a channel. */
struct bot_channel {
	struct stream stream;             /* as its place told it last; strings in stream_text */
	char *stream_text;
	struct bot_flood flood;           /* of strangers */
	int64_t quiet_until_ms;
	char *persona;                    /* id of who speaks here; NULL = as the config says */
	int64_t answers_ms[BOT_ANSWERS_MAX]; /* ring of the last answers */
	size_t answers;
	char author[64];                  /* user id of the last answered author ... */
	int64_t in_a_row;                 /* ... and how often in a row */
	int64_t row_began_ms;
	int64_t lines;                    /* that people have written, as far as anybody counts */
	int64_t timer_ms;                 /* when a timer last spoke; 0 = none has */
	bool is_timed;                    /* it has timers: it stays */
	UT_hash_handle hh;
	char key[];                       /* place and name */
};

/* timer.c: a trigger with every: in one channel. */
struct bot_timer {
	const char *trigger;              /* its name; of the present world */
	char *channel;
	unsigned place;
	int64_t every_ms, due_ms;
	int64_t lines;                    /* of the channel, when it last spoke */
	int64_t generation;               /* of the following that has seen it */
	UT_hash_handle hh;
	char key[];                       /* place, channel, trigger */
};

/* counter.c: what triggers count in a channel. */
struct bot_counter {
	int64_t value;
	UT_hash_handle hh;
	char key[];                       /* "NAME PLATFORM:CHANNEL" */
};

/* count.c: calls or money of somebody in one hour or day; or a line and when it was last said. */
struct bot_count {
	int64_t when; /* number of the window; of a line, ms */
	int64_t amount;
	bool has_warned; /* that most of it is spent */
	UT_hash_handle hh;
	char key[];
};
struct bot_counts {
	int64_t hour, day;             /* numbers of the windows */
	int64_t spent_hour, spent_day; /* by the bot, in millionths of a dollar */
	int64_t calls_hour, calls_day;
	bool has_warned_hour, has_warned_day;
	bool is_dirty;                 /* since the last save */
	struct bot_count *table;       /* of this hour or day, by name; the longest unused first */
};

/* gauge.c: of one provider's model. */
struct bot_gauge {
	struct prompt_gauge is;
	UT_hash_handle hh;
	char key[]; /* provider, space, model */
};

/* turn.c: one per hit. */
enum turn_state {
	TURN_HIT,
	TURN_HELD,
	TURN_RECALL,
	TURN_ASK,
	TURN_CHECK,
	TURN_QUEUED,
	TURN_SENT,
	TURN_DROPPED
};

/* The last model call of a turn; its row is written when the turn's end is known. */
struct turn_call {
	bool is_held;
	char provider[64], model[128], message[256];
	const char *purpose; /* static */
	const struct prompt *prompt; /* BORROWED of the turn */
	enum provider_error error;
	int number;          /* of the turn's calls, from 1 */
	int64_t wall_ms, latency_ms, first_token_ms, tokens_in, tokens_out, cost;
	size_t answer_bytes;
	struct buf answer; /* kept only where the ledger keeps payloads */
};

struct turn;

/* guard.c: a model judges words of the turn. */
struct turn_guard {
	struct prompt *prompt;
	const char *purpose;
	void (*done)(struct turn *t, bool is_safe);
	bool is_asked;       /* the turn's call is to it */
	char rule[48];       /* "model:S10" */
};

/* embed.c: the turn's question, and what its words have found. */
struct turn_embed {
	struct prompt *prompt;
	struct knowledge_hit hits[KNOWLEDGE_CANDIDATES]; /* in the turn's world */
	size_t n;
	void (*done)(struct turn *t);
};

/* embed.c: what a model made of the knowledge. */
struct embed_job;
struct bot_embedded {
	struct knowledge_vectors *vectors;
	char of[320];                  /* the provider and the model that made them */
	struct embed_job *job;         /* makes more of them; NULL = none does */
	int64_t again_ms;              /* not before: the last one failed */
};

/* ask.c: how far a turn is with asking. */
struct turn_asking {
	size_t step;         /* of the trigger's; what the last one answers is said */
	const struct prompt_file *file; /* of the turn's world, that has its words; NULL = none */
	bool is_local_only;          /* a prompt file of one of its steps says so */
	struct buf previous; /* what the step before it answered */
	struct trigger_said said; /* of the turn's hit */
	struct turn *first;  /* that asks the same: its answer is waited for */
	bool is_waiting;     /* for it, or, where first is NULL, for its own turn to ask */
	bool is_due;         /* its answer has come */
	bool is_counted;     /* a call has been taken for it, and no model was asked yet */
	const char *from;    /* whose words they are: "shared", "cached"; NULL = its own call's */
	bool is_again;       /* the one further try that a turn has is under way, or was */
	struct buf wrong;    /* what the model is told of its first: a clause */
};

/* crowd.c: people that one turn stands for. */
struct bot_crowd {
	size_t n;
	char names[BOT_CROWD_NAMES][BOT_CROWD_NAME_BYTES];
	uint64_t ids[BOT_CROWD_MAX];
};

/* once.c: what was not asked twice. */
struct bot_kept;
struct bot_once {
	struct bot_kept *kept;         /* answers; the one used longest ago first */
	size_t bytes;                  /* of them */
	int64_t shared, hits, misses;
};

#define TURN_TEXT_BYTES (24 * 1024) /* three messages of 2,000 characters of 4 bytes */
#define TURN_WRONG_BYTES 512 /* a clause */
struct turn {
	struct bot *bot;               /* NULL: its answer is judged without one */
	int64_t fired;                 /* number of the made-up event it answers; 0 = a real one */
	char id[TURN_ID_BYTES];
	enum turn_state state;
	struct bot_world *world;       /* the snapshot it began with */
	struct event *event;
	struct trigger_hit hit;        /* captures point into event */
	const struct persona *persona;
	struct prompt *prompt;
	struct provider_call *call;
	struct turn_asking asking;
	struct turn_guard guard;
	struct turn_embed embed;
	struct bot_crowd crowd;        /* with merge: of its trigger */
	struct turn_call last;
	bool is_recalling;
	struct bot_search *search;     /* in what the streamer wrote; NULL = none is under way */
	struct knowledge_hit known[KNOWLEDGE_TOP]; /* what it found, in the turn's world */
	size_t known_count;
	bool is_otherwise;             /* what will be said is the trigger's otherwise: */
	bool is_erased;                /* its message was deleted while the reply was on its way */
	bool is_slow;                  /* the model did not answer by its deadline */
	bool is_given;                 /* the place has its reply */
	bool is_hushed;                /* what the model writes is not shown before it is whole */
	struct buf shown;              /* what has been shown of it */
	struct buf text;               /* what will be said */
	const char *rule;              /* static: what decided; "" */
	int64_t reserved_hour, reserved_day; /* windows of its last attempt's money */
	int64_t began_us, asked_us;
	UT_hash_handle hh;             /* by id */
};

struct bot_place {
	struct bot *bot;
	struct platform platform;
	char *name;                    /* the config's section */
	enum platform_state state;
	char why[384];
	char login[64], user_id[64];
	struct bot_ring seen;
	int64_t since_wall_ms;
};

/* fire.c: what became of a made-up event. */
struct bot_fired {
	bool is_over;
	enum reason reason;
	char trigger[65], rule[64];
	char said[2048];               /* 500 characters of 4 bytes; of more, the beginning */
};

struct bot {
	struct io *io;
	struct bot_options options;
	struct bot_world *world;
	int lock_fd;
	char *state_dir;

	struct trigger_state *triggers;
	struct outbox *outbox;
	struct memory memory;
	struct ledger ledger;
	struct provider_pool *providers;
	struct bot_place places[BOT_PLACES_MAX]; /* index = place number; name NULL = free */
	struct platform_owner owner;

	struct bot_gather *gather;
	struct bot_record *record;     /* NULL = nobody records */
	struct bot_channel *channels;
	struct bot_timer *timers;
	int64_t timer_generation;
	struct bot_counter *counters;
	bool counters_are_dirty;       /* since the last save */
	struct bot_once once;
	struct bot_counts counts;
	struct bot_count *otherwise;   /* lines, by channel and trigger */
	struct bot_gauge *gauges;      /* the one used longest ago first */
	bool gauges_are_dirty;         /* since the last save */
	struct bot_summary *summaries; /* the oldest first */
	size_t summary_jobs;
	struct bot_embedded embedded;
	struct turn *turns;            /* live, by id */

	struct io_worker *worker;      /* reloads and state files */
	struct io_worker *searcher;    /* knowledge */
	struct io_timer *pump, *sweep, *save, *end, *begin, *crowd, *clock, *look;
	bool is_saving, is_draining, is_over, is_flushing, is_drained, is_opened;
	bool is_fresh;                 /* started or reloaded since the last sweep */
	int64_t began_ms, began_wall_ms;
	uint32_t dice;                 /* for the next trigger with a chance */

	int64_t firing;                /* the made-up event that is being heard; 0 = none */
	int64_t fired_count;
	struct bot_fired fired[BOT_FIRED_MAX];

	struct bot_reload *reload;     /* the one that runs */
	bool reload_again, is_reloading;
	int64_t reloads;
	struct buf reload_report;      /* JSON members of the last one */

	/* Counters of the fast path; bot_metrics publishes them. Every event that came in or that
	 * was gathered of others is a hit or silent: events + gathered = hits + silent. */
	int64_t refused_input, noted_input; /* questions that met a rule */
	int64_t events, gathered, hits, sent, drops[REASON_COUNT], silent[REASON_COUNT];
};

/* world_conf.c: GIVES *out, which is the last good version if *is_stale. ERR_INVALID: there is no
 * version to run on; *out may be given all the same. */
int bot_conf_load(const struct bot_source *s, struct conf_report *r, struct conf **out,
	bool *is_stale) MUST_USE;

/* fire.c */
void bot_fired_end(struct bot *b, int64_t number, const struct bot_verdict *v);

/* hear.c */
void bot_hear(struct bot *b, const struct event *e); /* e->place is one of ours */
void bot_gathered(void *ctx);           /* tells what is due; the crowd timer: ctx is the bot */

/* gate.c: the cheap questions, before any trigger is tried. c: bot_channel_of the event. */
/* The config of the place an event came from; NULL for the console. */
const struct conf_place *bot_place_of(const struct bot_world *w, const struct event *e);
enum reason bot_gate(struct bot *b, const struct event *e, const struct bot_channel *c);
/* The i-th gate's question for explain: changes nothing. Gives its name, or NULL past the end; *r
 * is NONE when the event passes; why gets a sentence. */
const char *bot_gate_ask(struct bot *b, const struct bot_world *w, size_t i, const struct event *e,
	enum reason *r, struct buf *why);
int bot_ring_init(struct bot_ring *r) MUST_USE;
void bot_ring_fini(struct bot_ring *r);

/* channel.c: the record of a channel; NULL if there is none and none is made, or none may be. */
struct bot_channel *bot_channel(struct bot *b, unsigned place, struct str channel, bool make);
/* The event as its place would tell it: with the place, and what is known of its stream. */
struct event bot_event_placed(struct bot *b, const struct event *given);
/* That of an event, NULL where there is nothing to remember. */
struct bot_channel *bot_channel_of(struct bot *b, const struct event *e);
bool bot_channel_is_quiet(const struct bot_channel *c, int64_t now_ms);
/* "quiet":[...], with the channels that are kept quiet. */
int bot_quiet_status(const struct bot *b, struct buf *out) MUST_USE;
/* Keeps what is known of a channel's stream: of all its events from now on. */
void bot_channel_stream(struct bot *b, unsigned place, struct str channel, const struct stream *s);
/* Notes what a flood of strangers is told by. Gives the channel's record, made if need be. */
struct bot_channel *bot_channel_flood(struct bot *b, struct bot_channel *c, const struct event *e);
/* May one more answer go to this channel and author? Counts it when it may. */
enum reason bot_channel_answer(struct bot *b, const struct event *e, const char **rule);
/* Who answers in an event's channel by this trigger; b NULL = no running bot. */
const struct persona *bot_channel_persona(struct bot *b, const struct bot_world *w,
	const struct event *e, const struct trigger *t);
/* Another persona for what does not name one itself; NULL = as the config says. ERR_LIMIT: too many
 * channels. */
int bot_channel_set_persona(struct bot *b, const struct event *e, const char *id) MUST_USE;
void bot_channels_sweep(struct bot *b, int64_t now_ms); /* forgets what matters no more */
void bot_channels_forget(struct bot *b, unsigned place); /* one that is gone */
void bot_channels_fini(struct bot *b);

/* timer.c: triggers that the clock wakes. */
/* Makes the timers be what the world and its places say. Those that stay keep their clock. Call it
 * whenever the world was swapped, before the old one goes. */
void bot_timers_follow(struct bot *b);
void bot_timers_look(void *ctx); /* lets speak what is due; the clock timer: ctx is the bot */
/* When the timer that a (made-up) event is about is due next; -1 = there is none. */
int64_t bot_timer_wait_ms(struct bot *b, const struct event *e);
int bot_timers_status(struct bot *b, struct buf *out) MUST_USE;
void bot_timers_fini(struct bot *b);

/* counter.c: what triggers count, in a channel each. */
/* What a counter says in the event's channel, 0 if nobody has turned it; ctx is the bot. */
int64_t bot_counter_of(void *ctx, const struct event *e, struct str name);
/* A trigger has fired: turns its counter, if it has one. */
void bot_counter_turn(struct turn *t);
int bot_counters_save(struct bot *b, struct buf *out) MUST_USE;
/* ERR_PARSE: some lines make no sense; what does is there. */
int bot_counters_load(struct bot *b, struct str text) MUST_USE;
void bot_counters_fini(struct bot *b);

/* budget.c: how many model calls may still be made. Takes one when it gives NONE. */
enum reason bot_budget_take(struct bot *b, const struct event *e, const char **rule);
void bot_budget_give_back(struct bot *b, const struct event *e); /* no model was asked after all */
/* May this turn's otherwise: line be said? Remembers that it was. */
bool bot_budget_otherwise(struct bot *b, const struct turn *t);
void bot_budget_sweep(struct bot *b, int64_t now_ms);
void bot_budget_fini(struct bot *b);

/* count.c: the counter of a name, made when it is new. A full table forgets the one used longest
 * ago. NULL = no memory. */
struct bot_count *bot_count_of(struct bot_count **table, const char *key);
void bot_count_free(struct bot_count **table, struct bot_count *c);
/* The counters as they are in the windows of now. */
struct bot_counts *bot_counts_now(struct bot *b);
void bot_counts_changed(struct bot *b); /* they are to be saved */
/* One of this window, which is that of the hour or the day. what: "channel". NULL = no memory. */
struct bot_count *bot_count_in(struct bot *b, int64_t window, const char *what,
	struct str platform, struct str whose);
/* That of a person, who is not named in the file. What nobody caused, a timer, is counted as one
 * person in each channel. */
struct bot_count *bot_count_in_user(
	struct bot *b, int64_t window, const char *what, const struct event *e);
/* What it says; makes none. */
int64_t bot_count_told(struct bot *b, int64_t window, const char *what, struct str platform,
	struct str whose);
int bot_counts_save(struct bot *b, struct buf *out) MUST_USE;
/* ERR_PARSE, ERR_NOMEM: for this hour and day the money of the bot, and the money and calls of
 * every provider, count as spent; of the bot's calls, and of what others used, what was read. */
int bot_counts_load(struct bot *b, struct str text) MUST_USE;
void bot_counts_sweep(struct bot *b);
void bot_counts_fini(struct bot *b);

/* spend.c: may so much be spent for an answer to this turn? Then it is reserved; else t->rule says
 * which limit it is. */
bool bot_spend_take(struct bot *b, struct turn *t, int64_t cost);
/* What was reserved came to this. */
void bot_spend_settle(struct bot *b, const struct turn *t, int64_t reserved, int64_t cost);
/* May this person ask a model once more today? Counts it when it gives NONE. */
enum reason bot_spend_ask(struct bot *b, const struct event *e, const char **rule);
void bot_spend_give_back(struct bot *b, const struct event *e); /* no model was asked after all */
int bot_spend_status(struct bot *b, struct buf *out) MUST_USE;
/* What may still be asked for this event, and what is spent; changes nothing. */
int bot_spend_explain(struct bot *b, const struct event *e, const struct persona *p,
	struct buf *out) MUST_USE;

/* gauge.c: what is known of this model's way of counting; NULL = nothing yet. */
const struct prompt_gauge *bot_gauge_of(const struct bot *b, const char *provider,
	const char *model);
/* An attempt with this prompt has ended. */
void bot_gauge_note(struct bot *b, const struct prompt *p, const struct provider_attempt *a);
int bot_gauge_status(const struct bot *b, struct buf *out) MUST_USE;
int bot_gauge_save(struct bot *b, struct buf *out) MUST_USE;
/* ERR_PARSE: lines that it could not have written are left out. ERR_NOMEM. */
int bot_gauge_load(struct bot *b, struct str text) MUST_USE;
void bot_gauge_fini(struct bot *b);

/* row.c: one ledger row for each model call. */
/* purpose: static, the ledger's word for what the call is for. */
void bot_row_hold(struct turn *t, const struct provider_attempt *a, const struct prompt *prompt,
	const char *purpose);
void bot_row_write(struct turn *t, enum reason reason); /* nothing when none is held */

/* turn.c */
void bot_turn_begin(struct bot *b, const struct event *e, const struct trigger_hit *hit);
void bot_turn_outcome(struct bot *b, const char *id, enum reason r, const char *why);
void bot_turn_drop_all(struct bot *b, enum reason why);
void bot_turn_drop_place(struct bot *b, unsigned place); /* before it is freed, and tells no more */
void bot_turn_erase(struct bot *b, const struct erasure *e); /* what answers it ends `gone` */
/* A person is forgotten: what is on its way to them is not remembered. */
void bot_turn_forget(struct bot *b, const struct event *e);
/* Gives out what may be sent, ends what died waiting, sets the timer for the rest. */
void bot_pump(struct bot *b);
void bot_stage_took(const char *stage, int64_t began_us); /* for the histogram of stages */
/* The arrows that ask.c takes. Each may free the turn. check: of words that no model wrote; put: of
 * t->text, which has been judged. */
void bot_turn_drop(struct turn *t, enum reason reason);
/* No answer, for this reason: the trigger's own line if one is due, else silence. */
void bot_turn_otherwise(struct turn *t, enum reason reason);
void bot_turn_check(struct turn *t, struct str text);
void bot_turn_put(struct turn *t);
struct memory_key bot_turn_key(const struct turn *t); /* whose past it is; BORROWED of t */
int64_t bot_turn_ttl_ms(const struct turn *t);        /* an answer later than that is dropped */
/* A verdict, for whoever listens; fired: the made-up event it is about, 0 = none. */
void bot_tell(struct bot *b, int64_t fired, const struct event *e, const struct trigger *t,
	enum reason r, const char *rule);

/* know.c: looks up what the streamer wrote about the turn's question, if its trigger wants that:
 * then done(t) comes when t->known is there, unless the turn ends before. False: nothing is looked
 * up. */
bool bot_know_begin(struct turn *t, int64_t deadline_ms, void (*done)(struct turn *t));
void bot_know_is(struct turn *t, const struct knowledge_hit *hits, size_t n); /* the nearest */
void bot_know_end(struct turn *t);    /* the turn is over */
/* The same at once, for whoever may wait a moment: explain. Gives how many there are. */
size_t bot_know_now(const struct bot_world *w, const struct trigger *t, const struct event *e,
	struct knowledge_hit hits[KNOWLEDGE_TOP]);

/* embed.c. A world has begun: what embeddings it lacks are asked for. */
void bot_embed_follow(struct bot *b);
void bot_embed_fini(struct bot *b); /* takes back calls that are under way */
/* Ranks n hits anew, at most KNOWLEDGE_CANDIDATES: then done(t) comes when t->known is there,
 * unless the turn ends before. False: they stay as they are. */
bool bot_embed_begin(struct turn *t, const struct knowledge_hit *hits, size_t n,
	int64_t deadline_ms, void (*done)(struct turn *t));

/* summary.c: what fell out of the remembered lines, in short. An answer was said and remembered: is
 * there something to sum up? */
void bot_summary_after(struct turn *t);
/* BORROWED until the bot goes on; empty = none. */
struct str bot_summary_of(const struct turn *t);
void bot_summary_erase(struct bot *b, const struct erasure *e);
void bot_summary_sweep(struct bot *b, int64_t now_ms);
void bot_summary_fini(struct bot *b); /* takes back calls that are under way */

/* ask.c: from a question to words that may be said, which go to bot_turn_put. */
void bot_ask_begin(struct turn *t);
void bot_ask_give_back(struct turn *t); /* the call taken for it, if no model was asked */
void bot_ask_model(struct turn *t); /* its prompt is made: it may wait for another's answer */

/* crowd.c */
void bot_crowd_add(struct bot_crowd *c, struct str name, struct str user_id);
bool bot_crowd_has(const struct bot_crowd *c, struct str user_id);
int bot_crowd_users(const struct bot_crowd *c, struct buf *user, struct buf *users) MUST_USE;

/* once.c: not asking twice. */
/* True: another turn asks the same, and this one waits for its answer. */
bool bot_once_waits(struct turn *t);
/* The words for t are there: those that wait for the same are due. */
void bot_once_share(struct turn *t);
/* The next that is due, NULL = none; it is due no more. */
struct turn *bot_once_due(struct bot *b);
/* There are no words of t for others: they ask themselves, and what was held for it goes on. */
void bot_once_left(struct turn *t);
/* True: an answer is kept, and is in text. */
bool bot_once_kept(struct turn *t, struct buf *text);
void bot_once_keep(struct turn *t, struct str words); /* they were whole, and could be said */
void bot_once_unkeep(struct turn *t); /* they could not, after all */
/* True: by merge: of its trigger it was held, or has ended. */
bool bot_once_holds(struct turn *t);
void bot_once_look(void *ctx); /* lets go on who may; the look timer: ctx is the bot */
void bot_once_erase(struct bot *b, const struct erasure *e); /* answers to who is to be forgotten */
void bot_once_sweep(struct bot *b, int64_t now_ms);
void bot_once_metrics(const struct bot *b);

/* question.c: what a model is asked for one step. */
struct bot_question {
	const struct bot_world *world;
	const struct event *event;
	const struct persona *persona;
	const char *words;           /* the step's, before their values */
	const struct trigger_hit *hit; /* NULL = nothing matched */
	const struct conversation *past; /* NULL = none */
	struct str summary;          /* of what was said before; only where names may go */
	const struct knowledge_hit *known; /* what the streamer wrote about it, */
	size_t known_count;          /* at most KNOWLEDGE_TOP */
	struct str previous, schema, wrong; /* as prompt_build takes them, */
	bool is_step;                /* and this */
	bool is_local_only;          /* it may not leave this machine */
	size_t budget_tokens;        /* what fits the model that will be asked */
	const struct prompt_gauge *gauge; /* and how it counts; NULL = unknown */
	uint64_t marker;
	uint32_t dice;
};
/* The words of a step; *file is the prompt file that has them, NULL = the trigger itself. */
const char *bot_question_words(const struct bot_world *w, const struct trigger_step *step,
	const struct prompt_file **file);
/* What the trigger's pattern caught, if it is hit->trigger that the event wakes. */
int bot_captures(const struct bot_world *w, const struct event *e, struct trigger_hit *hit)
	MUST_USE;
/* What its route depends on, as an ask: without its prompt and without callbacks. */
struct provider_ask bot_question_ask(const struct bot_question *q);
/* The provider that a persona's questions go to first, as the files say it; NULL = none. */
const struct conf_provider *bot_question_provider(
	const struct bot_world *w, const struct persona *p);
/* Fills in what it may cost; b NULL = no running bot knows a model. */
void bot_question_fit(struct bot *b, struct bot_question *q);
/* GIVES *out, with aliases for everybody where it may leave this machine and their names may not. b
 * NULL = no running bot. ERR_LIMIT: it does not fit the window, or has more people than can be
 * hidden. */
int bot_question_prompt(
	struct bot *b, const struct bot_question *q, struct prompt **out) MUST_USE;
/* May words of one of its steps not leave this machine? For who is asked beside them. */
bool bot_question_is_local(const struct turn *t);

/* answer.c: are the model's words what was asked for, and may they be said? REASON_NONE: they are
 * in t->text. Else t->rule says what decided; REASON_UNSAFE, UNFIT: and t->asking.wrong says it to
 * the model. */
enum reason bot_answer_judge(struct turn *t, struct str words, bool was_cut);
/* A model has judged that they may not. */
enum reason bot_answer_refuse(struct turn *t);

/* heed.c: may a model be asked with what chat brings along? Of the words of an event that a trigger
 * puts before it, the first that may not, else what weighs most. */
struct bot_heard {
	enum reason reason;        /* NONE: it may */
	const char *what;          /* static: "the name"; NULL when no rule is met */
	struct safety_heard heard;
};
void bot_heed_event(const struct bot_world *w, const struct trigger *t, const struct event *e,
	struct bot_heard *out);
/* That of a turn, noted; t->rule says which rule refuses. */
enum reason bot_heed(struct turn *t);
/* What was said before, without lines that may not, and without what answered them. GIVES
 * (mem_free) out->lines; their texts stay past's. */
int bot_heed_past(const struct turn *t, const struct conversation *past, struct conversation *out)
	MUST_USE;

/* guard.c: does a model judge as well, before the question or before the answer is said? */
bool bot_guard_wants(const struct turn *t, bool is_answer);
/* Asks it. done comes later, and may free the turn; unsafe: t->rule says by what. By when: on
 * clock_mono_ms, at the latest. */
void bot_guard_begin(struct turn *t, bool is_answer, int64_t deadline_ms,
	void (*done)(struct turn *t, bool is_safe));

/* judge.c: may it be said? */
struct bot_text {
	struct str text;
	bool is_model;   /* else a template, with its values */
	bool was_cut;    /* it stopped in the middle */
	bool is_growing; /* the model still writes: only its whole sentences count */
};
/* Into out (cleared first) when it may. rule: static; what decided, else "". */
enum reason bot_judge(const struct turn *t, const struct bot_text *text, struct buf *out,
	const char **rule);
/* How long an answer to this event the model is asked for. */
size_t bot_answer_chars(const struct bot_world *w, const struct event *e);

/* step.c: what the places are told of the turns that their events began. */
bool bot_step_matters(const struct turn *t); /* its place listens */
void bot_step_thinking(const struct turn *t);
/* What the model has written so far: shown as far as it may be. */
void bot_step_so_far(struct turn *t, struct str text);
void bot_step_over(const struct turn *t, enum reason r);
void bot_step_none(struct bot *b, const struct event *e, enum reason r); /* no turn began */

/* command.c: the slash commands that the bot answers itself. */
bool bot_command_is(const struct event *e);
/* False when e calls none of them. */
bool bot_command_find(const struct event *e, struct trigger_hit *hit);
bool bot_is_command(const struct trigger *t);
/* Does what the command says; adds what is answered. */
int bot_command_run(struct bot *b, const struct turn *t, struct buf *out) MUST_USE;
/* Those of the triggers and the bot's own: GIVES (mem_free) the list, whose strings last as long as
 * the world. NULL = no memory. */
struct slash *bot_command_list(const struct bot_world *w, size_t *n);

/* place.c: the accounts the bot is present with. */
void bot_places_init(struct bot *b);        /* what places tell, they tell the bot */
/* The terminal, or the replay, instead of the config's places. */
int bot_places_alone(struct bot *b) MUST_USE;
/* Makes the places be what the world says: stops those that are gone, reloads those that stay,
 * starts the new. was: what the world said before; NULL = nothing. */
void bot_places_follow(struct bot *b, const struct conf *was);
int bot_place_number(const struct bot *b, const char *name); /* -1 = none of that name */
void bot_places_stop(struct bot *b);        /* each says `stopped` later, within a second */
bool bot_places_are_stopped(const struct bot *b);
void bot_places_free(struct bot *b);

const struct conf_place *bot_place_conf(const struct conf *c, const char *name); /* NULL = none */

/* record.c. Only while b->record: */
void bot_record_frame(struct bot *b, unsigned place, const char *wire, struct str bytes);
/* That frame has told something: it is kept. e: what, NULL = an erasure. */
void bot_record_told(struct bot *b, const struct event *e);
/* What is known of a server of it ("" = of all) is kept as well, as it is now. */
void bot_record_learned(struct bot *b, unsigned place, struct str about);
void bot_record_stream(struct bot *b, unsigned place, struct str channel, const struct stream *s);
void bot_record_lane(
	struct bot *b, unsigned place, const char *channel, const struct outbox_lane *l);
/* In any case: */
void bot_record_sweep(struct bot *b, int64_t now_ms); /* ends one that nobody takes */
void bot_record_end(struct bot *b);

/* drain.c */
void bot_drain_look(struct bot *b);         /* ends the drain when nothing lives any more */
void bot_drain_end(void *ctx);              /* the end timer: ctx is the bot */

/* state.c: what survives a restart. */
int bot_state_open(struct bot *b) MUST_USE; /* lock, pseudonym key, budgets; blocking, at start */
void bot_state_save_soon(struct bot *b);
void bot_state_close(struct bot *b);        /* last save, marks the end as clean; blocking */
void bot_state_save(void *ctx);             /* the save timer: ctx is the bot */
/* Records this start and gives how long to wait before logging in (crash loops, faults.md S4). */
int64_t bot_state_start_wait_ms(struct bot *b);

#endif
