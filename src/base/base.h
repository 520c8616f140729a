/* base: bytes, text, errors, memory, clock, chance, log, metrics, strict JSON, files, sealing.
 *
 * Floor 1: everybody may stand on it; it knows nobody. It hides json-c, simdjson, libutf8proc and
 * libsodium. Its symbols start with the name of the part: buf_add, text_fold, log_event. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/clock.h"
#include "base/ascii.h"
#include "base/rand.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/json.h"
#include "base/json_tape.h"
#include "base/file.h"
#include "base/seal.h"

#endif
