/* SPDX-License-Identifier: MIT */
#include "matterhorn/installer.h"

#include "installer_parts.h"

#include "matterhorn/bytes.h"
#include "matterhorn/trial.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

static const uint8_t *cells_at(const struct mh_device *device, uint32_t address)
{
    return device->internal.cells + (address - MH_INTERNAL_BASE);
}

void installer_log(const struct mh_device *device, const char *text)
{
    if (device->log) {
        device->log(text);
    }
}

/// What is installed ///

enum mh_error mh_component_header(const struct mh_device *device, unsigned number, struct mh_manifest *manifest)
{
    const uint8_t *header = cells_at(device, device->board->regions[number - 1].address);
    uint32_t size;

    enum mh_error error = mh_manifest_frame(header, MH_HEADER_SIZE, &size);
    if (error) {
        return MH_ERR_NO_IMAGE;
    }
    error = mh_manifest_authenticate(header, size, &device->anchors, MH_ANY_KEY);
    if (error == MH_OK) {
        error = mh_manifest_parse(header, size, manifest);
    }
    if (error == MH_OK) {
        error = mh_manifest_fits(manifest, device->board);
    }
    if (error == MH_OK && !manifest->components[number - 1].present) {
        error = MH_ERR_NO_IMAGE;
    }
    return error;
}

/* Whether the image of a component is in the internal flash, whole. */
static enum mh_error verify_image(const struct mh_device *device, const struct mh_component *component)
{
    const uint8_t *image = cells_at(device, component->destination + MH_HEADER_SIZE);
    crypto_hash_sha256_state sha;
    uint8_t hash[MH_HASH_SIZE];

    crypto_hash_sha256_init(&sha);
    for (uint32_t at = 0; at < component->image_size; at += MH_CHUNK_SIZE) {
        const uint32_t left = component->image_size - at;
        crypto_hash_sha256_update(&sha, image + at, left < MH_CHUNK_SIZE ? left : MH_CHUNK_SIZE);
        mh_stay_alive(device);
    }
    crypto_hash_sha256_final(&sha, hash);
    return memcmp(hash, component->image_hash, MH_HASH_SIZE) == 0 ? MH_OK : MH_ERR_IMAGE;
}

enum mh_error mh_component_verify(const struct mh_device *device, unsigned number, struct mh_manifest *manifest)
{
    enum mh_error error = mh_component_header(device, number, manifest);

    if (error) {
        return error;
    }
    return verify_image(device, &manifest->components[number - 1]);
}

void installer_lift_limits(struct mh_installed *installed)
{
    memset(installed->capacity, 0xFF, sizeof installed->capacity);
    installed->revocable = UINT32_MAX;
}

void mh_installed_read(const struct mh_device *device, const struct mh_state *state, struct mh_installed *installed)
{
    struct mh_manifest manifest;

    memset(installed, 0, sizeof *installed);
    installed->revocable = mh_otp_revocable(device->otp.cells);
    memcpy(installed->refused_id, state->refused_id, MH_ID_SIZE);
    memcpy(installed->rolled_back_id, state->rolled_back_id, MH_ID_SIZE);
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const struct mh_component *component = &manifest.components[number - 1];
        installed->recorded[number - 1] = mh_otp_counter(device->otp.cells, number);
        installed->capacity[number - 1] = mh_otp_capacity(device->otp.cells, number);
        if (mh_component_header(device, number, &manifest) == MH_OK) {
            installed->present[number - 1] = true;
            installed->version[number - 1] = component->version;
            installed->counter[number - 1] = component->counter;
            installed->requires[number - 1] = component->requires;
            installed->requires_version[number - 1] = component->requires_version;
        }
    }
}

/* The components of which the header of the package with this id is installed: bit n - 1 for component n. *named: all
 * that it holds. */
static unsigned of_package(const struct mh_device *device, const uint8_t id[MH_ID_SIZE], unsigned *named)
{
    struct mh_manifest manifest;
    unsigned there = 0;

    *named = 0;
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (mh_component_header(device, number, &manifest) == MH_OK &&
            memcmp(manifest.id, id, MH_ID_SIZE) == 0) {
            there |= 1u << (number - 1);
            *named = mh_manifest_components(&manifest);
        }
    }
    return there;
}

bool mh_installed_mixed(const struct mh_device *device, const struct mh_state *state)
{
    const bool begun = state->phase == MH_INSTALLING || state->phase == MH_ROLLING_BACK;
    unsigned named;

    return begun && of_package(device, state->entries[MH_INCOMING].id, &named) != named;
}

bool mh_installed_doubtful(const struct mh_device *device)
{
    struct mh_manifest manifest;
    unsigned named;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (mh_component_header(device, number, &manifest) == MH_OK &&
            of_package(device, manifest.id, &named) != named) {
            return true;
        }
    }
    return false;
}

