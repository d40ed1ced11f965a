/* What a sketch calls. Everything else happens behind these two functions. */
#ifndef HARMCU_SKETCH_H
#define HARMCU_SKETCH_H

/* Your own reaction to a new activity: its label, and how sure the model is, from 0 to 1. A window
 * that no label explains well enough has the label "unknown". */
typedef void (*harmcu_reaction)(const char *label, float score);

/* Starts the serial port, the IMU and the model. Call it once, in setup(). */
void harmcu_begin(harmcu_reaction reaction = nullptr);

/* Takes what the IMU has measured, classifies it, and answers the computer. Call it in loop(), as
 * often as you can: the IMU keeps a quarter of a second of samples at most. */
void harmcu_update();

#endif
