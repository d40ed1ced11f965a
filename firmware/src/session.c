#include "harmcu/session.h"

#include <string.h>

#include "harmcu/board.h"
#include "harmcu/engine.h"
#include "harmcu/line.h"
#include "harmcu/model.h"
#include "harmcu/pipeline.h"
#include "harmcu/version.h"

/* Samples that one INJ line may carry: their base64 still fits a line. */
#define INJECT_SAMPLES 20
#define SAMPLE_BYTES (2 * HARMCU_AXES)

/* Samples of the IMU that are taken before the rest of the loop runs again. */
#define SAMPLES_A_POLL 32

/* How often the state of the IMU is said, for hosts and for people. */
#define REPORT_SECONDS 5U

/* No decision: neither a label nor HARMCU_UNKNOWN. */
#define UNDECIDED (-2)

/* RUN asks for the first three. */
typedef enum {
    MODE_STOPPED,
    MODE_CLASSIFY,
    MODE_CAPTURE,
    MODE_INJECT,
    MODE_LIVE,
} session_mode;

static const char *const MODE_NAME[] = {"stopped", "classify", "capture", "inject", "live"};
static const char *const IMU_STATE[] = {"ok", "absent", "stuck", "other", "failed"};

static struct {
    session_mode mode;
    bool ready; /* the engine can run */
    harmcu_pipeline pipeline;
    harmcu_line_reader reader;
    uint32_t injected; /* samples taken since RST */
    uint32_t captured; /* samples that the sensor made since RUN, the lost ones included */
    uint32_t damaged;  /* received lines that were none */
    uint16_t sequence;
    int16_t shown;              /* label of the last decision, or UNDECIDED */
    harmcu_imu_state imu_state; /* as it was said last, */
    uint32_t imu_lost;
    uint32_t imu_ticks; /* and when */
} session;

/* A firmware that only records has no labels. */
static bool has_model(void) {
    return harmcu_model.labels > 0;
}

static harmcu_line_writer begin(const char *type) {
    harmcu_line_writer line;
    harmcu_line_begin(&line, type, session.sequence++);
    return line;
}

static void send_status(void) {
    harmcu_line_writer line = begin("STA");
    harmcu_line_unsigned(&line, HARMCU_RUNTIME_VERSION);
    harmcu_line_text(&line, harmcu_board_name());
    harmcu_line_text(&line, harmcu_engine_name());
    harmcu_line_text(&line, harmcu_model.name);
    harmcu_line_text(&line, harmcu_model.sha256);
    harmcu_line_unsigned(&line, harmcu_board_tick_hz());
    harmcu_line_text(&line, MODE_NAME[session.mode]);
    harmcu_line_unsigned(&line, session.damaged);
    harmcu_line_send(&line);
}

static void send_labels(void) {
    for (uint8_t label = 0; label < harmcu_model.labels; ++label) {
        harmcu_line_writer line = begin("LBL");
        harmcu_line_unsigned(&line, label);
        harmcu_line_unsigned(&line, harmcu_model.labels);
        harmcu_line_escaped(&line, harmcu_model.label[label]);
        harmcu_line_send(&line);
    }
}

static void send_ack(uint16_t command) {
    harmcu_line_writer line = begin("ACK");
    harmcu_line_unsigned(&line, command);
    harmcu_line_send(&line);
}

static void send_error(uint16_t command, const char *reason, uint32_t detail) {
    harmcu_line_writer line = begin("ERR");
    harmcu_line_unsigned(&line, command);
    harmcu_line_text(&line, reason);
    harmcu_line_unsigned(&line, detail);
    harmcu_line_send(&line);
}

static void send_result(const harmcu_result *result) {
    const int16_t label = result->decided.label;
    harmcu_line_writer line = begin("CLS");
    harmcu_line_unsigned(&line, result->window);
    harmcu_line_integer(&line, label);
    harmcu_line_integer(&line, result->decided.score);
    harmcu_line_unsigned(&line, result->ticks);
    harmcu_line_base64(&line, result->scores, harmcu_model.labels);
    harmcu_line_escaped(&line, label == HARMCU_UNKNOWN ? "" : harmcu_model.label[label]);
    harmcu_line_send(&line);
}

/* What verify compares besides the decision: one check a stage. */
static void send_trace(const harmcu_result *result) {
    harmcu_line_writer line = begin("TRC");
    harmcu_line_unsigned(&line, result->window);
    harmcu_line_unsigned(&line, result->counts_check);
    harmcu_line_unsigned(&line, result->samples_check);
    harmcu_line_send(&line);
}

static void send_imu(void) {
    const harmcu_imu_report *imu = harmcu_board_imu_report();
    harmcu_line_writer line = begin("IMU");
    harmcu_line_text(&line, imu->sensor);
    harmcu_line_text(&line, IMU_STATE[imu->state]);
    harmcu_line_unsigned(&line, imu->rate_millihertz);
    harmcu_line_unsigned(&line, imu->measured_millihertz);
    harmcu_line_unsigned(&line, imu->samples);
    harmcu_line_unsigned(&line, imu->lost);
    harmcu_line_unsigned(&line, imu->overruns);
    harmcu_line_send(&line);
}

