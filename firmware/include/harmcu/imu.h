/* What a board says of its IMU, and the bookkeeping that every driver shares: when each sample was
 * taken, how many the sensor lost, its true rate, and whether it still lives. */
#ifndef HARMCU_IMU_H
#define HARMCU_IMU_H

#include <stdbool.h>
#include <stdint.h>

#include "harmcu/resample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    HARMCU_IMU_OK,
    HARMCU_IMU_ABSENT, /* no sensor answers */
    HARMCU_IMU_STUCK,  /* the same values again and again, or no new sample in time */
    HARMCU_IMU_OTHER,  /* a sensor answers that this firmware has no driver for */
} harmcu_imu_state;

typedef struct {
    const char *sensor; /* "none" when no sensor answers */
    const char *hint;   /* what a person should do about the state; NULL for nothing */
    harmcu_imu_state state;
    uint32_t rate_millihertz;     /* nominal; 0 without a sensor */
    uint32_t measured_millihertz; /* against the board's clock; 0 until it is known */
    uint32_t samples;             /* taken since boot; this and the next two wrap */
    uint32_t lost;                /* by the sensor, because nobody read it in time */
    uint32_t overruns;            /* how often that happened */
} harmcu_imu_report;

/* One sample of the IMU. */
typedef struct {
    int16_t counts[HARMCU_AXES];
    uint32_t ticks; /* of the board's clock when it was taken */
    uint32_t lost;  /* samples that are missing between the last one and this one */
} harmcu_imu_sample;

/* A moment in a sensor's life, from which its rate is measured. */
typedef struct {
    uint64_t time;
    uint32_t samples;
} harmcu_imu_anchor;

/* Follows one sensor. Times are in 1/256 of a tick since the start and do not wrap: an hour and
 * twelve minutes of a 32-bit clock of microseconds are no limit. */
typedef struct {
    harmcu_imu_report report;
    uint32_t tick_hz;
    uint32_t ticks;    /* of the board's clock when the driver last looked */
    uint64_t now;      /* the same, as a time */
    uint64_t period;   /* from sample to sample, the best that is known */
    uint64_t newest;   /* when the newest sample that the driver took was taken */
    uint64_t position; /* when the last sample that was handed on was taken */
    uint64_t step;     /* from sample to sample within this burst */
    uint32_t missing;  /* samples lost before this burst */
    uint32_t repeats;  /* samples in a row with the same values */
    int16_t last[HARMCU_AXES];
    harmcu_imu_anchor older;
    harmcu_imu_anchor newer;
    bool is_primed; /* a sample was taken since the start */
} harmcu_imu_track;

/* Begins to follow a sensor that was just started. The counters of an earlier one go on. */
void harmcu_imu_track_start(harmcu_imu_track *track, const char *sensor, uint32_t rate_millihertz,
                            uint32_t tick_hz, uint32_t ticks);

/* Says that no sensor can be read; its name is "none" when none answers. */
void harmcu_imu_track_stop(harmcu_imu_track *track, harmcu_imu_state state, const char *sensor,
                           const char *hint);

/* Says what the driver saw when it looked at the sensor's queue, at `ticks`: it takes `taken`
 * samples, `left` stay behind. `overrun` when the sensor has dropped samples since the last look;
 * how many, the clock tells. Call it for an empty queue too: a sensor that falls silent is stuck.
 */
void harmcu_imu_track_burst(harmcu_imu_track *track, uint32_t ticks, uint32_t taken, uint32_t left,
                            bool overrun);

/* Completes the next sample of the burst: the counts are set, the rest follows. */
void harmcu_imu_track_sample(harmcu_imu_track *track, harmcu_imu_sample *sample);

#ifdef __cplusplus
}
#endif

#endif
