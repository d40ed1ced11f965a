/* libFuzzer target: a whole board, from its port and its IMU to the lines that it sends.
 *
 * The input is a script of steps, each a byte that says what happens and how often:
 * 0 bytes arrive, 1 a command with a right CRC arrives, 2 the IMU has samples, 3 samples are
 * injected where the stream stands, 4 the clock jumps. Whatever the board sends must be a line. */
#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "harmcu/board.h"
#include "harmcu/line.h"
#include "harmcu/session.h"

static const uint8_t *script;
static size_t script_left;

static uint8_t port[2 * HARMCU_LINE_MAX];
static size_t port_size;
static size_t port_next;

static unsigned samples;
static uint8_t sample_bytes[2 * HARMCU_AXES];
static uint32_t clock_ticks;
static uint32_t injected;
static int sequence;
static harmcu_imu_track track;

static uint8_t take(void) {
    if (script_left == 0) {
        return 0;
    }
    --script_left;
    return *script++;
}

void harmcu_board_init(void) {
}

const char *harmcu_board_name(void) {
    return "fuzz";
}

void harmcu_board_idle(void) {
}

harmcu_read_result harmcu_board_read(uint8_t *byte) {
    if (port_next == port_size) {
        return HARMCU_READ_EMPTY;
    }
    *byte = port[port_next++];
    return HARMCU_READ_BYTE;
}

/* A line of the wire, or one for people. */
void harmcu_board_write(const char *data, size_t size) {
    expect(size > 2 && size <= HARMCU_LINE_MAX + 2);
    expect(data[size - 2] == '\r' && data[size - 1] == '\n');
    for (size_t i = 0; i < size - 2; ++i) {
        expect((uint8_t)data[i] >= ' ' && data[i] != 0x7F);
        expect(i == 0 || data[i] != '$');
    }
    if (data[0] == '#') {
        return;
    }
    expect(data[0] == '$' && size > 13 && data[size - 7] == '*');
    char check[6];
    snprintf(check, sizeof check, "*%04X", slow_crc(&data[1], size - 8));
    expect(memcmp(check, &data[size - 7], 5) == 0);
    const int number = (int)strtol(&data[5], NULL, 10);
    expect(sequence < 0 || number == (sequence + 1) % 65536);
    sequence = number;
    if (memcmp(data, "$ERR", 4) == 0 && strstr(data, ",index,") != NULL) {
        injected = (uint32_t)strtoul(strstr(data, ",index,") + 7, NULL, 10);
    }
}

uint32_t harmcu_board_ticks(void) {
    return clock_ticks += 100;
}

uint32_t harmcu_board_tick_hz(void) {
    return 1000000;
}

bool harmcu_board_imu_read(harmcu_imu_sample *sample) {
    if (samples == 0) {
        harmcu_imu_track_burst(&track, clock_ticks, 0, 0, false);
        return false;
    }
    --samples;
    harmcu_imu_track_burst(&track, clock_ticks, 1, samples, (samples & 16U) != 0);
    sample_bytes[samples % sizeof sample_bytes] ^= (uint8_t)samples;
    memcpy(sample->counts, sample_bytes, sizeof sample->counts);
    harmcu_imu_track_sample(&track, sample);
    return true;
}

const harmcu_imu_report *harmcu_board_imu_report(void) {
    return &track.report;
}

void harmcu_board_show(const char *label, uint8_t percent, bool is_new) {
    (void)is_new;
    expect(label != NULL && percent <= 100);
}

static void arrive(const char *text, size_t size) {
    memcpy(port, text, size);
    port_size = size;
    port_next = 0;
}

static void arrive_line(const char *body) {
    char line[HARMCU_LINE_MAX + 64];
    const unsigned crc = slow_crc(body, strlen(body));
    const int size = snprintf(line, sizeof line, "$%s*%04X\n", body, crc);
    arrive(line, (size_t)size);
}

static void raw_bytes(void) {
    char bytes[256];
    const size_t size = take();
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = (char)take();
    }
    arrive(bytes, size);
}

static void command(void) {
    static const char *const TYPES[] = {"GET", "RUN", "RST", "INJ", "XYZ"};
    static const char *const WORDS[] = {"status",  "labels", "imu",    "stopped", "classify",
                                        "capture", "live",   "inject", "119000",  "50000",
                                        "20000",   "0",      "AAAA",   ""};
    char body[HARMCU_LINE_MAX];
    const uint8_t type = take();
    int size = snprintf(body, sizeof body, "%s,%u", TYPES[type % 5], take());
    for (unsigned field = 0; field < type / 5U % 6U; ++field) {
        const uint8_t word = take();
        size += snprintf(&body[size], sizeof body - (size_t)size, ",%s", WORDS[word % 14]);
    }
    arrive_line(body);
}

static void inject(void) {
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char body[HARMCU_LINE_MAX];
    const unsigned count = take() % 22U;
    int size = snprintf(body, sizeof body, "INJ,7,%u,", injected);
    for (unsigned i = 0; i < 16 * count; ++i) {
        body[size++] = LETTERS[take() % 64U];
    }
    body[size] = '\0';
    arrive_line(body);
    injected += count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    script = data;
    script_left = size;
    sequence = -1;
    injected = 0;
    samples = 0;
    memset(sample_bytes, 0, sizeof sample_bytes);
    memset(&track, 0, sizeof track);
    harmcu_imu_track_start(&track, "fuzz", 119000, 1000000, clock_ticks);
    /* The reader keeps what an earlier input left of a line. */
    arrive("\n", 1);
    harmcu_session_start();
    harmcu_session_poll();
    while (script_left > 0) {
        switch (take() % 5U) {
            case 0:
                raw_bytes();
                break;
            case 1:
                command();
                break;
            case 2:
                samples = take();
                sample_bytes[take() % sizeof sample_bytes] = take();
                break;
            case 3:
                inject();
                break;
            default:
                clock_ticks += (uint32_t)take() << 24;
                break;
        }
        harmcu_session_poll();
    }
    return 0;
}
