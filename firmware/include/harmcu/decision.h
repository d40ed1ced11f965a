/* From the scores of consecutive windows to a label, or to none.
 *
 * trainer/sample_path.py is the other implementation and explains the rule. */
#ifndef HARMCU_DECISION_H
#define HARMCU_DECISION_H

#include <stdint.h>

#define HARMCU_UNKNOWN (-1)

typedef struct {
    const int8_t *thresholds; /* [labels], least mean score */
    int8_t *past;             /* [smoothing][labels], scores of the last windows */
    uint8_t labels;
    uint8_t smoothing;
    uint8_t next;  /* where the next scores go */
    uint8_t count; /* windows held, at most smoothing */
} harmcu_decision;

typedef struct {
    int16_t label; /* index, or HARMCU_UNKNOWN */
    int8_t score;  /* mean score of the best label, rounded down */
} harmcu_decided;

/* Starts a new stream: forgets the past windows. */
void harmcu_decision_reset(harmcu_decision *decision);

/* Takes the scores of one window and decides. */
harmcu_decided harmcu_decision_push(harmcu_decision *decision, const int8_t *scores);

#endif
