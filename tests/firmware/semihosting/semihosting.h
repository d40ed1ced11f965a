#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

/* Writes text to the standard output of the emulator. */
void host_write(const char *text);

#endif
