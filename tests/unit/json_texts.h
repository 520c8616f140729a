/* What both readers of JSON are held against: json.h and the tape. */
#ifndef JSON_TEXTS_H
#define JSON_TEXTS_H

static const char *const json_good[] = {
	"{}", "[]", "null", "true", "false", "0", "-0", "12", "-1.5e+10", "1E400", "\"\"",
	" [ 1 , 2 ] \n", "\t{\"a\":{\"a\":[{}]}}\r", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
	"\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"\xF0\x9F\x98\x80\x7F\"",
	"{\"a\":{\"x\":1},\"b\":{\"x\":1}}", "[{\"x\":1},{\"x\":1}]", "{\"\":1}",
	"[1,[2,[3,[]]],{\"k\":[{\"k\":null}]}]",
};

static const char *const json_bad[] = {
	"", " ", "nul", "True", "NaN", "[NaN]", "{\"a\":NaN}", "Infinity", "-Infinity",
	"[1,]", "{\"a\":1,}", "[,]", "{,}", "[1 2]", "{\"a\" 1}", "{\"a\":1 \"b\":2}",
	"{'a':1}", "{a:1}", "{1:2}", "{\"a\"}", "[:]", "[\"a\":1]", "{\"a\"::1}",
	"01", "-", "1.", ".5", "1e", "+1", "0x10", "1_000", "--1",
	"/**/1", "1//x", "[1] x", "1 2", "true false", "{}{}", "[", "{", "\"", "[1}", "{\"a\":]",
	"]", "}", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\\"", "\"a\nb\"", "\"\x01\"",
	"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xE2\x82\"", "\xEF\xBB\xBF{}",
	"[1]\xC2\xA0", "\f1", "{\"a\\u0000b\":1}",
};

/* Keys that are equal once they are unescaped. */
static const char *const json_twice[] = {
	"{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[0,{\"x\":{\"a\":[],\"b\":0,\"a\":[]}}]",
	"{\"a\":{\"deep\":[1,2,{\"k\":1}]},\"b\":1,\"a\":null}", "{\"\":1,\"\":1}",
};

#endif