bool installer_holds(const struct mh_device *device, unsigned number, const uint8_t id[MH_ID_SIZE])
{
    struct mh_manifest manifest;

    return mh_component_verify(device, number, &manifest) == MH_OK && memcmp(manifest.id, id, MH_ID_SIZE) == 0;
}

enum mh_error installer_make_firm(const struct mh_device *device, unsigned components)
{
    enum mh_error error = MH_OK;

    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        const uint32_t address = device->board->regions[number - 1].address;
        if (components >> (number - 1) & 1) {
            error = device->internal.program(device->internal.context, address, cells_at(device, address), sizeof(uint32_t));
        }
    }
    return error;
}

unsigned installer_broken(const struct mh_device *device, const struct mh_state *state)
{
    struct mh_manifest manifest;
    unsigned named, broken = of_package(device, state->entries[MH_INCOMING].id, &named);

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (mh_component_verify(device, number, &manifest) != MH_OK) {
            broken |= 1u << (number - 1);
        }
    }
    return broken;
}

/// Installing ///

/* A sum of the words at [from, to), multiples of 4, by which every change of one or two bits shows, and others but for
 * one in 2^32: each word counts as often as an odd number of its own says. It is for what happens by chance; who could
 * change these cells on purpose could write the header too. */
static uint64_t sum_words(const struct mh_device *device, uint32_t from, uint32_t to)
{
    uint64_t sum = 0;

    for (uint32_t at = from; at < to; at += 4) {
        sum += (uint64_t)mh_get32(cells_at(device, at)) * (at / 2 + 1);
    }
    return sum;
}

/* Programs words and reads them back. */
static enum mh_error program(const struct mh_device *device, uint32_t address, const uint8_t *data, uint32_t length)
{
    enum mh_error error = device->internal.program(device->internal.context, address, data, length);

    if (error == MH_OK && memcmp(cells_at(device, address), data, length) != 0) {
        error = MH_ERR_FLASH;
    }
    return error;
}

/* Programs what chunk `index` has for the addresses [from, to); both are multiples of 4. */
static enum mh_error program_chunk(const struct install *install, uint32_t image, uint32_t index, uint32_t from,
                                   uint32_t to)
{
    struct mh_package *package = install->package;
    const uint32_t start = image + index * MH_CHUNK_SIZE;
    uint32_t length;
    enum mh_error error = mh_package_read_chunk(package, index, &length);

    if (error) {
        return error;
    }
    while (length % 4 != 0) {
        package->plain[length++] = 0xFF;
    }
    from = from > start ? from : start;
    to = to < start + length ? to : start + length;
    error = program(install->device, from, package->plain + (from - start), to - from);
    package->written += sum_words(install->device, from, to);
    return error;
}

/* Programs the part of the loaded component's image that lies in a sector, which was erased before. */
static enum mh_error program_sector(const struct install *install, const struct mh_component *component,
                                    struct mh_region sector)
{
    const uint32_t image = component->destination + MH_HEADER_SIZE;
    const uint32_t image_end = image + (component->image_size + 3) / 4 * 4;
    const uint32_t sector_end = sector.address + sector.size;
    const uint32_t from = sector.address > image ? sector.address : image;
    const uint32_t to = sector_end < image_end ? sector_end : image_end;

    for (uint32_t at = from; at < to; at = image + ((at - image) / MH_CHUNK_SIZE + 1) * MH_CHUNK_SIZE) {
        enum mh_error error = program_chunk(install, image, (at - image) / MH_CHUNK_SIZE, from, to);
        if (error) {
            return error;
        }
        mh_stay_alive(install->device);
    }
    return MH_OK;
}

/* Whether the cells still hold what was read back, word by word, when it was programmed. */
static enum mh_error verify_written(const struct install *install, const struct mh_component *component)
{
    const uint32_t image = component->destination + MH_HEADER_SIZE, end = image + (component->image_size + 3) / 4 * 4;
    uint64_t sum = 0;

    for (uint32_t at = image; at < end; at += MH_CHUNK_SIZE) {
        sum += sum_words(install->device, at, end - at < MH_CHUNK_SIZE ? end : at + MH_CHUNK_SIZE);
        mh_stay_alive(install->device);
    }
    return sum == install->package->written ? MH_OK : MH_ERR_IMAGE;
}

/* Whether the cells hold the image that was signed. What an earlier start has written is hashed. Where this start has
 * written all of it, what it wrote is the image: the package's had its hash, and each chunk of it was the same once
 * more when it was programmed. */
static enum mh_error check_image(const struct install *install, const struct mh_component *component)
{
    return install->from_the_start ? verify_written(install, component) : verify_image(install->device, component);
}

/* The header makes the image count, so it goes in when everything else is there and was checked; its first word last:
 * what a power loss leaves of one is told from a header by that alone. */
