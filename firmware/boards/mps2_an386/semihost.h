/* Semihosting: files and the command line of the machine that emulates the board.
 *
 * Numbers and parameter blocks from Arm's "Semihosting for AArch32 and AArch64", release 2.0. */
#ifndef HARMCU_SEMIHOST_H
#define HARMCU_SEMIHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEMIHOST_NO_FILE (-1)

typedef enum {
    SEMIHOST_READ = 1,  /* "rb" */
    SEMIHOST_WRITE = 5, /* "wb" */
} semihost_mode;

/* Copies the command line of the emulated program. False when there is none. */
bool semihost_command_line(char *text, size_t size);

/* Opens a file. SEMIHOST_NO_FILE when that fails. */
int semihost_open(const char *path, semihost_mode mode);

/* Reads up to size bytes and returns how many; 0 at the end. */
size_t semihost_read(int file, void *data, size_t size);

/* Writes size bytes. */
void semihost_write(int file, const void *data, size_t size);

/* Goes back to the start of a file. */
void semihost_rewind(int file);

/* Ends the emulation. */
_Noreturn void semihost_exit(bool success);

#endif
