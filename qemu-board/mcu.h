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
#include "hw/boards.h"
#include "hw/clock.h"
#include "hw/irq.h"
#include "qemu/bitmap.h"
#include "qemu/log.h"
#include "qemu/timer.h"
#include "fault.h"
#include "nor.h"
#include "rail.h"

typedef struct Mcu Mcu;

enum { PORTS = 9, PORT_A = 0, PORT_B, PORT_C, PORT_D, PORT_E, PORT_F, PORT_G, PORT_H, PORT_I };
enum { USARTS = 6, SPIS = 3, TIMS = 6, DMAS = 2, STREAMS = 8, EXTI_VECTORS = 14, GATES = 31 };

/// What is soldered around the MCU ///

enum { NOR_SIGNALS = 3, NOR_PINS = 4, NO_PIN = 0xFF };

typedef struct Image Image;

/* Pins are port * 16 + pin. */
typedef struct Board {
    uint32_t hse;                            /* Hz */
    unsigned nor_spi;                        /* the SPI that the NOR is on, from 1 */
    uint8_t nor_select;                      /* its chip select, pulled up */
    uint8_t nor_bus[NOR_SIGNALS][NOR_PINS];  /* SCK, MISO, MOSI: each on any of these; NO_PIN: no more */
    uint16_t quiet[PORTS];                   /* pins whose edges are not traced */
    uint16_t pulled_down[PORTS];             /* low when nothing drives them, whatever the pull-up */
    uint8_t uid[12];
    bool vbat;                               /* the backup domain has a battery */
    bool f42x;                               /* an STM32F42x or F43x, instead of an F405 or F407 */
    uint32_t idcode;                         /* what DBGMCU says that the MCU is */
    uint32_t sram;                           /* bytes from 0x20000000 */
    uint32_t sdram;                          /* bytes; 0: none */
    unsigned sdram_bank;                     /* of the FMC, 1 or 2 */
    Image *images;                           /* for the internal flash; NULL: none */
} Board;

/// images.c: files for the internal flash ///

/* Reads the files of a list "FILE@ADDRESS;..."; NULL and an error unless each fits. */
Image *images_read(const char *list, Error **errp);
/* Writes them to the cells. */
void images_place(Mcu *mcu);

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
/* Makes up for what a pause interrupted, before the core executes anything. In its own thread. */
void time_resume(Mcu *mcu);
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

/// supply.c: the supply voltages ///

enum { SUPPLY_POINTS = 256, SUPPLY_NOMINAL_MV = 3300 };

typedef struct SupplyPoint {
    int64_t at; /* since power-on */
    int32_t mv;
} SupplyPoint;

/* Straight from point to point; two at one instant are a step. No points: 3300 mV. */
typedef struct SupplyCurve {
    unsigned count;
    SupplyPoint points[SUPPLY_POINTS];
} SupplyCurve;

typedef struct Supply {
    SupplyCurve vdd, vcc; /* of the MCU and of the SPI NOR, until the power is off */
    QEMUTimer *timer;     /* when one crosses a threshold */
    bool power_low, brown_low; /* as POR/PDR and BOR see VDD */
    bool held;            /* the MCU is in reset, and stays there */
    bool power_lost;      /* VDD was so low since the last reset that the next one is a power-on reset */
    int64_t held_since;
    unsigned dips;        /* times that the SRAM has lost its contents */
} Supply;

void supply_init(Mcu *mcu);
/* Power is on; when it was not there at once, this is what is missing. */
void supply_power_on(Mcu *mcu);
void supply_power_off(Mcu *mcu);
/* While the power is off: the voltage (vdd or vcc) of the next power-on; false: there is no such voltage. */
bool supply_set(Mcu *mcu, const char *rail, const SupplyCurve *curve);
/* Thresholds changed. */
void supply_look(Mcu *mcu);
/* In mV: now, and the lowest in a time. */
int32_t supply_vdd(Mcu *mcu);
int32_t supply_lowest_vdd(Mcu *mcu, int64_t from, int64_t to);
/* A reset is about to happen: what forgets without power does so. */
void supply_before_reset(Mcu *mcu);
/* After a reset: true when it lasts, and the core stands still. */
bool supply_holds(Mcu *mcu);

/// rail.c ///