static enum mh_error write_header(const struct install *install, const struct mh_component *component)
{
    enum mh_error error = check_image(install, component);

    if (error) {
        /* Every sector was read back, yet the whole is wrong: none of them can be relied on. */
        install->journal->state.sectors_done = 0;
        (void)mh_journal_write(install->journal);
        return error;
    }
    const uint8_t *header = install->package->header;
    const uint32_t first = sizeof(uint32_t);
    error = program(install->device, component->destination + first, header + first, MH_HEADER_SIZE - first);
    return error ? error : program(install->device, component->destination, header, first);
}

/* One sector, the unit of resume: done before, or erased and written now, and recorded. */
static enum mh_error install_sector(const struct install *install, const struct mh_component *component,
                                    unsigned number)
{
    const struct mh_device *device = install->device;
    struct mh_state *state = &install->journal->state;
    const struct mh_region sector = mh_sector(number);

    if (state->sectors_done >> number & 1) {
        return MH_OK;
    }
    enum mh_error error = device->internal.erase(device->internal.context, number);
    mh_stay_alive(device);
    if (error == MH_OK) {
        error = program_sector(install, component, sector);
    }
    if (error == MH_OK && sector.address == component->destination) {
        error = write_header(install, component);
    }
    if (error == MH_OK) {
        state->sectors_done |= 1u << number;
        error = mh_journal_write(install->journal);
    }
    return error;
}

static unsigned sector_at(uint32_t address)
{
    unsigned number = 0;

    while (mh_sector(number).address != address) {
        number++;
    }
    return number;
}

/* The header's sector is the last one of a component. Where the journal says that it is done, and the header is not
 * there, somebody else has written the journal: nothing that it says is done counts. */
static void distrust_forged_progress(const struct install *install, const struct mh_component *component,
                                     unsigned header_sector)
{
    const uint8_t *there = cells_at(install->device, component->destination);
    uint32_t *done = &install->journal->state.sectors_done;

    if (*done >> header_sector & 1 && memcmp(there, install->package->header, MH_HEADER_SIZE) != 0) {
        *done = 0;
    }
}

/* The sectors that the component covers, ascending, but its first one, which holds the header, last. */
enum mh_error installer_install_component(const struct install *install, unsigned component_number)
{
    const struct mh_component *component = &install->package->manifest.components[component_number - 1];
    const uint32_t end = component->destination + MH_HEADER_SIZE + component->image_size;
    const unsigned first = sector_at(component->destination);
    enum mh_error error = mh_package_load_table(install->package, component_number);

    distrust_forged_progress(install, component, first);
    install->package->installed &= ~(1u << component_number);
    install->package->written = 0;
    for (unsigned number = first + 1; error == MH_OK && number < MH_SECTORS; number++) {
        if (mh_sector(number).address < end) {
            error = install_sector(install, component, number);
        }
    }
    const bool done_before = install->journal->state.sectors_done >> first & 1;
    if (error == MH_OK) {
        error = install_sector(install, component, first);
    }
    if (error == MH_OK && !done_before) {
        install->package->installed |= 1u << component_number;
    }
    return error;
}

/* The package stays the incoming one while it is tried: what was there before stays in the directory, to go back to.
 * What comes from a rollback that could not be finished has its credit already, and goes on saying so. */
static enum mh_error record_installed(const struct install *install, unsigned components)
{
    struct mh_state *state = &install->journal->state;

    state->phase = MH_TRIAL;
    if (state->tried == 0) {
        state->credit = MH_TRIAL_CREDIT;
        state->refusal = MH_OK;
    }
    state->tried = (uint8_t)components;
    state->sectors_done = 0;
    return mh_journal_write(install->journal);
}

enum mh_error installer_install_all(const struct install *install)
{
    struct mh_state *state = &install->journal->state;

    installer_log(install->device, state->phase == MH_REQUESTED ? "installing" : "resuming the install");
    enum mh_error error = MH_OK;
    if (state->phase == MH_REQUESTED) {
        state->phase = MH_INSTALLING;
        state->sectors_done = 0; /* whatever stands there: no journal of ours has anything done before it begins */
        error = mh_journal_write(install->journal);
    }
    if (error) {
        state->phase = MH_REQUESTED; /* nothing was erased: what is installed is what was there */
    }
    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        if (install->package->manifest.components[number - 1].present) {
            error = installer_install_component(install, number);
        }
    }
    return error ? error : record_installed(install, mh_manifest_components(&install->package->manifest));
}

/// Deciding ///

enum mh_error installer_open_running(const struct mh_device *device, const struct mh_entry *entry, unsigned number,
                                     struct mh_package *package, struct mh_stored *stored)
{
    const struct mh_component *component = &package->manifest.components[number - 1];
    struct mh_source source;

