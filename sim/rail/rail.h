/* SPDX-License-Identifier: MIT
 *
 * The power rail: the one control channel between the bench and the machine.
 *
 * The machine (qemu-board/) offers mechanism only: it shares its flash arrays, applies and removes power, loses
 * power at a chosen non-volatile operation, and records what a person with a probe would see. Every decision is
 * the bench's. This header is the whole contract; it depends on nothing.
 *
 * Commands are text lines on a stream socket, one reply line each, so that they can be typed by hand. A line may hold
 * several commands with ";" between them, such as "power on; run until=1000; power off". They are carried out one after
 * the other, each when the one before has ended; so are the replies in the one line that answers them, "; " between
 * them. After an error the rest of the line is not carried out. It is as if they had come in lines of their own, but
 * nobody waits for the bench in between: a power cycle costs less than a third.
 *
 *   power on [sram=retain|zero|random:SEED|decay:SEED:SHARE] [noise=SEED] [status=factory|kept]
 *       Power rises: virtual clock restarts at 0, every device is in its power-on state, the core waits at reset. Weak
 *       bits read as the noise (0 when not given) has it: in the internal flash and OTP one value for this power-on,
 *       which is written into the shared array; in the SPI NOR a new one for each read command, the n-th since power-on
 *       under noise + n * RAIL_NOISE_STEP. So what the shared arrays hold in a weak bit means nothing to the bench.
 *       The SPI NOR's status registers are as they left its factory unless `kept` says that they are as they were left;
 *       so a bench that does not know of them need not restore them between two states of the arrays.
 *       The SRAM keeps what it held, or holds zeros, or random bits; with `decay` SHARE of 256 of its cells, chosen by
 *       the seed, have fallen back to what each prefers, which is always the same. A reset keeps it.
 *       Reply: "ok sram=HASH": a hash of what SRAM and CCM hold, 16 hexadecimal digits.
 *   mark CHIP none | mark CHIP weak OFFSET BIT ... | mark CHIP notake OFFSET LENGTH ...
 *       While the power is off: forgets all marks of the chip (internal, otp or nor), or adds one or several
 *       (sim/nor/nor.h). A cut leaves its marks in the machine and so does what the firmware then makes firm: a bench
 *       that puts another state into the arrays says "none" first. Reply: "ok".
 *   marks CHIP
 *       While the machine is stopped. Reply: "marks" and those of the chip in their canonical order, as one could give
 *       them to `mark`: " weak OFFSET BIT" each, then " notake OFFSET LENGTH" each.
 *   status nor
 *       While the machine is stopped. Reply: "status HH ...", the non-volatile status registers of the SPI NOR from the
 *       first on, two hexadecimal digits each (two registers of an s25fl064k, three of a w25q64).
 *   status nor HH ...
 *       While the power is off: they become these; all of them are given. They live as long as the process, like the
 *       marks, and act after `power on status=kept`. Reply: "ok".
 *   fault none | fault NAME[=ARGUMENT] ...
 *       While the power is off: from now on the parts have these faults (sim/nor/fault.h has the menu), and no others.
 *       What they count ("the N-th ... since power-on") starts anew at each power-on. What a fault has done to stored
 *       bits is done now, in the shared arrays and the NOR's status registers, stays, and is the same when it is done
 *       twice; the status that `factory` means is then that of this specimen. Erases are counted from 0 again.
 *       Reply: "ok".
 *   erases internal
 *       While the machine is stopped. Reply: "erases N ...": how often each of the 12 sectors of the main array was
 *       erased since the last `fault`; it matters for the faults of wear and age alone.
 *   erases internal N ...
 *       While the power is off: they become these; all of them are given. Reply: "ok".
 *   erases nor
 *       The same of the SPI NOR. Reply: "erases", and " OFFSET N" of each 4 KB sector that was erased, in their order.
 *   erases nor none | erases nor OFFSET N ...
 *       While the power is off: they become these; those that are not given become 0. Reply: "ok".
 *   touch clear
 *       While the power is off: empties the touched map and forgets what was erased. Reply: "ok".
 *   supply vdd|vcc [MV@NS ...]
 *       While the power is off: the voltage of the MCU (vdd) or of the SPI NOR (vcc) in the next power-on, until power
 *       is lost. It goes straight from point to point, in order of time since power-on; two points at the same time are
 *       a step; before the first and behind the last one it is theirs. Without points, and unless this is said before
 *       each power-on, it is 3300 mV, or what a fault says. So "supply vdd 3300@5000000 0@5000000 0@9000000
 *       3300@9000000" takes the MCU's supply away from 5 to 9 ms, while the SPI NOR goes on. What voltages do:
 *       qemu-board/README.md. Reply: "ok".
 *   power off
 *       Power is lost between two operations. Reply: "ok".
 *   run until=NS [cut=N tear=TEAR] [edge=1] [line=1] [reset=1] [loss=1]
 *       Runs until virtual time NS since power-on, or earlier: `cut=N` loses power at the N-th non-volatile operation
 *       since power-on (counted from 0 over both chips) with the named tear, which also tears what the other chip has
 *       under way (with the nearest tear that its kind of operation has, see nor_tear_applies); `ops` in the reply then
 *       counts the operation that was cut. `edge=1` pauses after an edge of a driven pin, `line=1` after a line feed on
 *       a USART, `reset=1` after a reset of the MCU.
 *       With `loss=1` power is lost at NS: what is under way on either chip is left as far as it has got (nor_tear_at).
 *       Reply: "stopped reason=time|loss|cut|edge|line|reset|trace-full t=NS ops=N trace=BYTES".
 *       After reason=cut or loss the power is off; otherwise `run` goes on from there, without any trace of the pause.
 *   changed CHIP OFFSET LENGTH
 *       The bench wrote this range of a shared array while the power was off (CHIP: internal, otp or nor).
 *       Reply: "ok".
 *   info
 *       Reply: "info mips=N instructions=N ..." (key=value, for reports). `vtor` is where the core has its vector table.
 *   quit
 *       The process ends. Reply: "ok".
 *
 * A command that cannot be carried out is answered "error TEXT" and changes nothing. While the machine runs only `info`
 * and `quit` are heard, each alone in its line.
 */
