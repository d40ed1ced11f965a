/* The nearest-neighbour model, exact to trainer/knn.py, where every rounding is written down.
 *
 * int8 window in, int8 scores out: statistics of the window, standardised to features; features to
 * a few discriminants; votes of the nearest prototypes. codegen/knn.py writes the numbers. */
#ifndef HARMCU_KNN_H
#define HARMCU_KNN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HARMCU_KNN_MOST_NEIGHBOURS = 9 };

/* How one statistic becomes a feature: ((statistic - offset) * multiplier) >> shift, rounded. */
typedef struct {
    int32_t offset;
    int16_t multiplier;
    uint8_t shift;
} harmcu_knn_scale;

typedef struct {
    uint16_t window; /* samples */
    uint8_t channels;
    uint8_t labels;
    uint8_t discriminants;
    uint8_t projection_shift;
    uint8_t neighbours;
    uint16_t prototypes;
    const harmcu_knn_scale *scale; /* [statistic][channel] */
    const int16_t *projection;     /* [discriminant][statistic][channel] */
    const int8_t *prototype;       /* [prototype][discriminant] */
    const uint8_t *prototype_label;
} harmcu_knn;

/* Describes a window [sample][channel] by features [statistic][channel]. */
void harmcu_knn_describe(const harmcu_knn *model, const int8_t *window, int16_t *features);

/* Projects features onto discriminants. */
void harmcu_knn_project(const harmcu_knn *model, const int16_t *features, int8_t *point);

/* Lets the nearest prototypes vote: scores [label]. */
void harmcu_knn_vote(const harmcu_knn *model, const int8_t *point, int8_t *scores);

#ifdef __cplusplus
}
#endif

#endif