    enum mh_error error = mh_stored_open(stored, &device->nor, entry, &source);
    if (error == MH_OK) {
        error = mh_package_open(package, &source, &device->anchors, device->board);
    }
    if (error) {
        return error;
    }
    if (!component->present || memcmp(package->manifest.id, entry->id, MH_ID_SIZE) != 0) {
        return MH_ERR_LAYOUT;
    }
    return component->counter < mh_otp_counter(device->otp.cells, number) ? MH_ERR_COUNTER : MH_OK;
}

/* Whether the package that stands in the store is the one that the directory names. Who holds the SPI bus may have put
 * another good one there; of what is half-way installed, the id tells which package the halves are of. */
static enum mh_error check_id(const struct install *install)
{
    const struct mh_entry *incoming = &install->journal->state.entries[MH_INCOMING];

    return memcmp(install->package->manifest.id, incoming->id, MH_ID_SIZE) == 0 ? MH_OK : MH_ERR_LAYOUT;
}

static enum mh_error open_and_verify(const struct install *install, struct mh_stored *stored)
{
    const struct mh_device *device = install->device;
    const struct mh_state *state = &install->journal->state;
    struct mh_installed installed;
    struct mh_source source;

    enum mh_error error = mh_stored_open(stored, &device->nor, &state->entries[MH_INCOMING], &source);
    if (error == MH_OK) {
        error = mh_package_open(install->package, &source, &device->anchors, device->board);
    }
    if (error == MH_OK) {
        mh_installed_read(device, state, &installed);
        if (state->phase != MH_REQUESTED) {
            installer_lift_limits(&installed);
        }
        error = mh_manifest_accept(&install->package->manifest, &installed);
    }
    if (error == MH_OK) {
        error = check_id(install);
    }
    if (error == MH_OK) {
        error = mh_package_verify_again(install->package, device->alive);
    }
    return error;
}

enum mh_error installer_verify_incoming(const struct install *install, struct mh_stored *stored)
{
    enum mh_error error = MH_ERR_FLASH;

    for (unsigned attempt = 0; error && attempt < MH_VERIFY_ATTEMPTS; attempt++) {
        error = open_and_verify(install, stored);
    }
    return error;
}

/// Room for it ///

unsigned mh_install_records(const struct mh_device *device, unsigned components)
{
    unsigned records = 4; /* that it is wanted, that it began, and its end, which is two when that is a state at rest */

    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        const struct mh_region region = device->board->regions[i];
        for (unsigned number = 0; components >> i & 1 && number < MH_SECTORS; number++) {
            records += mh_sector(number).address - region.address < region.size;
        }
    }
    return records;
}

/* Before it begins is the last moment to leave what the journal could not follow. It stays requested: a journal that
 * holds, at another start, has it made. */
static enum mh_error begin_or_resume(const struct install *install)
{
    const unsigned records = mh_install_records(install->device, mh_manifest_components(&install->package->manifest));
    enum mh_error error = MH_OK;

    if (install->journal->state.phase == MH_REQUESTED) {
        error = mh_journal_reserve(install->journal, records - 1);
    }
    return error ? error : installer_install_all(install);
}

/// All of it ///

/* All components of the incoming package, if they are installed, whole; else none. */
static unsigned all_but_recorded(const struct install *install)
{
    const uint8_t *id = install->journal->state.entries[MH_INCOMING].id;
    unsigned named, whole = of_package(install->device, id, &named);

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (named >> (number - 1) & 1 && !installer_holds(install->device, number, id)) {
            whole = 0;
        }
    }
    return whole == named ? whole : 0;
}

/* The package of an install that has begun is bad, for `reason`. When nothing but the last record was missing it is of no more use. */
static enum mh_error finish_without(const struct install *install, enum mh_error reason)
{
    const unsigned components = all_but_recorded(install);

    if (components == 0) {
        return installer_go_back(install, reason);
    }
    const enum mh_error error = installer_make_firm(install->device, components);
    return error ? error : record_installed(install, components);
}

enum mh_error mh_install_pending(const struct mh_device *device, struct mh_journal *journal,
                                 struct mh_package *package)
{
    const struct install install = {device, journal, package, journal->state.sectors_done == 0};
    struct mh_stored stored;

    if (journal->state.phase != MH_REQUESTED && journal->state.phase != MH_INSTALLING) {
        return MH_OK;
    }
    installer_log(device, "verifying the package");
    const enum mh_error error = installer_verify_incoming(&install, &stored);
    if (error == MH_OK) {
        return begin_or_resume(&install);
    }
    if (error == MH_ERR_FLASH) {
        return error;
    }
    if (journal->state.phase == MH_INSTALLING) {
        return finish_without(&install, error);
    }
    mh_state_refuse(&journal->state, error);
    /* If this write fails, the next start refuses again: nothing depends on it. */
    (void)mh_journal_write(journal);
    return error;
}