typedef struct Rail {
    CharBackend chardev;
    bool connected; /* there is a bench */
    bool powered;
    GString *line;   /* as far as it has come */
    char **commands; /* of the line that is being carried out */
    char **next;     /* of them; NULL: one of them was refused, the rest is not carried out */
    GString *answer; /* to those before it */
    bool running;    /* a `run` has not ended yet */
    QEMUTimer *until;
    const char *reason; /* of the pause that is under way; NULL: none */
    uint64_t operations; /* since power-on */
    uint64_t cut;        /* UINT64_MAX: none */
    enum nor_tear tear;
    uint64_t noise; /* how weak bits read since power-on */
    bool pause_edge, pause_line, pause_reset;
    bool loss;  /* power is lost where the run ends */
    char *sram; /* what a power-on does to it */
} Rail;

void rail_init(Mcu *mcu, const char *chardev);
/* Stops the core before its next instruction, for the bench. */
void rail_pause(Mcu *mcu, const char *reason);
/* The SRAM lost its contents: the n-th time since power-on, from 1. */
void rail_fill_sram(Mcu *mcu, unsigned n);

/// operation.c: a program or erase in progress ///

/* Beyond the menu of tears: what is left depends on how far an operation got (nor_tear_at). */
#define TEAR_BY_PHASE NOR_TEARS

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
/* How it ends if nothing interrupts it: firm, unless the supply was too low for it. */
enum nor_tear operation_outcome(Mcu *mcu, const Operation *operation);
/* It was interrupted, now. */
void operation_tear(Mcu *mcu, Operation *operation, enum nor_tear tear);
/* Makes room for the marks of a tear. */
void operation_make_room(struct nor_marks *marks);

/// touch.c: what was read or programmed before it was erased ///

typedef struct Touch {
    uint8_t *map; /* NULL: nobody asked */
    IOMMUMemoryRegion region;
    MemoryRegion alias;
    DECLARE_BITMAP(erased_pages, RAIL_INTERNAL_SIZE / RAIL_TOUCHED_PAGE);
    uint32_t repeats[RAIL_INTERNAL_SIZE / RAIL_TOUCHED_PAGE]; /* reads of bytes that were touched already */
    DECLARE_BITMAP(used_pages, RAIL_INTERNAL_SIZE / RAIL_TOUCHED_PAGE); /* of the map */
    DECLARE_BITMAP(erased_sectors, RAIL_NOR_SIZE / 4096);
    DECLARE_BITMAP(used_sectors, RAIL_NOR_SIZE / 4096);
} Touch;

void touch_open(Mcu *mcu, const char *path);
/* What the file held before is gone. */
void touch_empty(Mcu *mcu);
/* Maps what stands for the main array, which is elsewhere in the address space, to `base` and to 0. */
void touch_map_internal(Mcu *mcu, hwaddr base);
/* Once there is a core. */
void touch_connect(Mcu *mcu);
void touch_clear(Mcu *mcu);
void touch_internal(Mcu *mcu, uint32_t offset, uint32_t length);
/* A read of memory that does not pass through the core's TLB. */
void touch_address(Mcu *mcu, hwaddr address, uint32_t length);
void touch_nor(Mcu *mcu, uint32_t offset, uint32_t length);
void touch_programmed(Mcu *mcu, const struct nor_array *array, const struct nor_op *op);
void touch_erased(Mcu *mcu, const struct nor_array *array, const struct nor_op *op);

/// rcc.c ///

#define RCC_CSR_RMVF (1u << 24)
#define RCC_CSR_BORRSTF (1u << 25)
#define RCC_CSR_PINRSTF (1u << 26)
#define RCC_CSR_PORRSTF (1u << 27)
#define RCC_CSR_SFTRSTF (1u << 28)
#define RCC_CSR_IWDGRSTF (1u << 29)
#define RCC_CSR_WWDGRSTF (1u << 30)
#define RCC_CSR_FLAGS 0xFE000000u

typedef struct Rcc {
    MemoryRegion mmio;
    uint32_t regs[0x94 / 4];
    uint32_t hclk, pclk1, pclk2, timclk1; /* Hz; the last is that of TIM2 to 7 */
    uint32_t reset_flags;
    Clock *cpuclk, *refclk;
} Rcc;

