/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Status registers of the SPI NOR and the ranges that they protect: W25Q64JV Rev J section 7. Each has a non-volatile
 * value, which survives the power like the cells, and the value that acts. The pin WP is high.
 */
#include "spi-nor.h"
#include "qemu/units.h"

enum {
    SR1_BP_SHIFT = 2, /* BP2..BP0 */
    SR1_TB = 1u << 5,
    SR1_SEC = 1u << 6,
    SR1_SRP0 = 1u << 7,
    SR2_SRL = 1u << 0, /* also called SRP1 */
    SR2_QE = 1u << 1,
    SR2_LB = 7u << 3, /* can only be set */
    SR2_CMP = 1u << 6,
    SR3_WPS = 1u << 2,
};

/* The power supply lock-down ends with the power, unless it is the permanent one of the parts with SRP1 and SRP0. */
void spi_nor_status_power_on(SpiNor *nor)
{
    bool permanent = nor->model->registers == 2 && (nor->stored[0] & SR1_SRP0);
    if (!permanent)
        nor->stored[1] &= ~SR2_SRL;
    nor->writes_status = false;
    spi_nor_status_restore(nor);
}

void spi_nor_status_restore(SpiNor *nor)
{
    memcpy(nor->status, nor->stored, sizeof(nor->status));
}

/* The registers as they are to be: those received, the others as they were, what cannot be written as it was. */
static void merge(SpiNor *nor, unsigned first, const uint8_t *old, uint8_t *new)
{
    const SpiNorModel *model = nor->model;
    memcpy(new, old, 3);
    if (first == 0 && nor->received == 1 && model->short_write_clears)
        new[1] &= ~(SR2_CMP | SR2_QE);
    for (unsigned i = 0; i < nor->received; i++) {
        uint8_t writable = model->writable[first + i];
        new[first + i] = (nor->page[i] & writable) | (old[first + i] & ~writable);
    }
    new[1] |= old[1] & SR2_LB;
    if (new[2] & ~old[2] & SR3_WPS)
        qemu_log_mask(LOG_UNIMP, "NOR: individual block locks (WPS) are not modelled\n");
}

/* At once; LB and SRL take a non-volatile write. */
static void write_volatile(SpiNor *nor, unsigned first)
{
    uint8_t new[3], fixed = SR2_LB | SR2_SRL;
    merge(nor, first, nor->status, new);
    new[1] = (new[1] & ~fixed) | (nor->status[1] & fixed);
    memcpy(nor->status, new, sizeof(new));
}

void spi_nor_status_write(SpiNor *nor, unsigned first)
{
    unsigned most = first == 0 ? 2 : 1;
    if (nor->received == 0 || nor->received > most || (!nor->volatile_enabled && !spi_nor_writable(nor)))
        return;
    if (nor->status[1] & SR2_SRL || nor->suspended.pending) {
        qemu_log_mask(LOG_GUEST_ERROR, "NOR: status register write while %s is ignored\n",
                      nor->suspended.pending ? "an operation is suspended" : "the registers are locked");
        return;
    }
    if (nor->volatile_enabled) {
        write_volatile(nor, first);
        return;
    }
    nor->write_enabled = false;
    merge(nor, first, nor->stored, nor->writing);
    nor->writes_status = true;
    int64_t duration = nor_status_duration_ns(&nor->array);
    nor->busy_until = time_now(nor->mcu) + duration;
    operation_status(nor->mcu, RAIL_CHIP_NOR, 0, nor->writing, nor->model->registers, duration);
    faults_nor_operation(nor->mcu);
}

void spi_nor_status_end(SpiNor *nor, enum nor_tear tear)
{
    if (!nor->writes_status)
        return;
    nor->writes_status = false;
    if (tear == TEAR_BY_PHASE) {
        int64_t duration = nor_status_duration_ns(&nor->array);
        tear = nor_status_tear_at(duration - (nor->busy_until - time_now(nor->mcu)), duration);
    }
    nor_tear_status(nor->stored, nor->writing, nor->model->registers, tear);
    spi_nor_status_restore(nor);
}

/* The tables of section 7.1: a part of the array at its top or bottom, or with CMP all the rest. */
bool spi_nor_protected(SpiNor *nor, uint32_t offset, uint32_t length)
{
    uint32_t all = nor->array.part->size;
    unsigned bp = nor->status[0] >> SR1_BP_SHIFT & 7;
    uint32_t size = bp == 0 ? 0 : bp == 7 ? all : all / 64 << (bp - 1);
    if ((nor->status[0] & SR1_SEC) && bp != 0 && bp != 7)
        size = MIN(4 * KiB << (bp - 1), 32 * KiB);
    bool bottom = nor->status[0] & SR1_TB;
    if (nor->status[1] & SR2_CMP) {
        size = all - size;
        bottom = !bottom;
    }
    uint32_t start = bottom ? 0 : all - size;
    return size != 0 && offset < start + size && offset + length > start;
}

unsigned spi_nor_status_count(Mcu *mcu)
{
    return mcu->nor.model != NULL ? mcu->nor.model->registers : 0;
}

bool spi_nor_status_set(Mcu *mcu, const uint8_t *status)
{
    SpiNor *nor = &mcu->nor;
    const uint8_t *factory = nor->model != NULL ? nor->model->factory : nor->stored;
    for (unsigned i = 0; status != NULL && i < spi_nor_status_count(mcu); i++)
        if ((status[i] ^ factory[i]) & ~nor->model->writable[i])
            return false;
    memset(nor->stored, 0, sizeof(nor->stored));
    memcpy(nor->stored, status != NULL ? status : factory, spi_nor_status_count(mcu));
    if (status == NULL && nor->model != NULL)
        fault_status(&mcu->faults.set, nor->stored, nor->model->writable, spi_nor_status_count(mcu));
    return true;
}
