#include "semihost.h"

#include <string.h>

enum {
    SYS_OPEN = 0x01,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0A,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
};

#define APPLICATION_EXIT 0x20026UL

static int32_t call(uint32_t operation, const void *parameters) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

bool semihost_command_line(char *text, size_t size) {
    uint32_t block[2] = {(uint32_t)text, (uint32_t)size};
    text[0] = '\0';
    return call(SYS_GET_CMDLINE, block) == 0 && text[0] != '\0';
}

int semihost_open(const char *path, semihost_mode mode) {
    const uint32_t block[3] = {(uint32_t)path, (uint32_t)mode, (uint32_t)strlen(path)};
    return call(SYS_OPEN, block);
}

size_t semihost_read(int file, void *data, size_t size) {
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)data, (uint32_t)size};
    /* The call returns how many bytes were NOT read, or a negative number. */
    const int32_t missing = call(SYS_READ, block);
    return missing < 0 ? 0U : size - (size_t)missing;
}

void semihost_write(int file, const void *data, size_t size) {
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)data, (uint32_t)size};
    call(SYS_WRITE, block);
}

void semihost_rewind(int file) {
    const uint32_t block[2] = {(uint32_t)file, 0U};
    call(SYS_SEEK, block);
}

_Noreturn void semihost_exit(bool success) {
    const uint32_t block[2] = {APPLICATION_EXIT, success ? 0U : 1U};
    call(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
