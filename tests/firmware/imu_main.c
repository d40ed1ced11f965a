/* Drives firmware/src/imu.c: commands in, a line out for every sample and report.
 *
 *   start RATE TICK_HZ TICKS | stop TICKS | burst TICKS TAKEN LEFT DROPPED VALUE | report
 *
 * Every sample of a burst has VALUE in all of its axes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harmcu/imu.h"

static harmcu_imu_track track;

static void burst(void) {
    uint32_t ticks = 0;
    uint32_t taken = 0;
    uint32_t left = 0;
    int dropped = 0;
    int value = 0;
    if (scanf("%" SCNu32 "%" SCNu32 "%" SCNu32 "%d%d", &ticks, &taken, &left, &dropped, &value) !=
        5) {
        return;
    }
    harmcu_imu_track_burst(&track, ticks, taken, left, (harmcu_imu_dropped)dropped);
    for (uint32_t i = 0; i < taken; ++i) {
        harmcu_imu_sample sample = {.ticks = 0};
        for (size_t axis = 0; axis < HARMCU_AXES; ++axis) {
            sample.counts[axis] = (int16_t)value;
        }
        harmcu_imu_track_sample(&track, &sample);
        printf("%" PRIu32 " %" PRIu32 "\n", sample.ticks, sample.lost);
    }
}

int main(void) {
    char word[16];
    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "burst") == 0) {
            burst();
        } else if (strcmp(word, "start") == 0) {
            uint32_t rate = 0;
            uint32_t tick_hz = 0;
            uint32_t ticks = 0;
            if (scanf("%" SCNu32 "%" SCNu32 "%" SCNu32, &rate, &tick_hz, &ticks) == 3) {
                harmcu_imu_track_start(&track, "made up", rate, tick_hz, ticks);
            }
        } else if (strcmp(word, "stop") == 0) {
            uint32_t ticks = 0;
            if (scanf("%" SCNu32, &ticks) == 1) {
                harmcu_imu_track_stop(&track, HARMCU_IMU_ABSENT, "none", NULL, ticks);
            }
        } else {
            const harmcu_imu_report *r = &track.report;
            printf("%d %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", (int)r->state,
                   r->measured_millihertz, r->samples, r->lost, r->overruns);
        }
    }
    return 0;
}
