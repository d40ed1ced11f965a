/* What the parts of the measuring program share: main.c, and one of whole.c, stream.c and the
 * generated layers.c. */
#ifndef HARMCU_BENCH_H
#define HARMCU_BENCH_H

#include <stdint.h>

/* Notes the instruction at which it is called. */
void bench_stamp(void);

/* Where the BENCH_INPUT_BYTES of the next record go. */
int8_t *bench_input(void);

/* Runs one inference between stamps, the first two of which enclose nothing. */
void bench_run(int8_t *scores);

#endif
