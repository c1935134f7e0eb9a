/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An STM32F407 and what is soldered around it. Each device is one file and one struct here; the devices are parts of
 * one `Mcu` and call each other directly, so that the order of every reset and every event is written down.
 */
#ifndef MATTERHORN_MCU_H
#define MATTERHORN_MCU_H

#include "qemu/osdep.h"
#include "chardev/char-fe.h"
#include "exec/memory.h"
#include "hw/arm/armv7m.h"
#include "hw/clock.h"
#include "hw/irq.h"
#include "qemu/bitmap.h"
#include "qemu/log.h"
#include "qemu/timer.h"
#include "nor.h"
#include "rail.h"

typedef struct Mcu Mcu;

enum { PORTS = 9, PORT_A = 0, PORT_B, PORT_C, PORT_D, PORT_E };
enum { USARTS = 6, DMAS = 2, STREAMS = 8 };

/// virtual-time.c ///

/* A status register that the firmware polls. */
typedef struct Poll {
    uint64_t value;
    uint32_t count;
    uint64_t observed; /* Time.observed at the first of these reads */
} Poll;

typedef struct Time {
    int64_t power_on;   /* virtual clock at power-on */
    int64_t stall_end;  /* of a stall that was interrupted by a pause; 0: none */
    uint64_t observed;  /* counts the reads that tell the firmware the time */
    uint64_t burnt;     /* instructions of the icount that were stalls */
    bool poll_skip;
} Time;

void time_init(Mcu *mcu, bool poll_skip);
/* Virtual ns since power-on. */
int64_t time_now(Mcu *mcu);
/* The same instant on QEMU_CLOCK_VIRTUAL, for timer_mod(). */
int64_t time_to_clock(Mcu *mcu, int64_t since_power_on);
/* The access that is being carried out lasts until then. Returns early only when the core stops meanwhile: at a reset
 * (the access is abandoned) or at a pause (the rest is made up for before the core executes anything). */
void time_stall_until(Mcu *mcu, int64_t since_power_on);
/* Restarts virtual time at 0. Every timer must be reset before the core runs. */
void time_power_on(Mcu *mcu);
/* A status that only changes at `ready` was read. From the third identical read on, lets time pass until then or
 * until the next event, whichever comes first. The status was read before: a pause in between leaves no trace. */
void time_poll(Mcu *mcu, Poll *poll, uint64_t value, int64_t ready);
/* Address of the instruction that makes the current access; 0 when none does. */
uint32_t time_pc(Mcu *mcu);

/// trace.c ///

typedef struct Trace {
    uint8_t *file; /* NULL: no trace */
    struct rail_trace *header;
} Trace;

void trace_open(Mcu *mcu, const char *path);
uint64_t trace_used(Mcu *mcu);
void trace_event(Mcu *mcu, const struct rail_event *event, const void *payload);
/* An event that happens now and is no operation. */
void trace_now(Mcu *mcu, enum rail_kind kind, uint32_t pc, uint32_t address, uint32_t value);

/// shared-file.c ///

/* Maps a file of exactly `size` bytes for reading and writing, shared; erased cells when `path` is NULL. */
uint8_t *shared_file(const char *what, const char *path, size_t size);

/// rail.c ///

typedef struct Rail {
    CharBackend chardev;
    bool connected; /* there is a bench */
    bool powered;
    GString *line;
    QEMUTimer *until;
    const char *reason; /* of the pause that is under way; NULL: none */
    uint64_t operations; /* since power-on */
    uint64_t cut;        /* UINT64_MAX: none */
    enum nor_tear tear;
    uint64_t noise; /* how weak bits read since power-on */
    bool pause_edge, pause_line, pause_reset;
} Rail;

void rail_init(Mcu *mcu, const char *chardev);
/* Stops the core before its next instruction, for the bench. */
void rail_pause(Mcu *mcu, const char *reason);

/// operation.c: a program or erase in progress ///

enum operation_result { OPERATION_STARTED, OPERATION_CUT };

typedef struct Operation {
    bool pending;
    int64_t end; /* since power-on */
    struct nor_array *array;
    struct nor_op op;
    uint8_t data[256];
} Operation;

/* Starts an operation of a valid `op`, asked for by the instruction at `pc`: records it, and takes power away if this is
 * the one. The cells change when it is settled. `address` is where it is for the bench. */
enum operation_result operation_start(Mcu *mcu, Operation *operation, struct nor_array *array, const struct nor_op *op,
                                      enum rail_chip chip, uint32_t address, uint32_t pc);
