/* The nearest-neighbour model in three steps. */
#include "harmcu/optimize.h"

#include "harmcu/knn.h"

#include "harmcu/fixed_point.h"

enum { FEATURE_RANGE = 2047 };

/* The statistics, in the order of the features. After these, one for each lag. */
enum { SUM, DEVIATION, MINIMUM, MAXIMUM, CHANGES };
static const uint8_t LAG[] = {1, 2, 4, 8, 16};
enum { LAGS = sizeof LAG / sizeof LAG[0] };

static int32_t distance_of(int32_t a, int32_t b) {
    return a < b ? b - a : a - b;
}

/* One channel: values lie `step` apart. */
typedef struct {
    const int8_t *values;
    int32_t count;
    int32_t step;
} series;

static int32_t sum_of(series of) {
    int32_t sum = 0;
    for (int32_t i = 0; i < of.count; i++) {
        sum += of.values[i * of.step];
    }
    return sum;
}

/* sum / count, rounded to nearest, halves upwards. */
static int32_t mean_of(int32_t sum, int32_t count) {
    const int32_t numerator = 2 * sum + count;
    const int32_t denominator = 2 * count;
    /* A window has two samples or more. NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    const int32_t towards_zero = numerator / denominator;
    return numerator % denominator < 0 ? towards_zero - 1 : towards_zero;
}

static int32_t deviation_of(series of, int32_t mean) {
    int32_t sum = 0;
    for (int32_t i = 0; i < of.count; i++) {
        sum += distance_of(of.values[i * of.step], mean);
    }
    return sum;
}

static int32_t least_of(series of) {
    int32_t least = INT8_MAX;
    for (int32_t i = 0; i < of.count; i++) {
        const int32_t value = of.values[i * of.step];
        least = value < least ? value : least;
    }
    return least;
}

static int32_t most_of(series of) {
    int32_t most = INT8_MIN;
    for (int32_t i = 0; i < of.count; i++) {
        const int32_t value = of.values[i * of.step];
        most = value > most ? value : most;
    }
    return most;
}

static int32_t change_of(series of, int32_t lag) {
    int32_t sum = 0;
    for (int32_t i = lag; i < of.count; i++) {
        sum += distance_of(of.values[i * of.step], of.values[(i - lag) * of.step]);
    }
    return sum;
}

static int16_t feature_of(const harmcu_knn_scale *scale, int32_t statistic) {
    const int64_t half = INT64_C(1) << (scale->shift - 1);
    const int64_t product = ((int64_t)statistic - scale->offset) * scale->multiplier;
    const int64_t scaled = (product + half) >> scale->shift;
    if (scaled < -FEATURE_RANGE) {
        return -FEATURE_RANGE;
    }
    return (int16_t)(scaled > FEATURE_RANGE ? FEATURE_RANGE : scaled);
}

void harmcu_knn_describe(const harmcu_knn *model, const int8_t *window, int16_t *features) {
    const int32_t channels = model->channels;
    for (int32_t channel = 0; channel < channels; channel++) {
        const series of = {&window[channel], model->window, channels};
        int32_t statistics[CHANGES + LAGS];
        statistics[SUM] = sum_of(of);
        statistics[DEVIATION] = deviation_of(of, mean_of(statistics[SUM], of.count));
        statistics[MINIMUM] = least_of(of);
        statistics[MAXIMUM] = most_of(of);
        for (int32_t lag = 0; lag < LAGS; lag++) {
            statistics[CHANGES + lag] = change_of(of, LAG[lag]);
        }
        for (int32_t i = 0; i < CHANGES + LAGS; i++) {
            const int32_t place = i * channels + channel;
            features[place] = feature_of(&model->scale[place], statistics[i]);
        }
    }
}

void harmcu_knn_project(const harmcu_knn *model, const int16_t *features, int8_t *point) {
    const int32_t count = (CHANGES + LAGS) * model->channels;
    const int16_t *weights = model->projection;
    for (int32_t discriminant = 0; discriminant < model->discriminants; discriminant++) {
        int32_t sum = INT32_C(1) << (model->projection_shift - 1);
        for (int32_t i = 0; i < count; i++) {
            sum += weights[i] * features[i];
        }
        point[discriminant] =
            (int8_t)harmcu_clamp(sum >> model->projection_shift, INT8_MIN, INT8_MAX);
        weights += count;
    }
}

/* The nearest prototypes so far, nearest first. */
typedef struct {
    int32_t distance[HARMCU_KNN_MOST_NEIGHBOURS];
    uint8_t label[HARMCU_KNN_MOST_NEIGHBOURS];
} nearest;

/* Puts a prototype into its place. Of equals the first one to come stays ahead. */
static void insert(nearest *found, int32_t neighbours, int32_t distance, uint8_t label) {
    int32_t place = neighbours - 1;
    if (distance >= found->distance[place]) {
        return;
    }
    for (; place > 0 && distance < found->distance[place - 1]; place--) {
        found->distance[place] = found->distance[place - 1];
        found->label[place] = found->label[place - 1];
    }
    found->distance[place] = distance;
    found->label[place] = label;
}

/* The nearest has `neighbours` votes, the last one. A label's share of all becomes its score. */
static int8_t score_of(const nearest *found, int32_t neighbours, int32_t label) {
    int32_t votes = 0;
    for (int32_t place = 0; place < neighbours; place++) {
        if (found->label[place] == label) {
            votes += neighbours - place;
        }
    }
    const int32_t all = neighbours * (neighbours + 1) / 2;
    const int32_t share = (2 * 256 * votes + all) / (2 * all);
    return (int8_t)harmcu_clamp(share - 128, INT8_MIN, INT8_MAX);
}

void harmcu_knn_vote(const harmcu_knn *model, const int8_t *point, int8_t *scores) {
    const int32_t neighbours = model->neighbours;
    nearest found;
    for (int32_t place = 0; place < HARMCU_KNN_MOST_NEIGHBOURS; place++) {
        found.distance[place] = INT32_MAX;
        found.label[place] = 0;
    }
    const int8_t *prototype = model->prototype;
    for (int32_t i = 0; i < model->prototypes; i++) {
        int32_t distance = 0;
        for (int32_t axis = 0; axis < model->discriminants; axis++) {
            const int32_t apart = point[axis] - prototype[axis];
            distance += apart * apart;
        }
        insert(&found, neighbours, distance, model->prototype_label[i]);
        prototype += model->discriminants;
    }
    for (int32_t label = 0; label < model->labels; label++) {
        scores[label] = score_of(&found, neighbours, label);
    }
}
