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
static uint32_t imu_waiting;
static harmcu_imu_track imu_track;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

void harmcu_board_init(void) {
    harmcu_imu_track_stop(&imu_track, HARMCU_IMU_ABSENT, "none", NULL, harmcu_board_ticks());
    const char *path = getenv("HARMCU_IMU_FILE");
    const char *rate = getenv("HARMCU_IMU_MILLIHERTZ");
    const unsigned long millihertz = rate == NULL ? 0UL : strtoul(rate, NULL, 10);
    if (path != NULL && millihertz > 0) {
        imu = fopen(path, "rb");
        imu_period = 1000ULL * NANOSECONDS / millihertz;
        imu_due = now();
        harmcu_imu_track_start(&imu_track, "replay", (uint32_t)millihertz, harmcu_board_tick_hz(),
                               harmcu_board_ticks());
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

const harmcu_imu_report *harmcu_board_imu_report(void) {
    return &imu_track.report;
}

void harmcu_board_show(const char *label, uint8_t percent, bool is_new) {
    (void)label;
    (void)percent;
    (void)is_new;
}

/* Begins a burst of the samples that are due. */
static bool look_at_imu(void) {
    const uint64_t time = now();
    imu_waiting = time < imu_due ? 0U : (uint32_t)((time - imu_due) / imu_period) + 1U;
    harmcu_imu_track_burst(&imu_track, harmcu_board_ticks(), imu_waiting, 0,
                           HARMCU_IMU_DROPPED_NONE);
    return imu_waiting > 0;
}

bool harmcu_board_imu_read(harmcu_imu_sample *sample) {
    if (imu == NULL || (imu_waiting == 0 && !look_at_imu())) {
        return false;
    }
    imu_waiting--;
    imu_due += imu_period;
    if (fread(sample->counts, sizeof(int16_t), HARMCU_AXES, imu) != HARMCU_AXES) {
        rewind(imu); /* the recording plays again and again */
        if (fread(sample->counts, sizeof(int16_t), HARMCU_AXES, imu) != HARMCU_AXES) {
            return false;
        }
    }
    harmcu_imu_track_sample(&imu_track, sample);
    return true;
}