/* Counts and records an operation on something else than cells; the same result. */
enum operation_result operation_status(Mcu *mcu, enum rail_chip chip, uint32_t address, const void *data,
                                       uint16_t length, int64_t duration);
/* The same, asked for by an instruction that is not the current one. */
enum operation_result operation_status_at(Mcu *mcu, enum rail_chip chip, uint32_t address, const void *data,
                                          uint16_t length, int64_t duration, uint32_t pc);
/* Carries it out if it has ended by now; true if so. */
bool operation_settle(Mcu *mcu, Operation *operation);
/* It was interrupted. */
void operation_tear(Mcu *mcu, Operation *operation, enum nor_tear tear);
/* Makes room for the marks of a tear. */
void operation_make_room(struct nor_marks *marks);

/// touch.c: what was read or programmed before it was erased ///

typedef struct Touch {
    uint8_t *map; /* NULL: nobody asked */
    IOMMUMemoryRegion region;
    MemoryRegion alias;
    DECLARE_BITMAP(erased_pages, RAIL_INTERNAL_SIZE / RAIL_TOUCHED_PAGE);
    DECLARE_BITMAP(erased_sectors, RAIL_NOR_SIZE / 4096);
    DECLARE_BITMAP(used_sectors, RAIL_NOR_SIZE / 4096); /* of the map */
} Touch;

void touch_open(Mcu *mcu, const char *path);
/* Maps what stands for the main array, which is elsewhere in the address space, to `base` and to 0. */
void touch_map_internal(Mcu *mcu, hwaddr base);
void touch_clear(Mcu *mcu);
void touch_internal(Mcu *mcu, uint32_t offset, uint32_t length);
/* A read of memory that does not pass through the core's TLB. */
void touch_address(Mcu *mcu, hwaddr address, uint32_t length);
void touch_nor(Mcu *mcu, uint32_t offset);
void touch_programmed(Mcu *mcu, const struct nor_array *array, const struct nor_op *op);
void touch_erased(Mcu *mcu, const struct nor_array *array, const struct nor_op *op);

/// rcc.c ///

#define RCC_CSR_RMVF (1u << 24)
#define RCC_CSR_BORRSTF (1u << 25)
#define RCC_CSR_PINRSTF (1u << 26)
#define RCC_CSR_PORRSTF (1u << 27)
#define RCC_CSR_SFTRSTF (1u << 28)
#define RCC_CSR_IWDGRSTF (1u << 29)
#define RCC_CSR_FLAGS 0xFE000000u

typedef struct Rcc {
    MemoryRegion mmio;
    uint32_t regs[0x94 / 4];
    uint32_t hclk, pclk1, pclk2; /* Hz */
    uint32_t reset_flags;
    Clock *cpuclk, *refclk;
} Rcc;

void rcc_init(Mcu *mcu);
void rcc_power_on(Mcu *mcu);
void rcc_reset(Mcu *mcu);

/// flash.c ///

/* The first word of a double word that is being stored. */
typedef struct RowHalf {
    struct nor_array *array; /* NULL: none */
    uint32_t offset, word;
} RowHalf;

typedef struct CacheLine {
    uint32_t offset;
    uint8_t bytes[16];
} CacheLine;

typedef struct FlashCache {
    CacheLine lines[64]; /* the least recently used one comes first */
    unsigned count;
} FlashCache;

typedef struct Flash {
    MemoryRegion main, alias, system, mmio;
    struct nor_array array, otp;
    struct nor_marks marks, otp_marks;
    uint8_t *options; /* 16 bytes */
    qemu_irq irq;
    QEMUTimer *timer; /* end of an operation that the core does not wait for */
    Operation operation;
    int64_t options_end; /* 0: no option bytes are being written */
    uint8_t new_options[16];
    bool regression; /* of the read protection: option bytes follow the mass erase that is under way */
    uint32_t regression_pc; /* of the instruction that asked for it */
    RowHalf row_half;
    bool reads_wait; /* until the operation under way has ended, which code in RAM has started */
    bool stale_cache; /* whether there are caches at all */
    FlashCache data_cache, instruction_cache;
    Poll poll;
    uint32_t acr, sr, cr, optcr;
    unsigned key, option_key; /* keys accepted so far */
    bool locked, options_locked; /* until reset, after a wrong key */
} Flash;

