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

typedef enum {
    MODE_STOPPED,
    MODE_CLASSIFY,
    MODE_CAPTURE,
    MODE_INJECT,
} session_mode;

static const char *const MODE_NAME[] = {"stopped", "classify", "capture", "inject"};

static struct {
    session_mode mode;
    bool ready; /* the engine can run */
    harmcu_pipeline pipeline;
    harmcu_line_reader reader;
    uint32_t injected; /* samples taken since RST */
    uint32_t damaged;  /* received lines that were none */
    uint16_t sequence;
} session;

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
        send_result(&result);
    }
}

static void send_sample(const int16_t counts[HARMCU_AXES]) {
    harmcu_line_writer line = begin("SMP");
    harmcu_line_unsigned(&line, harmcu_board_ticks());
    for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
        harmcu_line_integer(&line, counts[axis]);
    }
    harmcu_line_send(&line);
}

static void start_mode(session_mode mode) {
    session.mode = mode;
    harmcu_pipeline_reset(&session.pipeline, &harmcu_model.table[0]);
}

static void command_get(const harmcu_line *line) {
    if (line->fields == 1 && strcmp(line->field[0], "status") == 0) {
        send_status();
        send_ack(line->sequence);
    } else if (line->fields == 1 && strcmp(line->field[0], "labels") == 0) {
        send_labels();
        send_ack(line->sequence);
    } else {
        send_error(line->sequence, "get", 0);
    }
}

static void command_run(const harmcu_line *line) {
    for (session_mode mode = MODE_STOPPED; mode <= MODE_CAPTURE; ++mode) {
        if (line->fields == 1 && strcmp(line->field[0], MODE_NAME[mode]) == 0) {
            if (mode == MODE_CLASSIFY && !session.ready) {
                send_error(line->sequence, "engine", 0);
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
        send_error(line->sequence, "engine", 0);
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
    } else if (first < session.injected) {
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
    session.ready = harmcu_engine_init();
    start_mode(session.ready ? MODE_CLASSIFY : MODE_STOPPED);
    send_status();
    if (!session.ready) {
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
    int16_t counts[HARMCU_AXES];
    while (harmcu_board_imu_read(counts)) {
        if (session.mode == MODE_CAPTURE) {
            send_sample(counts);
        } else if (session.mode == MODE_CLASSIFY) {
            run_pipeline(counts);
        }
        /* An engine slower than the hop must not keep the board from hearing the host. */
        poll_port();
    }
}

bool harmcu_session_poll(void) {
    const bool open = poll_port();
    poll_imu();
    return open;
}