#ifndef MATTERHORN_RAIL_H
#define MATTERHORN_RAIL_H

#include <stdint.h>

/* One instruction takes 2^3 ns of virtual time: 125 MIPS, which is 1.34 cycles per instruction at 168 MHz. The
 * only place where this is decided; the bench passes it as -icount shift=N,sleep=off and prints it in reports. */
#define RAIL_ICOUNT_SHIFT 3
#define RAIL_MIPS (1000 >> RAIL_ICOUNT_SHIFT)

/* What a reset of the MCU leaves of the internal flash's operation under way (a tear of sim/nor/nor.h). The SPI NOR
 * goes on. */
#define RAIL_RESET_TEAR "mask"

/* The ways in which power goes, for ids and reports: the number, what it is, and how it is asked for. */
#define RAIL_POWER_EVENTS(X)                                                                                           \
    X(P1, "clean cut", "run cut=N tear=before or after: at an operation, not torn")                                    \
    X(P2, "phase", "run until=NS loss=1: at a time, what is under way is left as far as it has got")                   \
    X(P3, "loop", "supply vdd: below the reset threshold and back, several times in one scenario")                     \
    X(P4, "warm reset", "the firmware, a watchdog or fault reset-at resets the MCU; the SPI NOR goes on")              \
    X(P5, "one rail", "supply vdd or vcc, fault vdd-dip or vcc-dip: one chip loses power, the other one goes on")      \
    X(P6, "undervoltage", "supply or fault vdd-low: below what PSIZE needs; vcc-low: below VWI; the MCU runs")         \
    X(P7, "early command", "nor-powerup=datasheet, fault nor-powerup-slow: the MCU runs before the SPI NOR listens")

/* From one read command of the SPI NOR to the next: added to the noise under which weak bits read. */
#define RAIL_NOISE_STEP UINT64_C(0x9E3779B97F4A7C15)

#define RAIL_SUPPLY_MOST_MV 4000 /* the MCU's absolute maximum */