/* `times`: typical or maximum, of the data sheet. */
void flash_init(Mcu *mcu, const char *internal, const char *otp, const char *times, bool stale_cache);
/* Once there is an interrupt controller. */
void flash_connect(Mcu *mcu);
/* Weak bits take the value that they have until the next power-on. */
void flash_power_on(Mcu *mcu);
/* A reset of the MCU, or a loss of power, tears what is under way. */
void flash_reset(Mcu *mcu);
void flash_power_off(Mcu *mcu, enum nor_tear tear);
/* Brings the cells up to date with the time. */
void flash_settle(Mcu *mcu);
/* Bytes of the main array changed, other than by an operation. */
void flash_changed(Mcu *mcu, uint32_t offset, uint32_t length);
/* A store to the main array or to OTP. */
void flash_store(Mcu *mcu, struct nor_array *array, uint32_t offset, uint32_t address, uint64_t value, unsigned size);

/* A store to where nothing can be programmed. */
void flash_store_refused(Mcu *mcu);
/* A read of the flash by the core lasts until the operation under way has ended. */
void flash_read_waits(Mcu *mcu, MemTxAttrs attrs);

/// flash-cache.c: what the caches still say after an erase ///

#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

/* A program or erase of the main array starts. */
void flash_cache_starts(Flash *flash, const struct nor_op *op);
/* Whether a line differs from the cells. */
bool flash_cache_stale(Flash *flash);
/* What the core reads, as data or as an instruction; within 16 bytes. */
uint64_t flash_cache_read(Flash *flash, uint32_t offset, unsigned size, bool fetch);

/// flash-system.c: system memory ///

#define FLASH_OPTIONS 0x1FFFC000u

void flash_system_init(Mcu *mcu);

/// gpio.c ///

typedef struct Gpio {
    Mcu *mcu;
    unsigned port;
    MemoryRegion mmio;
    uint32_t regs[10];
    uint16_t level; /* what the outputs drive, as last seen by the trace */
} Gpio;

void gpio_init(Mcu *mcu);
void gpio_reset(Mcu *mcu);
/* Number of the pin's alternate function; -1 when it is not one. */
int gpio_alternate(Mcu *mcu, unsigned port, unsigned pin);

/// usart.c ///

typedef struct Usart {
    Mcu *mcu;
    unsigned number;
    MemoryRegion mmio;
    CharBackend chardev;
    qemu_irq irq;
    QEMUTimer *timer;
    Poll poll;
    uint32_t brr, cr1, cr2, cr3, gtpr;
    int64_t free_at, done_at; /* transmit register empty, transmission complete */
    uint8_t received;
    bool rxne, tc_cleared;
} Usart;

void usart_init(Mcu *mcu);
void usart_reset(Mcu *mcu);

/// spi.c ///

typedef struct Spi {
    MemoryRegion mmio;
    qemu_irq irq;
    QEMUTimer *timer;
    Poll poll;
    uint32_t cr1, cr2;
    int64_t free_at, done_at; /* transmit buffer empty, shift register idle */
    struct { uint16_t data; int64_t at; } fifo[2]; /* received, or being received */
    unsigned fill;
    bool overrun;
} Spi;

void spi_init(Mcu *mcu);
void spi_reset(Mcu *mcu);
/* True when the clock stands still, hence on a byte boundary. */
bool spi_idle(Mcu *mcu);
/* Starts what DMA and SPI are both ready for. */
void spi_dma(Mcu *mcu);

/// dma.c ///

typedef struct Stream {
    uint32_t cr, ndtr, par, m0ar, m1ar, fcr;
    int64_t start, end; /* of the burst under way; end 0: none */
    QEMUTimer *timer;
    struct Dma *dma;
    qemu_irq irq;
} Stream;

typedef struct Dma {
    Mcu *mcu;
    unsigned number; /* 1 or 2 */
    MemoryRegion mmio;
    uint32_t isr[2]; /* LISR, HISR */
    Poll poll;
    Stream streams[STREAMS];
} Dma;

#define DMA_CR_EN (1u << 0)
#define DMA_CR_MINC (1u << 10)

void dma_init(Mcu *mcu);
void dma_reset(Mcu *mcu);
/* An enabled, idle stream of DMA2 for that channel and direction (0: from the peripheral, 1: to it). */
Stream *dma_stream(Mcu *mcu, const unsigned *candidates, unsigned channel, unsigned direction);
/* Moves bytes of a burst between memory and `data`; false: bus error, the stream is stopped with TEIF. */
bool dma_move(Mcu *mcu, Stream *stream, uint8_t *data, uint32_t count, bool to_memory);
/* The burst goes on until then. */
void dma_busy(Mcu *mcu, Stream *stream, int64_t end);

/// spi-nor.c and its parts (spi-nor.h) ///

typedef struct SpiNorModel SpiNorModel;

/* Properties of the machine; NULL: the first choice. */
typedef struct SpiNorOptions {
    const char *part, *times, *power_up, *chip_select, *multipass;
} SpiNorOptions;

