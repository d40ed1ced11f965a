#include "harmcu/imu.h"

#include <string.h>

#define FRACTION 256U

/* A rate is known after so long, and then measured over twice SPAN at the most: short enough to
 * follow the temperature, long enough that one period more or less is below 0.02 %. */
#define LEAST_SECONDS 5U
#define SPAN_SECONDS 30U

static uint64_t seconds(const harmcu_imu_track *track, uint32_t count) {
    return (uint64_t)track->tick_hz * FRACTION * count;
}

static void follow_clock(harmcu_imu_track *track, uint32_t ticks) {
    /* The difference of a wrapping clock is right however often it has wrapped. */
    track->now += (uint64_t)(ticks - track->ticks) * FRACTION;
    track->ticks = ticks;
}

void harmcu_imu_track_start(harmcu_imu_track *track, const char *sensor, uint32_t rate_millihertz,
                            uint32_t tick_hz, uint32_t ticks) {
    track->report.sensor = sensor;
    if (track->report.state != HARMCU_IMU_STUCK) {
        track->report.hint = NULL;
        track->report.state = HARMCU_IMU_OK;
    }
    track->report.rate_millihertz = rate_millihertz;
    track->report.measured_millihertz = 0;
    track->tick_hz = tick_hz;
    follow_clock(track, ticks);
    track->period = seconds(track, 1000U) / rate_millihertz;
    track->heard = track->now;
    if (!track->is_primed) {
        track->newest = track->now;
    }
    track->repeats = 0;
    track->is_cut = track->is_primed;
}

void harmcu_imu_track_stop(harmcu_imu_track *track, harmcu_imu_state state, const char *sensor,
                           const char *hint, uint32_t ticks) {
    follow_clock(track, ticks);
    track->report.sensor = sensor;
    track->report.hint = hint;
    track->report.state = state;
    track->report.rate_millihertz = 0;
    track->report.measured_millihertz = 0;
}

static void drop_anchors(harmcu_imu_track *track) {
    track->older = (harmcu_imu_anchor){.time = track->newest, .samples = track->report.samples};
    track->newer = track->older;
}

/* Measures the rate over a stretch in which the sensor lost nothing. */
static void measure(harmcu_imu_track *track) {
    if (track->newest - track->newer.time >= seconds(track, SPAN_SECONDS)) {
        track->older = track->newer;
        track->newer = (harmcu_imu_anchor){.time = track->newest, .samples = track->report.samples};
    }
    const uint64_t span = track->newest - track->older.time;
    const uint32_t samples = track->report.samples - track->older.samples;
    if (span >= seconds(track, LEAST_SECONDS) && samples > 0) {
        track->report.measured_millihertz =
            (uint32_t)((samples * seconds(track, 1000U) + span / 2U) / span);
        track->period = span / samples;
    }
}

/* No sensor here pauses for so long. */
static uint64_t longest_pause(const harmcu_imu_track *track) {
    return seconds(track, 1U) / 2U;
}

bool harmcu_imu_track_is_silent(const harmcu_imu_track *track) {
    return track->now - track->heard > longest_pause(track);
}

/* How many samples are missing before those that the queue holds. */
static uint32_t count_missing(const harmcu_imu_track *track, uint32_t held,
                              harmcu_imu_dropped dropped) {
    const uint64_t elapsed = track->now - track->newest;
    const bool was_silent = elapsed > held * track->period + longest_pause(track);
    if (!track->is_primed ||
        (dropped == HARMCU_IMU_DROPPED_NONE && !track->is_cut && !was_silent)) {
        return 0;
    }
    const uint64_t made = elapsed / track->period;
    const uint32_t least = dropped == HARMCU_IMU_DROPPED_PERHAPS ? 0U : 1U;
    return made > held + 1ULL ? (uint32_t)(made - held) : least;
}

void harmcu_imu_track_burst(harmcu_imu_track *track, uint32_t ticks, uint32_t taken, uint32_t left,
                            harmcu_imu_dropped dropped) {
    follow_clock(track, ticks);
    if (taken == 0) {
        if (harmcu_imu_track_is_silent(track)) {
            track->report.state = HARMCU_IMU_STUCK;
            track->report.hint = "the IMU gives no samples any more: unplug the board once";
        }
        return;
    }
    track->heard = track->now;
    track->missing = count_missing(track, taken + left, dropped);
    /* The newest sample of all came within the last period; those left behind are newer than the
     * newest one taken. Between these bounds the sensor's own even pace is better. */
    const uint64_t behind = left * track->period;
    const uint64_t latest = track->now > behind ? track->now - behind : 0U;
    const uint64_t earliest = latest > track->period ? latest - track->period : 0U;
    uint64_t newest = track->newest + (taken + (uint64_t)track->missing) * track->period;
    if (newest > latest || !track->is_primed) {
        newest = latest;
    } else if (newest < earliest) {
        newest = earliest;
    }
    const uint64_t length = taken * track->period;
    uint64_t before = track->newest;
    if ((!track->is_primed || track->missing > 0U) && newest > before + length) {
        before = newest - length;
    }
    track->newest = newest > before ? newest : before;
    track->position = before;
    track->step = (track->newest - before) / taken;
    track->report.samples += taken;
    if (!track->is_primed || track->missing > 0U) {
        drop_anchors(track);
    }
    track->is_primed = true;
    track->is_cut = false;
    track->report.lost += track->missing;
    track->report.overruns += dropped != HARMCU_IMU_DROPPED_NONE && track->missing > 0U ? 1U : 0U;
    measure(track);
}

/* A sensor at rest still has noise in its last bits: a second of equal values in all six axes means
 * that its registers are not written any more. */
static void watch_values(harmcu_imu_track *track, const int16_t counts[HARMCU_AXES]) {
    const bool same = memcmp(track->last, counts, sizeof track->last) == 0;
    memcpy(track->last, counts, sizeof track->last);
    track->repeats = same ? track->repeats + 1U : 0U;
    if (track->repeats >= track->report.rate_millihertz / 1000U) {
        track->report.state = HARMCU_IMU_STUCK;
        track->report.hint = "the IMU says the same values again and again: unplug the board once";
    } else if (!same) {
        track->report.state = HARMCU_IMU_OK;
        track->report.hint = NULL;
    }
}

void harmcu_imu_track_sample(harmcu_imu_track *track, harmcu_imu_sample *sample) {
    track->position += track->step;
    /* From the time of the last look back to that of the sample, on the wrapping clock. */
    sample->ticks = track->ticks - (uint32_t)((track->now - track->position) / FRACTION);
    sample->lost = track->missing;
    track->missing = 0;
    watch_values(track, sample->counts);
}
