#include "harmcu/pipeline.h"

#include "harmcu/board.h"
#include "harmcu/crc.h"
#include "harmcu/engine.h"
#include "harmcu/model.h"

void harmcu_pipeline_reset(harmcu_pipeline *pipeline, const harmcu_resample_table *table) {
    harmcu_resample_reset(&pipeline->resampler, table, harmcu_model.history);
    pipeline->clock = (harmcu_window_clock){
        .hop = harmcu_model.hop,
        .until = harmcu_model.window,
    };
    harmcu_engine_reset();
    pipeline->decision = (harmcu_decision){
        .thresholds = harmcu_model.thresholds,
        .past = harmcu_model.past,
        .labels = harmcu_model.labels,
        .smoothing = harmcu_model.smoothing,
    };
    harmcu_decision_reset(&pipeline->decision);
    pipeline->windows = 0;
    pipeline->ticks = 0;
    pipeline->counts_check = HARMCU_CRC_START;
    pipeline->samples_check = HARMCU_CRC_START;
}

void harmcu_pipeline_restart(harmcu_pipeline *pipeline) {
    const uint32_t windows = pipeline->windows;
    harmcu_pipeline_reset(pipeline, pipeline->resampler.table);
    pipeline->windows = windows;
}

void harmcu_pipeline_push(harmcu_pipeline *pipeline, const int16_t counts[HARMCU_AXES]) {
    harmcu_resample_push(&pipeline->resampler, counts);
}

static uint16_t check_counts(uint16_t crc, const int16_t counts[HARMCU_AXES]) {
    for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
        const uint16_t bits = (uint16_t)counts[axis];
        crc = harmcu_crc_byte(crc, (uint8_t)(bits & 0xFFU));
        crc = harmcu_crc_byte(crc, (uint8_t)(bits >> 8));
    }
    return crc;
}

/* Quantises one resampled sample and hands it to the engine. True when a window is complete. */
static bool take_sample(harmcu_pipeline *pipeline, const int16_t counts[HARMCU_AXES]) {
    int8_t sample[HARMCU_AXES];
    for (unsigned i = 0; i < harmcu_model.channels; ++i) {
        const harmcu_channel *channel = &harmcu_model.channel[i];
        sample[i] = harmcu_quantize(channel, counts[channel->axis]);
    }
    pipeline->counts_check = check_counts(pipeline->counts_check, counts);
    pipeline->samples_check = harmcu_crc(pipeline->samples_check, sample, harmcu_model.channels);
    const uint32_t start = harmcu_board_ticks();
    harmcu_engine_push(sample);
    pipeline->ticks += harmcu_board_ticks() - start;
    return harmcu_window_tick(&pipeline->clock);
}

static void classify(harmcu_pipeline *pipeline, harmcu_result *result) {
    const uint32_t start = harmcu_board_ticks();
    result->is_scored = harmcu_engine_scores(harmcu_model.scores);
    result->ticks = pipeline->ticks + (harmcu_board_ticks() - start);
    pipeline->ticks = 0;
    result->scores = harmcu_model.scores;
    if (result->is_scored) {
        result->decided = harmcu_decision_push(&pipeline->decision, harmcu_model.scores);
    }
    result->counts_check = pipeline->counts_check;
    result->samples_check = pipeline->samples_check;
    result->window = pipeline->windows++;
}

bool harmcu_pipeline_next(harmcu_pipeline *pipeline, harmcu_result *result) {
    int16_t counts[HARMCU_AXES];
    while (harmcu_resample_pull(&pipeline->resampler, counts)) {
        if (take_sample(pipeline, counts)) {
            classify(pipeline, result);
            return true;
        }
    }
    return false;
}
