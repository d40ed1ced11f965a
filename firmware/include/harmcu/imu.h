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
    HARMCU_IMU_FAILED, /* the right sensor answers, but cannot be started */
} harmcu_imu_state;

/* What a sensor's queue says of samples that it dropped since the last look. */
typedef enum {
    HARMCU_IMU_DROPPED_NONE,
    HARMCU_IMU_DROPPED_PERHAPS, /* it is full, and has no flag: the clock decides */
    HARMCU_IMU_DROPPED_SOME,
} harmcu_imu_dropped;

typedef struct {
    const char *sensor; /* "none" when no sensor answers */
    const char *hint;   /* what a person should do about the state; NULL for nothing */
    harmcu_imu_state state;
    uint32_t rate_millihertz;     /* nominal; 0 without a sensor */
    uint32_t measured_millihertz; /* against the board's clock; 0 until it is known */
    uint32_t samples;             /* taken since boot; this and the next two wrap */
    uint32_t lost;                /* while the queue was full, or the sensor gave none */
    uint32_t overruns;            /* how often the queue was full */
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
    uint64_t heard;    /* when the sensor was started, or last gave samples */
    uint64_t position; /* when the last sample that was handed on was taken */
    uint64_t step;     /* from sample to sample within this burst */
    uint32_t missing;  /* samples lost before this burst */
    uint32_t repeats;  /* samples in a row with the same values */
    int16_t last[HARMCU_AXES];
    harmcu_imu_anchor older;
    harmcu_imu_anchor newer;
    bool is_primed; /* a sample was taken, ever */
    bool is_cut;    /* and the sensor was started again since */
} harmcu_imu_track;

/* Begins to follow a sensor that was just started, with an empty queue. What it was to measure
 * since it was followed last counts as lost. A stuck one stays so until it says something new. */
void harmcu_imu_track_start(harmcu_imu_track *track, const char *sensor, uint32_t rate_millihertz,
                            uint32_t tick_hz, uint32_t ticks);

/* Says that no sensor can be read; its name is "none" when none answers. Call it at least once
 * within the range of `ticks`, or the time that is lost cannot be told. */
void harmcu_imu_track_stop(harmcu_imu_track *track, harmcu_imu_state state, const char *sensor,
                           const char *hint, uint32_t ticks);

/* Says what the driver saw when it looked at the sensor's queue, at `ticks`: it takes `taken`
 * samples, `left` stay behind. How many were dropped, the clock tells. Call it for an empty queue
 * too: a sensor that falls silent is stuck. */
void harmcu_imu_track_burst(harmcu_imu_track *track, uint32_t ticks, uint32_t taken, uint32_t left,
                            harmcu_imu_dropped dropped);

/* True when a started sensor has given nothing for longer than any pause that it may make. */
bool harmcu_imu_track_is_silent(const harmcu_imu_track *track);

/* Completes the next sample of the burst: the counts are set, the rest follows. */
void harmcu_imu_track_sample(harmcu_imu_track *track, harmcu_imu_sample *sample);

#ifdef __cplusplus
}
#endif

#endif
