/* What a board does between boot and power-off: it answers commands and feeds the pipeline, from
 * the IMU or from samples that the host injects. docs/wire.md is the specification. */
#ifndef HARMCU_SESSION_H
#define HARMCU_SESSION_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Prepares the engine, says what this firmware is, and starts to classify for people: each decision
 * as a line of text. Without a model it waits for a host that records. */
void harmcu_session_start(void);

/* Does the work that is due. False when the port has ended and nothing will come any more. */
bool harmcu_session_poll(void);

#ifdef __cplusplus
}
#endif

#endif