typedef struct SpiNor {
    Mcu *mcu;
    const SpiNorModel *model; /* NULL: nothing on the bus */
    struct nor_array array;
    struct nor_marks marks;
    bool slow_power_up, floating, one_pass; /* from the properties */
    uint64_t reads; /* commands that read cells, since power-on */
    bool selected, ignored, inside_byte, powered_down, reset_enabled, write_enabled, volatile_enabled;
    uint8_t command;
    uint32_t index; /* of the next byte since selection */
    uint32_t address;
    uint8_t page[256];
    uint32_t received; /* data bytes of a page program */
    uint8_t status[3]; /* as they act and read */
    uint8_t stored[3]; /* without power; kept in the process like the marks */
    uint8_t writing[3];
    bool writes_status; /* `writing` becomes `stored` when it ends */
    int64_t busy_until, listens_at, writes_at;
    Operation operation, suspended;
    int64_t rest;       /* of the suspended operation */
    int64_t resumed_at;
    Poll poll;
} SpiNor;

void spi_nor_init(Mcu *mcu, const char *path, const SpiNorOptions *options);
void spi_nor_power_on(Mcu *mcu);
void spi_nor_power_off(Mcu *mcu, enum nor_tear tear);
void spi_nor_settle(Mcu *mcu);
/* Chip select; `boundary` tells whether it rises on a byte boundary. */
void spi_nor_select(Mcu *mcu, bool selected, bool boundary);
uint8_t spi_nor_exchange(Mcu *mcu, uint8_t byte);
/* The clock stopped in the middle of a byte, for good. */
void spi_nor_clock_lost(Mcu *mcu);
/* Number of status registers; 0 without a chip. */
unsigned spi_nor_status_count(Mcu *mcu);
/* The non-volatile status registers become these; NULL: as they left the factory. False: they have not such bits. */
bool spi_nor_status_set(Mcu *mcu, const uint8_t *status);

/// iwdg.c ///

typedef struct Iwdg {
    MemoryRegion mmio;
    QEMUTimer *timer;
    uint32_t pr, rlr;
    bool running, unlocked;
} Iwdg;

void iwdg_init(Mcu *mcu);
void iwdg_reset(Mcu *mcu);

/// dwt.c ///

typedef struct Dwt {
    MemoryRegion mmio, demcr_mmio, dbgmcu_mmio;
    uint32_t ctrl, demcr;
    uint32_t count;  /* at `since` */
    int64_t since;
} Dwt;

void dwt_init(Mcu *mcu);
void dwt_reset(Mcu *mcu);
/* HCLK is about to change. */
void dwt_sync(Mcu *mcu);

/// plain.c: everything else ///

typedef struct Plain {
    MemoryRegion mmio;
    GHashTable *words, *logged;
} Plain;

void plain_init(Mcu *mcu);
void plain_reset(Mcu *mcu);

/// mountaineer.c: the whole ///

struct Mcu {
    MachineState *machine;
    DeviceState *armv7m;
    CPUState *cpu;
    MemoryRegion sram, ccm;
    Time time;
    Trace trace;
    Rail rail;
    Touch touch;
    Rcc rcc;
    Flash flash;
    Gpio gpio[PORTS];
    Usart usart[USARTS];
    Spi spi;
    Dma dma[DMAS];
    SpiNor nor;
    Iwdg iwdg;
    Dwt dwt;
    Plain plain;
};

void mcu_power_on(Mcu *mcu);
/* Everything volatile is lost; operations under way are torn. `operation`: at which power was lost, or UINT32_MAX. */
void mcu_power_off(Mcu *mcu, enum nor_tear tear, uint32_t operation);
/* A reset of the MCU, as soon as the current instruction is done; `flag` is what RCC_CSR will tell. */
void mcu_request_reset(Mcu *mcu, uint32_t flag);
qemu_irq mcu_irq(Mcu *mcu, unsigned number);
/* Maps the registers of a device. */
void mcu_map(Mcu *mcu, MemoryRegion *mmio, const MemoryRegionOps *ops, void *device, const char *name, hwaddr base);

/* Registers are words; a smaller access sees its part of one. */
#define MCU_REGISTER_OPS(name, read_function, write_function)                                                          \
    static const MemoryRegionOps name = {.read = read_function, .write = write_function,                               \
        .endianness = DEVICE_LITTLE_ENDIAN, .valid = {.min_access_size = 1, .max_access_size = 4},                     \
        .impl = {.min_access_size = 1, .max_access_size = 4}}

#endif
