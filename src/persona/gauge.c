/* What a model counts, against what we estimate: learned from the usage that its provider tells. */
#include "persona/persona.h"

#include <math.h>

#define WEIGHT 0.1         /* of a new sample in the averages, once there are ten */
#define FALL 0.02          /* of the way to the average that the highest goes with each sample */
#define RATIO_MIN 0.25     /* below it a provider counts only what it had not cached */
#define RATIO_MAX 4.0      /* a token a byte of plain text: no tokenizer has more */
#define RATIO_UNKNOWN 2.0  /* until a model has answered: that of a vocabulary of 640 */
#define MARGIN 1.1
#define FEW 3              /* with fewer samples than that the margin counts double */

void prompt_gauge_note(struct prompt_gauge *g, size_t usual, int64_t real)
{
	double sample, weight;

	if (usual == 0 || real <= 0 || (double)real < RATIO_MIN * (double)usual)
		return;
	sample = fmin((double)real / (double)usual, RATIO_MAX);
	if (g->n == 0)
		*g = (struct prompt_gauge){.ratio = sample, .high = sample};
	else
		g->error += fmax(WEIGHT, 1.0 / (double)g->n) *
			(fabs(sample - g->ratio) / sample - g->error);
	g->n++;
	weight = fmax(WEIGHT, 1.0 / (double)g->n);
	g->ratio += weight * (sample - g->ratio);
	g->high += FALL * (g->ratio - g->high);
	g->high = fmax(g->high, sample);
}

double prompt_gauge_most(const struct prompt_gauge *g)
{
	if (!g || g->n == 0)
		return RATIO_UNKNOWN;
	/* Never below our own count: what is rare in a chat must not surprise. */
	return fmin(fmax(g->high * (g->n < FEW ? MARGIN * MARGIN : MARGIN), 1.0), RATIO_MAX);
}

bool prompt_gauge_is_sound(const struct prompt_gauge *g)
{
	return g->n > 0 && g->ratio >= RATIO_MIN && g->ratio <= RATIO_MAX && g->high >= g->ratio &&
		g->high <= RATIO_MAX && g->error >= 0 && g->error <= RATIO_MAX;
}
