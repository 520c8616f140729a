/* What the files of the simulated Twitch share. For nobody else. */
#ifndef UNIT_SIM_ROOM_H
#define UNIT_SIM_ROOM_H

#include "unit/sim_twitch.h"

#define COUNT_OF(a)      (sizeof(a) / sizeof((a)[0]))
#define SIM_CHAT_URL     "wss://irc.example:443/"
#define SIM_ID_URL       "https://id.example/oauth2"
#define SIM_API_URL      "https://api.example/helix"
#define SIM_EVENTSUB_URL "wss://eventsub.example/ws"
#define SIM_CLIENT       "kelpbotclient0000000000000000a"

extern int64_t sim_begin_ms;
void sim_must(bool is_so, const char *what); /* or the test ends here */
unsigned sim_happen(void);                   /* the number of what happens next */
int sim_account_of(const char *token);

/* sim_eventsub.c */
void sim_eventsub_begin(void);
enum sim_verdict sim_eventsub_connect(const struct io_ws *ws);
void sim_eventsub_opened(struct io_ws *ws);
void sim_eventsub_left(struct io_ws *ws);
void sim_eventsub_request(struct io_http *h, int64_t ms, unsigned account);
void sim_eventsub_chat(unsigned room, unsigned n);
bool sim_eventsub_is_moving(void);
void sim_eventsub_raid(unsigned room, unsigned n);

#endif