static void say(const char *text) {
    harmcu_line_writer line;
    harmcu_text_begin(&line);
    harmcu_text_add(&line, text);
    harmcu_text_send(&line);
}

/* Shows a decision of the IMU's stream: on the board, and to people who read along. */
static void show(const harmcu_result *result) {
    const int16_t label = result->decided.label;
    const char *name = label == HARMCU_UNKNOWN ? "unknown" : harmcu_model.label[label];
    /* Scores are 256ths above -128, as the softmax of int8 models gives them. */
    const uint8_t percent = (uint8_t)(((result->decided.score + 128) * 100 + 128) / 256);
    if (session.mode == MODE_LIVE) {
        harmcu_line_writer line;
        harmcu_text_begin(&line);
        harmcu_text_add(&line, name);
        harmcu_text_add(&line, " ");
        harmcu_text_percent(&line, percent);
        harmcu_text_send(&line);
    }
    harmcu_board_show(name, percent, label != session.shown);
    session.shown = label;
}

static void run_pipeline(const int16_t counts[HARMCU_AXES]) {
    harmcu_result result;
    harmcu_pipeline_push(&session.pipeline, counts);
    while (harmcu_pipeline_next(&session.pipeline, &result)) {
        if (!result.is_scored) {
            send_error(0, "engine", result.window);
            continue;
        }
        if (session.mode == MODE_INJECT) {
            send_trace(&result);
        }
        if (session.mode != MODE_LIVE) {
            send_result(&result);
        }
        if (session.mode != MODE_INJECT) {
            show(&result);
        }
    }
}

static void send_sample(const harmcu_imu_sample *sample) {
    if (session.captured > 0) {
        session.captured += sample->lost;
    }
    harmcu_line_writer line = begin("SMP");
    harmcu_line_unsigned(&line, session.captured++);
    harmcu_line_unsigned(&line, sample->ticks);
    for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
        harmcu_line_integer(&line, sample->counts[axis]);
    }
    harmcu_line_send(&line);
}

static void start_mode(session_mode mode) {
    session.mode = mode;
    session.captured = 0;
    session.shown = UNDECIDED;
    /* What is wrong with the IMU from the start is said at once. */
    session.imu_state = HARMCU_IMU_OK;
    session.imu_lost = harmcu_board_imu_report()->lost;
    session.imu_ticks = harmcu_board_ticks();
    if (has_model()) {
        harmcu_pipeline_reset(&session.pipeline, &harmcu_model.table[0]);
    }
}

static void command_get(const harmcu_line *line) {
    if (line->fields == 1 && strcmp(line->field[0], "status") == 0) {
        send_status();
        send_ack(line->sequence);
    } else if (line->fields == 1 && strcmp(line->field[0], "labels") == 0) {
        if (!has_model()) {
            send_error(line->sequence, "model", 0);
            return;
        }
        send_labels();
        send_ack(line->sequence);
    } else if (line->fields == 1 && strcmp(line->field[0], "imu") == 0) {
        send_imu();
        send_ack(line->sequence);
    } else {
        send_error(line->sequence, "get", 0);
    }
}

static void command_run(const harmcu_line *line) {
    for (session_mode mode = MODE_STOPPED; mode <= MODE_CAPTURE; ++mode) {
        if (line->fields == 1 && strcmp(line->field[0], MODE_NAME[mode]) == 0) {
            if (mode == MODE_CLASSIFY && !session.ready) {
                send_error(line->sequence, has_model() ? "engine" : "model", 0);
                return;
            }
            start_mode(mode);
            send_ack(line->sequence);
            return;
        }
    }
    send_error(line->sequence, "run", 0);
}

/* Starts a stream of injected samples at a given rate. */
static void command_reset(const harmcu_line *line) {
    uint32_t rate = 0;
    if (!session.ready) {
        send_error(line->sequence, has_model() ? "engine" : "model", 0);
        return;
    }
    if (line->fields == 1 && harmcu_field_unsigned(line->field[0], UINT32_MAX, &rate)) {
        for (uint8_t i = 0; i < harmcu_model.tables; ++i) {
            if (harmcu_model.table[i].source_millihertz == rate) {
                session.mode = MODE_INJECT;
                session.injected = 0;
                harmcu_pipeline_reset(&session.pipeline, &harmcu_model.table[i]);
                send_ack(line->sequence);
                return;
            }
        }
    }
    send_error(line->sequence, "rate", rate);
}

static void inject(const uint8_t *data, size_t samples) {
    for (size_t i = 0; i < samples; ++i) {
        int16_t counts[HARMCU_AXES];
        for (size_t axis = 0; axis < HARMCU_AXES; ++axis) {
            const uint8_t *bytes = &data[i * SAMPLE_BYTES + 2 * axis];
            counts[axis] = (int16_t)(uint16_t)(bytes[0] | ((uint32_t)bytes[1] << 8));
        }
        run_pipeline(counts);
    }
    session.injected += (uint32_t)samples;
}