/* Sizes of the shared files. The OTP file holds 512 B of OTP, 16 lock bytes, 16 option bytes (RM0090 3.6.5, 3.7). */
#define RAIL_INTERNAL_SIZE 0x100000u
#define RAIL_NOR_SIZE 0x800000u
#define RAIL_OTP_SIZE 544u
#define RAIL_OTP_LOCKS 512u
#define RAIL_OTP_OPTIONS 528u

/* The touched map, a shared file that the machine writes (property touched=FILE): which bytes were read, fetched or
 * programmed before they were erased, since the last `touch clear`, over any number of power-ons. One bit per byte of
 * the internal main array, then one per byte of the SPI NOR. Bit n is bit n mod 8 of byte n div 8. A debugger's read is
 * not a touch.
 *
 * When in doubt a byte is touched. Each power-on reads the first two vectors. Code that is fetched from the internal
 * flash touches its whole page of 1 KB, also when it was translated and then did not run; so does the 4096th read of a
 * page at a byte that was touched already. A read that is not aligned to its size touches the two units of that size
 * around it. Programming 0xFF is no touch. Only an erase that completes protects. OTP, option bytes and the NOR's status are not in the map: they count as touched. */
#define RAIL_TOUCHED_PAGE 1024u
#define RAIL_TOUCHED_INTERNAL 0u
#define RAIL_TOUCHED_NOR (RAIL_INTERNAL_SIZE / 8)
#define RAIL_TOUCHED_SIZE (RAIL_TOUCHED_NOR + RAIL_NOR_SIZE / 8)

/* The trace: a shared file that the machine appends to. It starts with this header, padded to 64 bytes; events
 * follow without gaps. `power on` does not empty it; the bench may set `used` back while the machine is stopped. */
#define RAIL_TRACE_MAGIC 0x4352544Du /* "MTRC" */
#define RAIL_TRACE_VERSION 1u
#define RAIL_TRACE_EVENTS 64u /* offset of the first event */

struct rail_trace {
    uint32_t magic;   /* written by the bench */
    uint32_t version; /* written by the bench */
    uint64_t size;    /* of the file, bytes; written by the bench */
    uint64_t used;    /* bytes of events after RAIL_TRACE_EVENTS; written by the machine */
};

enum rail_chip {
    RAIL_CHIP_NONE = 0,
    RAIL_CHIP_INTERNAL = 1, /* addresses as the core sees them: 0x08000000.., OTP at 0x1FFF7800.. */
    RAIL_CHIP_NOR = 2,      /* addresses from 0 */
};

enum rail_kind {
    RAIL_POWER_ON = 1,
    RAIL_POWER_OFF = 2, /* value: index of the operation at which power was lost, or UINT32_MAX */
    RAIL_RESET = 3,     /* value: the reset flags of RCC_CSR (bits 31..24, RM0090 7.3.21) */
    RAIL_PIN = 4,       /* address: port (0 = A) * 16 + pin; value: level */
    RAIL_UART = 5,      /* address: USART number; value: byte */
    RAIL_PROGRAM = 6,   /* value: bytes; payload: the data as given by the CPU */
    RAIL_ERASE = 7,     /* value: bytes */
    RAIL_STATUS = 8,    /* non-volatile status or option register written, an operation too; payload: the data */
    RAIL_SUPPLY = 9,    /* a chip stops or starts for its supply; address: enum rail_supply; value: mV */
};

enum rail_supply {
    RAIL_SUPPLY_VDD = 0, /* of the MCU */
    RAIL_SUPPLY_VCC = 1, /* of the SPI NOR */
};

/* One event, little-endian, followed by `payload` bytes padded with zeros to a multiple of 8. An operation is
 * recorded when it starts. */
struct rail_event {
    uint64_t time_ns;     /* virtual, since power-on */
    uint64_t duration_ns; /* of an operation; else 0 */
    uint32_t pc;          /* address of the instruction that caused it; 0 when no instruction did */
    uint32_t address;
    uint32_t value;
    uint16_t payload;
    uint8_t kind; /* enum rail_kind */
    uint8_t chip; /* enum rail_chip */
};

#endif