void rcc_init(Mcu *mcu);
void rcc_power_on(Mcu *mcu);
void rcc_reset(Mcu *mcu);
/* PLL48CLK; 0: off. */
uint32_t rcc_pll48_hz(Mcu *mcu);

/// gates.c: clock gates and resets of peripherals ///

#define RCC_AHB1RSTR 0x10
#define RCC_AHB1ENR 0x30

typedef struct Gate {
    Mcu *mcu;
    MemoryRegion *mmio;
    const MemoryRegionOps *ops; /* the device's */
    void *device;
    bool in_reset;
    bool told; /* since power-on: it was used without a clock, or in reset */
} Gate;

/* A device's registers are mapped at `base`. */
void gates_add(Mcu *mcu, MemoryRegion *mmio, hwaddr base);
void gates_power_on(Mcu *mcu);
/* RCC's registers were written. */
void gates_changed(Mcu *mcu);

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
    bool stale_cache; /* whether there are caches at all: from the property, */
    bool stale_fault; /* or as a fault */
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
/* The supply that programs and erases need as they are set up now, in mV. */
int32_t flash_needs_mv(Mcu *mcu);
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
void gpio_reset_port(Mcu *mcu, unsigned port);
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
    bool tc_cleared;
    struct { uint8_t byte; int64_t from, to; } line[2]; /* on their way to the receiver */
    unsigned arriving;
    int64_t idle_at; /* when the line will have been idle for a frame; 0: nothing to tell */
    uint8_t received;
    uint32_t flags; /* of the receiver, in SR */
    uint32_t seen;  /* those that a read of SR has told; a read of DR clears them */
} Usart;

void usart_init(Mcu *mcu);
void usart_reset(Mcu *mcu);
void usart_reset_one(Mcu *mcu, unsigned i);
/* Moves what DMA and USART are both ready for. */
void usart_dma(Usart *usart);

/// spi.c ///

typedef struct Spi {
    Mcu *mcu;
    unsigned number;
    MemoryRegion mmio;
    qemu_irq irq;
    QEMUTimer *timer;
    Poll poll;
    uint32_t cr1, cr2;
    int64_t free_at, done_at; /* transmit buffer empty, shift register idle */
    struct { uint16_t data; int64_t at; } fifo[3]; /* received, being shifted, and waiting in the transmit buffer */
    unsigned fill;
    bool overrun;
} Spi;

void spi_init(Mcu *mcu);
void spi_reset(Mcu *mcu);
void spi_reset_one(Mcu *mcu, unsigned i);
/* True when the clock stands still, hence on a byte boundary. */
bool spi_idle(Spi *spi);
/* Starts what DMA and SPI are both ready for. */
void spi_dma(Spi *spi);
/* The pins that can be that SPI's SCK, MISO and MOSI. */
void spi_pins(unsigned number, uint8_t pins[NOR_SIGNALS][NOR_PINS]);

/// dma.c ///

