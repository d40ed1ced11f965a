/* A native process: the port is standard input and output, the IMU is a file of counts that is
 * played at its rate when the environment names one. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harmcu/board.h"

#define NANOSECONDS 1000000000ULL

static FILE *imu;
static uint64_t imu_period; /* nanoseconds */
static uint64_t imu_due;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

void harmcu_board_init(void) {
    const char *path = getenv("HARMCU_IMU_FILE");
    const char *rate = getenv("HARMCU_IMU_MILLIHERTZ");
    const unsigned long millihertz = rate == NULL ? 0UL : strtoul(rate, NULL, 10);
    if (path != NULL && millihertz > 0) {
        imu = fopen(path, "rb");
        imu_period = 1000ULL * NANOSECONDS / millihertz;
        imu_due = now();
    }
}

const char *harmcu_board_name(void) {
    return "host";
}

static bool input_within(int milliseconds) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return poll(&input, 1, milliseconds) > 0;
}

void harmcu_board_idle(void) {
    input_within(1);
}

harmcu_read_result harmcu_board_read(uint8_t *byte) {
    static uint8_t buffer[4096];
    static size_t size;
    static size_t next;
    if (next == size) {
        if (!input_within(0)) {
            return HARMCU_READ_EMPTY;
        }
        const ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
        if (got <= 0) {
            return got < 0 && errno == EINTR ? HARMCU_READ_EMPTY : HARMCU_READ_END;
        }
        size = (size_t)got;
        next = 0;
    }
    *byte = buffer[next++];
    return HARMCU_READ_BYTE;
}

void harmcu_board_write(const char *data, size_t size) {
    while (size > 0) {
        const ssize_t written = write(STDOUT_FILENO, data, size);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        } else if (errno != EINTR) {
            exit(EXIT_FAILURE); /* nobody listens any more */
        }
    }
}

uint32_t harmcu_board_ticks(void) {
    return (uint32_t)(now() / 1000U);
}

uint32_t harmcu_board_tick_hz(void) {
    return 1000000U;
}

bool harmcu_board_imu_read(int16_t counts[HARMCU_AXES]) {
    if (imu == NULL || now() < imu_due) {
        return false;
    }
    imu_due += imu_period;
    if (fread(counts, sizeof(int16_t), HARMCU_AXES, imu) == HARMCU_AXES) {
        return true;
    }
    rewind(imu); /* the recording plays again and again */
    return fread(counts, sizeof(int16_t), HARMCU_AXES, imu) == HARMCU_AXES;
}
