/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Virtual time: how it passes inside an access, and how it starts again at power-on.
 *
 * Time is instructions << shift + bias. A stall either consumes the core's instruction budget (nothing can happen in
 * between) or moves the bias from deadline to deadline. Both end at the same instant, because which one is taken
 * depends on the host.
 */
#include "mcu.h"
#include "exec/exec-all.h"
#include "hw/core/cpu.h"
#include "qemu/seqlock.h"
#include "softmmu/timers-state.h"
#include "sysemu/cpu-timers.h"
#include "sysemu/runstate.h"

#define POWER_ON_ALIGNMENT (INT64_C(1) << 30)

int64_t time_now(Mcu *mcu)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - mcu->time.power_on;
}

int64_t time_to_clock(Mcu *mcu, int64_t since_power_on)
{
    return mcu->time.power_on + since_power_on;
}

static void move_bias(int64_t ns)
{
    seqlock_write_lock(&timers_state.vm_clock_seqlock, &timers_state.vm_clock_lock);
    qatomic_set_i64(&timers_state.qemu_icount_bias, timers_state.qemu_icount_bias + ns);
    seqlock_write_unlock(&timers_state.vm_clock_seqlock, &timers_state.vm_clock_lock);
}

/* Pretends that instructions ran. */
static bool burn(Mcu *mcu, int64_t instructions)
{
    CPUState *cpu = mcu->cpu;
    icount_update(cpu);
    int64_t low = cpu_neg(cpu)->icount_decr.u16.low;
    if (instructions >= low + cpu->icount_extra)
        return false;
    int64_t from_extra = MIN(instructions, cpu->icount_extra);
    cpu->icount_extra -= from_extra;
    cpu_neg(cpu)->icount_decr.u16.low = low - (instructions - from_extra);
    mcu->time.burnt += instructions;
    return true;
}

static int64_t deadline(void)
{
    return qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, QEMU_TIMER_ATTR_ALL);
}

/* True when time got there, false when the core is to stop before. */
static bool step_until(Mcu *mcu, int64_t clock)
{
    for (;;) {
        int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
        int64_t next = deadline();
        if (next != 0 && now >= clock)
            return true;
        if (mcu->cpu->stop || mcu->rail.reason != NULL)
            return false;
        int64_t step = next >= 0 && next < clock - now ? next : clock - now;
        move_bias(MAX(step, 0));
        qemu_clock_run_timers(QEMU_CLOCK_VIRTUAL);
    }
}

void time_stall_until(Mcu *mcu, int64_t since_power_on)
{
    int64_t now = time_now(mcu);
    if (!icount_enabled() || current_cpu != mcu->cpu || since_power_on <= now)
        return;
    int64_t instructions = icount_round(since_power_on - now);
    int64_t ns = icount_to_ns(instructions);
    int64_t next = deadline();
    if ((next < 0 || next > ns) && mcu->cpu->running && burn(mcu, instructions))
        return;
    if (!step_until(mcu, time_to_clock(mcu, now + ns)))
        mcu->time.stall_end = now + ns;
    cpu_exit(mcu->cpu);
}

void time_resume(Mcu *mcu)
{
    int64_t end = mcu->time.stall_end;
    mcu->time.stall_end = 0;
    if (end != 0 && !step_until(mcu, time_to_clock(mcu, end)))
        mcu->time.stall_end = end;
    else
        flash_settle(mcu);
}

static void resume(CPUState *cpu, run_on_cpu_data data)
{
    time_resume(data.host_ptr);
}

/* Also wakes the core's thread, which decides how long an idle core idles and would otherwise wait for an event. */
static void state_changed(void *opaque, bool running, RunState state)
{
    Mcu *mcu = opaque;
    if (running)
        async_run_on_cpu(mcu->cpu, resume, RUN_ON_CPU_HOST_PTR(mcu));
}

void time_init(Mcu *mcu, bool poll_skip)
{
    mcu->time.poll_skip = poll_skip;
    qemu_add_vm_change_state_handler(state_changed, mcu);
}

void time_power_on(Mcu *mcu)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    mcu->time.power_on = ROUND_UP(now + 1, POWER_ON_ALIGNMENT);
    mcu->time.stall_end = 0;
    mcu->time.observed = 0;
    if (icount_enabled())
        move_bias(mcu->time.power_on - now);
    else
        mcu->time.power_on = now;
}

/* The next event that the firmware could notice: the bench's own timer is none. */
static int64_t next_event(Mcu *mcu)
{
    QEMUTimer *until = mcu->rail.until;
    int64_t next = deadline();
    if (until == NULL || !timer_pending(until))
        return next;
    int64_t expiry = timer_expire_time_ns(until);
    if (next < 0 || qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + next < expiry)
        return next;
    timer_del(until);
    next = deadline();
    timer_mod(until, expiry);
    return next;
}

void time_poll(Mcu *mcu, Poll *poll, uint64_t value, int64_t ready)
{
    Time *time = &mcu->time;
    if (!time->poll_skip || current_cpu != mcu->cpu || !mcu->cpu->running)
        return;
    if (poll->count == 0 || poll->value != value || poll->observed != time->observed) {
        poll->value = value;
        poll->count = 0;
        poll->observed = time->observed;
    }
    int64_t now = time_now(mcu);
    if (++poll->count < 3 || ready <= now)
        return;
    int64_t next = next_event(mcu);
    time_stall_until(mcu, next >= 0 && now + next < ready ? now + next : ready);
}

uint32_t time_pc(Mcu *mcu)
{
    uint64_t data[TARGET_INSN_START_WORDS];
    CPUState *cpu = mcu->cpu;
    if (current_cpu != cpu || !cpu->running || !cpu_unwind_state_data(cpu, cpu->mem_io_pc, data))
        return 0;
    CPUARMState *env = &ARM_CPU(cpu)->env;
    return TARGET_TB_PCREL ? (env->regs[15] & TARGET_PAGE_MASK) | data[0] : data[0];
}