typedef struct Stream {
    uint32_t cr, ndtr, par, m0ar, m1ar, fcr;
    uint32_t total; /* NDTR when it was enabled */
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
void dma_reset_one(Mcu *mcu, unsigned i);
/* What a peripheral asks for: any of these streams, with these channels (RM0090 tables 42 and 43). */
typedef struct DmaRequest {
    uint8_t controller; /* 1 or 2 */
    uint8_t count;
    struct { uint8_t stream, channel; } from[2];
} DmaRequest;

/* An enabled, idle stream for that request and direction; NULL: none. */
Stream *dma_stream(Mcu *mcu, const DmaRequest *request, bool to_memory);
/* Moves the bytes of a burst between memory and `data`; false: bus error, the stream is stopped with TEIF. */
bool dma_move(Stream *stream, uint8_t *data, uint32_t count, uint32_t unit, bool to_memory);
/* The same for the next byte of a stream that goes byte by byte. */
bool dma_byte(Stream *stream, uint8_t *byte, bool to_memory);
/* The burst goes on until then. */
void dma_busy(Stream *stream, int64_t end);

/// tim.c ///

typedef struct Tim {
    Mcu *mcu;
    MemoryRegion mmio;
    qemu_irq irq;
    QEMUTimer *timer;
    Poll poll;
    uint32_t cr1, cr2, smcr, dier, sr, ccmr[2], ccer;
    uint32_t psc, arr, ccr[4]; /* in use; an update loads them from what was written */
    uint32_t psc_preload, arr_preload, ccr_preload[4];
    int64_t epoch;  /* the timer's clock is counted from here */
    uint64_t start; /* in its cycles: when the counter became `count` */
    uint32_t count;
} Tim;

void tim_init(Mcu *mcu);
void tim_reset(Mcu *mcu);
void tim_reset_one(Mcu *mcu, unsigned i);
/* The timers' clock is about to change, has changed. */
void tim_sync(Mcu *mcu);
void tim_clock_changed(Mcu *mcu);

/// faults.c: what is wrong with the parts, by name ///

enum { FLASH_SECTORS = 12, NOR_SECTORS = 2048 };

typedef struct Faults {
    struct fault_set set;
    struct nor_defects internal, nor;   /* what the set says of cells */
    uint32_t erases[FLASH_SECTORS];     /* of the main array, since the set was given */
    uint32_t nor_erases[NOR_SECTORS];   /* of the SPI NOR, since then too */
    bool bus;                           /* the NOR's side of the bus is to be asked */
    bool flips;                         /* what is read from its array too */
    bool nor_polls, flash_polls;        /* each poll is to be seen */
    uint64_t commands, write_enables, operations, bytes_read; /* of the NOR, since power-on */
    bool deaf, wip_stuck, suspension;   /* the suspension is one that nobody asked for */
    bool continuous, heard, leaves;     /* the chip expects an address; a byte came; the mode ends with this transfer */
    QEMUTimer *reset;                   /* NRST */
} Faults;

void faults_init(Mcu *mcu);
/* `fault` and `erases` of the rail: NULL, or why not. */
char *faults_command(Mcu *mcu, char **words);
char *faults_erases_command(Mcu *mcu, char **words, GString *said);
/* After the NOR's, before the supply's. */
void faults_power_on(Mcu *mcu);
bool faults_on(Mcu *mcu, enum fault fault);
uint32_t faults_value(Mcu *mcu, enum fault fault);
void faults_nor_selected(Mcu *mcu, bool selected);
/* Whether the chip hears a byte; what the MCU hears of its answer. */
bool faults_nor_hears(Mcu *mcu, uint8_t byte);
uint8_t faults_nor_reply(Mcu *mcu, uint8_t reply);
bool faults_drops_write_enable(Mcu *mcu);
/* A byte of the array as it is read. */
uint8_t faults_read(Mcu *mcu, uint8_t byte);
/* An operation of the NOR has started. */
void faults_nor_operation(Mcu *mcu);
/* True if there was a suspension that nobody asked for: now there is none. */
bool faults_forget_suspension(Mcu *mcu);

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
    bool powered;
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
/* Its supply alone goes or comes. */
void spi_nor_supply(Mcu *mcu, bool on);
void spi_nor_settle(Mcu *mcu);
/* Chip select; `boundary` tells whether it rises on a byte boundary. */
void spi_nor_select(Mcu *mcu, bool selected, bool boundary);
/* Each byte becomes what the chip says to it. */
void spi_nor_exchange(Mcu *mcu, uint8_t *bytes, uint32_t count);
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

/// wwdg.c ///

typedef struct Wwdg {
    MemoryRegion mmio;
    qemu_irq irq;
    QEMUTimer *timer;
    uint32_t cr, cfr, sr; /* CR as it was then: */
    int64_t since;
} Wwdg;

void wwdg_init(Mcu *mcu);
void wwdg_reset(Mcu *mcu);
/* PCLK1 is about to change, has changed. */
void wwdg_sync(Mcu *mcu);
void wwdg_clock_changed(Mcu *mcu);

/// exti.c: with SYSCFG ///

typedef struct Exti {
    MemoryRegion mmio, syscfg_mmio;
    qemu_irq irqs[EXTI_VECTORS];
    uint32_t imr, emr, rtsr, ftsr, swier, pr;
    uint32_t syscfg[9];
} Exti;

void exti_init(Mcu *mcu);
void exti_reset(Mcu *mcu);
void syscfg_reset(Mcu *mcu);
/* A line goes up, goes down. */
void exti_rise(Mcu *mcu, unsigned line);
void exti_fall(Mcu *mcu, unsigned line);

/// pwr.c ///

typedef struct Pwr {
    MemoryRegion mmio;
    uint32_t cr, csr;
    bool detected; /* PVDO: VDD is low */
} Pwr;

void pwr_init(Mcu *mcu);
void pwr_reset(Mcu *mcu);
/* VDD changed: what the voltage detector makes of it. */
void pwr_detect(Mcu *mcu);
/* Its thresholds in mV, falling and rising; false: it is off. */
bool pwr_detector(Mcu *mcu, int32_t *falling, int32_t *rising);
/* The RTC, its backup registers and RCC_BDCR may be written. */
bool pwr_backup_writable(Mcu *mcu);

/// rtc.c ///

typedef struct Rtc {
    Mcu *mcu;
    MemoryRegion mmio;
    QEMUTimer *timer;
    Poll poll;
    uint32_t cr, isr, prer, wutr, alarm[2], alarm_subseconds[2], tafcr, backup[20];
    bool half_unlocked, unlocked;
    uint32_t hz;      /* of RTCCLK; 0: off */
    int64_t seconds;  /* of the calendar, since 1970 */
    unsigned weekday; /* of 1970-01-01, as the firmware counts */
    int64_t epoch;    /* RTCCLK is counted from here */
    uint64_t second_start, wakeup_at; /* in its cycles: when `seconds` began, when WUTF comes */
    int64_t init_at, copied_at;       /* INITF and RSF are set from then on */
} Rtc;

void rtc_init(Mcu *mcu);
void rtc_power_on(Mcu *mcu);
void rtc_power_off(Mcu *mcu);
void rtc_reset(Mcu *mcu);
/* A reset of the backup domain. */
void rtc_backup_reset(Mcu *mcu);
/* RTCCLK has this frequency from now on. */
void rtc_clock_changed(Mcu *mcu, uint32_t hz);

/// crc.c ///

typedef struct Crc {
    MemoryRegion mmio;
    uint32_t dr;
    uint8_t idr;
} Crc;

void crc_init(Mcu *mcu);
void crc_reset(Mcu *mcu);

/// rng.c ///

typedef struct Rng {
    MemoryRegion mmio;
    qemu_irq irq;
    QEMUTimer *timer;
    Poll poll;
    uint32_t cr;
    uint64_t state;   /* from which the numbers come */
    int64_t ready_at; /* 0: no number is being made */
} Rng;

void rng_init(Mcu *mcu);
void rng_power_on(Mcu *mcu);
void rng_reset(Mcu *mcu);

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

/// fmc.c: external memory ///

typedef struct Fmc {
    MemoryRegion mmio, sdram, bank; /* the last is where the core sees the SDRAM */
    uint32_t regs[0x15C / 4];
} Fmc;

void fmc_init(Mcu *mcu);
void fmc_power_on(Mcu *mcu);
void fmc_reset(Mcu *mcu);
/* SYSCFG has NAND and SDRAM change places, or not. */
void fmc_swap(Mcu *mcu, bool swapped);

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
    Board board;
    Time time;
    Trace trace;
    Rail rail;
    Supply supply;
    Touch touch;
    Rcc rcc;
    Gate gates[GATES];
    Flash flash;
    Gpio gpio[PORTS];
    Usart usart[USARTS];
    Spi spi[SPIS];
    Tim tim[TIMS];
    Dma dma[DMAS];
    SpiNor nor;
    Iwdg iwdg;
    Wwdg wwdg;
    Exti exti;
    Pwr pwr;
    Rtc rtc;
    Crc crc;
    Rng rng;
    Dwt dwt;
    Fmc fmc;
    Plain plain;
    Faults faults;
};

/* Abstract; a board is a type below it whose instance_init sets mcu_of(object)->board. */
#define TYPE_STM32F407_MACHINE "stm32f407" TYPE_MACHINE_SUFFIX
Mcu *mcu_of(Object *machine);

void mcu_power_on(Mcu *mcu);
/* Everything volatile is lost; operations under way are torn. `operation`: at which power was lost, or UINT32_MAX. */
void mcu_power_off(Mcu *mcu, enum nor_tear tear, uint32_t operation);
/* What the MCU loses with its supply, beside the SRAM, while the board's power is on. */
void mcu_contents_lost(Mcu *mcu);
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