/* Takes samples. The index of the first one tells lines that were lost from lines that were sent
 * twice because their acknowledgement was lost. */
static void command_inject(const harmcu_line *line) {
    uint8_t data[INJECT_SAMPLES * SAMPLE_BYTES];
    uint32_t first = 0;
    size_t size = 0;
    if (line->fields == 2 && harmcu_field_unsigned(line->field[0], UINT32_MAX, &first)) {
        size = harmcu_field_base64(line->field[1], data, sizeof data);
    }
    if (size == 0 || size % SAMPLE_BYTES != 0) {
        send_error(line->sequence, "samples", 0);
    } else if (session.mode != MODE_INJECT) {
        send_error(line->sequence, "mode", 0);
    } else if (first == session.injected) {
        inject(data, size / SAMPLE_BYTES);
        send_ack(line->sequence);
    } else if (first < session.injected && size / SAMPLE_BYTES <= session.injected - first) {
        send_ack(line->sequence);
    } else {
        send_error(line->sequence, "index", session.injected);
    }
}

static void take_command(const harmcu_line *line) {
    static const struct {
        const char *type;
        void (*take)(const harmcu_line *line);
    } COMMANDS[] = {
        {"GET", command_get},
        {"RUN", command_run},
        {"RST", command_reset},
        {"INJ", command_inject},
    };
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; ++i) {
        if (strcmp(line->type, COMMANDS[i].type) == 0) {
            COMMANDS[i].take(line);
            return;
        }
    }
    send_error(line->sequence, "type", 0);
}

void harmcu_session_start(void) {
    session.ready = has_model() && harmcu_engine_init();
    const bool failed = has_model() && !session.ready;
    start_mode(failed ? MODE_STOPPED : MODE_LIVE);
    send_status();
    if (failed) {
        send_error(0, "engine", 0);
    }
}

/* Reads what has arrived. False when the port has ended. */
static bool poll_port(void) {
    uint8_t byte = 0;
    harmcu_read_result read = harmcu_board_read(&byte);
    while (read == HARMCU_READ_BYTE) {
        harmcu_line line;
        switch (harmcu_line_take(&session.reader, byte, &line)) {
            case HARMCU_LINE_GOOD:
                take_command(&line);
                break;
            case HARMCU_LINE_DAMAGED:
                session.damaged++;
                send_error(0, "damaged", session.damaged);
                break;
            case HARMCU_LINE_MORE:
                break;
        }
        read = harmcu_board_read(&byte);
    }
    return read != HARMCU_READ_END;
}

/* Takes what the IMU has. Samples that nobody wants are dropped at once: kept, they would come as a
 * flood of the past when somebody does. */
static void poll_imu(void) {
    harmcu_imu_sample sample;
    /* A slow engine never empties the queue; the rest of the loop gets its turn all the same. */
    for (unsigned i = 0; i < SAMPLES_A_POLL && harmcu_board_imu_read(&sample); ++i) {
        if (session.mode == MODE_CAPTURE) {
            send_sample(&sample);
        } else if (session.ready && (session.mode == MODE_CLASSIFY || session.mode == MODE_LIVE)) {
            if (sample.lost > 0) {
                harmcu_pipeline_restart(&session.pipeline);
            }
            run_pipeline(sample.counts);
        }
        /* An engine slower than the hop must not keep the board from hearing the host. */
        poll_port();
    }
}

static void tell_people(const harmcu_imu_report *imu, uint32_t lost) {
    if (lost > 0) {
        harmcu_line_writer line;
        harmcu_text_begin(&line);
        harmcu_text_unsigned(&line, lost);
        harmcu_text_add(&line, " samples of the IMU were lost: the next window begins after them");
        harmcu_text_send(&line);
    }
    if (imu->state != HARMCU_IMU_OK && imu->hint != NULL) {
        say(imu->hint);
    } else if (!has_model()) {
        say("ready to record: harmcu capture --label walking");
    }
}

/* Says how the IMU does: to a host that streams, and in words to people. */
static void report_imu(void) {
    const harmcu_imu_report *imu = harmcu_board_imu_report();
    const uint32_t lost = imu->lost - session.imu_lost;
    const bool is_new = imu->state != session.imu_state || lost > 0;
    const uint32_t ticks = harmcu_board_ticks();
    if (!is_new && ticks - session.imu_ticks < REPORT_SECONDS * harmcu_board_tick_hz()) {
        return;
    }
    session.imu_state = imu->state;
    session.imu_lost = imu->lost;
    session.imu_ticks = ticks;
    if (session.mode == MODE_CLASSIFY || session.mode == MODE_CAPTURE) {
        send_imu();
    } else if (session.mode == MODE_LIVE) {
        tell_people(imu, lost);
    }
}

bool harmcu_session_poll(void) {
    const bool open = poll_port();
    poll_imu();
    report_imu();
    return open;
}
