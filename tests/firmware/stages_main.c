/* Runs one stage of the sample path on standard input, for comparison with NumPy.
 *
 * usage: stages scale MULTIPLIER SHIFT          int16 in, int16 out
 *        stages quantize MULTIPLIER SHIFT ZERO  int16 in, int8 out
 *        stages window WINDOW HOP CHANNELS      int8 samples in, int8 windows out
 *        stages decision LABELS SMOOTHING RESET T...
 *                                               int8 scores in, (int16 label, int16 score) out;
 *                                               RESET decisions later it begins anew, once
 *        stages lines                           bytes in, a line of text a received line out
 *        stages escape INTEGER UNSIGNED         bytes in, one wire line out
 *        stages text NUMBER PERCENT             bytes in, one line of text out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harmcu/board.h"
#include "harmcu/decision.h"
#include "harmcu/line.h"
#include "harmcu/quantize.h"
#include "harmcu/scale.h"
#include "harmcu/window.h"

/* What line_write.c needs of a board. */
void harmcu_board_write(const char *data, size_t size) {
    fwrite(data, 1, size, stdout);
}

static long argument(char **arguments, int index) {
    return strtol(arguments[index], NULL, 10);
}

static void put16(int value) {
    const int16_t out = (int16_t)value;
    fwrite(&out, sizeof out, 1, stdout);
}

static void run_scale(char **arguments) {
    const harmcu_scale scale = {(int16_t)argument(arguments, 2), (uint8_t)argument(arguments, 3)};
    int16_t raw;
    while (fread(&raw, sizeof raw, 1, stdin) == 1) {
        put16(harmcu_scale_apply(&scale, raw));
    }
}

static void run_quantize(char **arguments) {
    const harmcu_channel channel = {
        .axis = 0,
        .multiplier = (int16_t)argument(arguments, 2),
        .shift = (uint8_t)argument(arguments, 3),
        .zero_point = (int8_t)argument(arguments, 4),
    };
    int16_t count;
    while (fread(&count, sizeof count, 1, stdin) == 1) {
        const int8_t out = harmcu_quantize(&channel, count);
        fwrite(&out, 1, 1, stdout);
    }
}

static void run_window(char **arguments) {
    static int8_t ring[65536];
    static int8_t out[65536];
    harmcu_window window = {
        .ring = ring,
        .window = (uint16_t)argument(arguments, 2),
        .channels = (uint8_t)argument(arguments, 4),
    };
    harmcu_window_clock clock = {
        .hop = (uint16_t)argument(arguments, 3),
        .until = window.window,
    };
    int8_t sample[256];
    while (fread(sample, window.channels, 1, stdin) == 1) {
        harmcu_window_push(&window, sample);
        if (harmcu_window_tick(&clock)) {
            harmcu_window_copy(&window, out);
            fwrite(out, window.channels, window.window, stdout);
        }
    }
}

static void run_decision(char **arguments) {
    static int8_t past[65536];
    int8_t thresholds[256];
    int8_t scores[256];
    harmcu_decision decision = {
        .thresholds = thresholds,
        .past = past,
        .labels = (uint8_t)argument(arguments, 2),
        .smoothing = (uint8_t)argument(arguments, 3),
    };
    for (int label = 0; label < decision.labels; ++label) {
        thresholds[label] = (int8_t)argument(arguments, 5 + label);
    }
    long until_reset = argument(arguments, 4);
    harmcu_decision_reset(&decision);
    while (fread(scores, decision.labels, 1, stdin) == 1) {
        if (until_reset-- == 0) {
            harmcu_decision_reset(&decision);
        }
        const harmcu_decided decided = harmcu_decision_push(&decision, scores);
        put16(decided.label);
        put16(decided.score);
    }
}

static void run_lines(void) {
    static harmcu_line_reader reader;
    int byte;
    while ((byte = getchar()) != EOF) {
        harmcu_line line;
        switch (harmcu_line_take(&reader, (uint8_t)byte, &line)) {
            case HARMCU_LINE_GOOD:
                printf("good %s %u", line.type, line.sequence);
                for (int i = 0; i < line.fields; ++i) {
                    uint8_t data[512];
                    const size_t size = harmcu_field_base64(line.field[i], data, sizeof data);
                    printf(" <%s>%zu", line.field[i], size);
                    for (size_t at = 0; at < size; ++at) {
                        printf("%s%02x", at == 0 ? ":" : "", data[at]);
                    }
                }
                printf("\n");
                break;
            case HARMCU_LINE_DAMAGED:
                printf("damaged\n");
                break;
            case HARMCU_LINE_MORE:
                break;
        }
    }
}

static void run_escape(char **arguments) {
    static char text[4096];
    const size_t size = fread(text, 1, sizeof text - 1, stdin);
    harmcu_line_writer line;
    harmcu_line_begin(&line, "LBL", 65535);
    harmcu_line_integer(&line, (int32_t)argument(arguments, 2));
    harmcu_line_unsigned(&line, (uint32_t)argument(arguments, 3));
    harmcu_line_base64(&line, text, size);
    harmcu_line_escaped(&line, text);
    harmcu_line_send(&line);
}

static void run_text(char **arguments) {
    static char text[4096];
    (void)fread(text, 1, sizeof text - 1, stdin);
    harmcu_line_writer line;
    harmcu_text_begin(&line);
    harmcu_text_add(&line, text);
    harmcu_text_add(&line, " ");
    harmcu_text_unsigned(&line, (uint32_t)argument(arguments, 2));
    harmcu_text_add(&line, " ");
    harmcu_text_percent(&line, (uint8_t)argument(arguments, 3));
    harmcu_text_send(&line);
}

int main(int count, char **arguments) {
    const char *stage = count > 1 ? arguments[1] : "";
    if (strcmp(stage, "scale") == 0) {
        run_scale(arguments);
    } else if (strcmp(stage, "quantize") == 0) {
        run_quantize(arguments);
    } else if (strcmp(stage, "window") == 0) {
        run_window(arguments);
    } else if (strcmp(stage, "decision") == 0) {
        run_decision(arguments);
    } else if (strcmp(stage, "lines") == 0) {
        run_lines();
    } else if (strcmp(stage, "escape") == 0) {
        run_escape(arguments);
    } else if (strcmp(stage, "text") == 0) {
        run_text(arguments);
    } else {
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
