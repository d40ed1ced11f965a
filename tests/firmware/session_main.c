/* A session on a board of which everything is scripted, so that every line it sends is known.
 *
 * Lines of standard input: `port TEXT` a line arrives, `later SAMPLES TEXT` it arrives when so many
 * samples of the IMU have been taken, `port_end` nothing will come any more, `sample AX AY AZ GX GY
 * GZ LOST` the IMU has a sample, `imu STATE LOST HINT` how it does, `clock
 * TICKS` time passes, `poll` the session runs. The engine's scores are two channels of the last
 * sample and the number of samples since its reset; it fails when the last channel is 99. A sample
 * costs it 10 ticks, scores cost 100. Argument `broken`: it cannot even start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harmcu/board.h"
#include "harmcu/engine.h"
#include "harmcu/model.h"
#include "harmcu/session.h"

#ifndef LABELS
#define LABELS 3
#endif

#define SMOOTHING 2
#define QUEUE 128

static const char *const LABEL[] = {"idle", "a, b", "\303\274"};
static const int8_t THRESHOLD[] = {-128, -128, 100};
static const harmcu_channel CHANNEL[] = {
    {.axis = 0, .multiplier = 2, .shift = 1, .zero_point = 0},
    {.axis = 1, .multiplier = 2, .shift = 1, .zero_point = 0},
    {.axis = 5, .multiplier = 2, .shift = 1, .zero_point = 0},
};
static const int16_t SAME[] = {16384};
static const int16_t MEAN[] = {8192, 8192};
static const harmcu_resample_table TABLE[] = {
    {119000, 1, 1, 1, 1, SAME},
    {50000, 1, 1, 1, 2, MEAN},
};
static int16_t history[2 * HARMCU_AXES];
static int8_t past[SMOOTHING * 3];
static int8_t scores[3];

const harmcu_model_config harmcu_model = {
    .name = LABELS > 0 ? "scripted" : "",
    .sha256 = LABELS > 0 ? "abc" : "",
    .rate_millihertz = 119000,
    .window = 4,
    .hop = 2,
    .channels = 3,
    .labels = LABELS,
    .smoothing = SMOOTHING,
    .tables = 2,
    .label = LABEL,
    .channel = CHANNEL,
    .thresholds = THRESHOLD,
    .table = TABLE,
    .history = history,
    .past = past,
    .scores = scores,
};

static bool is_broken;
static int8_t last[3];
static int8_t pushed;
static uint32_t clock_ticks;

const char *harmcu_engine_name(void) {
    return LABELS > 0 ? "double" : "none";
}

bool harmcu_engine_init(void) {
    return !is_broken;
}

void harmcu_engine_reset(void) {
    pushed = 0;
}

void harmcu_engine_push(const int8_t *sample) {
    memcpy(last, sample, sizeof last);
    pushed++;
    clock_ticks += 10;
}

bool harmcu_engine_scores(int8_t *target) {
    clock_ticks += 100;
    target[0] = last[0];
    target[1] = last[1];
    target[2] = pushed;
    return last[2] != 99;
}

static char port[4096];
static size_t port_size;
static size_t port_next;
static bool port_ended;
static char later[512];
static unsigned later_after;
static harmcu_imu_sample queue[QUEUE];
static unsigned queued;
static unsigned taken;
static char hint[64];
static harmcu_imu_report report = {
    .sensor = "scripted",
    .rate_millihertz = 119000,
    .measured_millihertz = 118900,
};

void harmcu_board_init(void) {
}

const char *harmcu_board_name(void) {
    return "scripted";
}

void harmcu_board_idle(void) {
}

static void arrive(const char *text) {
    port_size += (size_t)snprintf(&port[port_size], sizeof port - port_size, "%s\n", text);
}

harmcu_read_result harmcu_board_read(uint8_t *byte) {
    if (port_next == port_size) {
        return port_ended ? HARMCU_READ_END : HARMCU_READ_EMPTY;
    }
    *byte = (uint8_t)port[port_next++];
    return HARMCU_READ_BYTE;
}

void harmcu_board_write(const char *data, size_t size) {
    fwrite(data, size, 1, stdout);
}

uint32_t harmcu_board_ticks(void) {
    return clock_ticks;
}

uint32_t harmcu_board_tick_hz(void) {
    return 1000;
}

bool harmcu_board_imu_read(harmcu_imu_sample *sample) {
    if (taken == queued) {
        return false;
    }
    *sample = queue[taken++];
    if (later[0] != '\0' && taken == later_after) {
        arrive(later);
    }
    report.samples++;
    return true;
}

const harmcu_imu_report *harmcu_board_imu_report(void) {
    return &report;
}

void harmcu_board_show(const char *label, uint8_t percent, bool is_new) {
    printf("show %s %u %s\r\n", label, percent, is_new ? "new" : "same");
}

static void take_sample(const char *text) {
    harmcu_imu_sample *sample = &queue[queued++];
    for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
        char *end = NULL;
        sample->counts[axis] = (int16_t)strtol(text, &end, 10);
        text = end;
    }
    sample->lost = (uint32_t)strtoul(text, NULL, 10);
    sample->ticks = clock_ticks;
    report.lost += sample->lost;
}

static void take_imu(const char *text) {
    char *end = NULL;
    report.state = (harmcu_imu_state)strtoul(text, &end, 10);
    report.lost += (uint32_t)strtoul(end, &end, 10);
    snprintf(hint, sizeof hint, "%s", *end == '\0' ? end : end + 1);
    report.hint = hint[0] == '\0' ? NULL : hint;
}

static void take(char *line) {
    if (strncmp(line, "port ", 5) == 0) {
        arrive(&line[5]);
    } else if (strncmp(line, "later ", 6) == 0) {
        char *end = NULL;
        later_after = (unsigned)strtoul(&line[6], &end, 10);
        snprintf(later, sizeof later, "%s", end + 1);
    } else if (strncmp(line, "sample ", 7) == 0) {
        take_sample(&line[7]);
    } else if (strncmp(line, "imu ", 4) == 0) {
        take_imu(&line[4]);
    } else if (strncmp(line, "clock ", 6) == 0) {
        clock_ticks += (uint32_t)strtoul(&line[6], NULL, 10);
    } else if (strcmp(line, "port_end") == 0) {
        port_ended = true;
    } else if (strcmp(line, "poll") == 0) {
        printf("%s\r\n", harmcu_session_poll() ? "open" : "ended");
    } else {
        abort();
    }
}

int main(int argc, char **argv) {
    char line[512];
    is_broken = argc > 1 && strcmp(argv[1], "broken") == 0;
    harmcu_session_start();
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        take(line);
    }
    return EXIT_SUCCESS;
}
