# SPDX-License-Identifier: MIT
"""Readers of what a device holds: journal, store, trust anchors, security counter, config, key files."""

import zlib
from dataclasses import replace

import pytest

from formats import FormatError, anchors, boards, config, journal, keys, store


def erased_nor():
    return bytearray(b"\xff" * 0x800000)


def test_crc_is_the_one_of_the_page():
    assert zlib.crc32(b"123456789") == 0xCBF43926


def test_sectors_are_those_of_the_manual():
    assert [hex(sector.start) for sector in boards.SECTORS[3:6]] == ["0x800c000", "0x8010000", "0x8020000"]
    assert boards.SECTORS[11].end == 0x08100000
    assert boards.sectors_covering(0x080A0000, 1) == [9]
    assert boards.sectors_covering(0x0809FFFF, 2) == [8, 9]


def test_empty_journal_is_idle_and_its_first_record_opens_the_first_sector():
    nor = erased_nor()
    assert journal.read(nor).phase == journal.IDLE
    journal.append(nor, journal.EMPTY)
    found = journal.locate(nor)
    assert (found.sector, found.page, found.state.generation) == (0, 1, 0)  # at rest, hence twice


def test_record_has_its_fields_where_the_page_says():
    entry = journal.Entry((0, 9, 253), 12345, bytes(range(16)))
    state = journal.State(2, journal.TRIAL, 1 << 9, 7, b"r" * 16, entry, entry, entry, (1, 8), 17, (2,), b"b" * 16)
    record = state.encode()
    assert len(record) == 256
    assert record[:8] == b"MTHJ\x02\x02\x03\x11"
    assert record[8:16] == bytes.fromhex("0002000007000000")
    assert record[16:32] == b"r" * 16
    assert record[32:36] == b"\x02\x00\x00\x00"
    assert record[224:240] == b"b" * 16
    assert record[36:88] == record[88:140] == record[140:192]
    assert record[36:38] == b"\x01\x02" and record[36 + 31] == 0x20
    assert record[68:72] == (12345).to_bytes(4, "little")
    assert record[72:88] == bytes(range(16))
    assert record[192:194] == b"\x02\x01"
    assert journal.State.decode(record) == state


def test_newest_record_counts_over_all_generations():
    nor = erased_nor()
    for n in range(16 * 9 + 5):
        journal.append(nor, replace(journal.EMPTY, phase=journal.INSTALLING, sectors_done=n))
        assert journal.read(nor).sectors_done == n
    assert journal.locate(nor).state.generation == 9 % 4


def written(nor, sector, page, state):
    """Just the record, wherever it is to stand."""
    at = journal.SECTORS[sector] + page * journal.PAGE_SIZE
    nor[at : at + journal.PAGE_SIZE] = state.encode()


def on_the_way(generation, number):
    return journal.State(generation, journal.INSTALLING, number)


def is_erased(nor, sector, first=0):
    return all(journal.is_free(journal.page_at(nor, sector, page)) for page in range(first, journal.PAGES))


@pytest.mark.parametrize("records", range(1, 34))
def test_state_at_rest_is_moved_to_the_first_page(records):
    nor = erased_nor()
    for n in range(records):
        journal.append(nor, on_the_way(0, n))
    before = journal.locate(nor)
    journal.append(nor, replace(journal.EMPTY, reason=1))
    for moves in (1, 2):
        found = journal.locate(nor)
        assert (found.sector, found.page, found.twice, found.damaged) == ((before.sector + moves) % 2, 1, True, False)
        assert found.state == replace(journal.EMPTY, reason=1, generation=(before.state.generation + moves) % 4)
        assert is_erased(nor, 1 - found.sector) and is_erased(nor, found.sector, 2)
        nor[journal.SECTORS[found.sector] + journal.PAGE_SIZE + 9] ^= 1  # what a power loss has left of the second copy
        assert journal.locate(nor).damaged
        journal.settle(nor)


@pytest.mark.parametrize("page", range(16))
def test_state_on_the_way_keeps_its_page_behind_damage(page):
    nor = erased_nor()
    written(nor, 0, page, on_the_way(0, 5))
    if page < 15:
        nor[journal.SECTORS[0] + (page + 1) * journal.PAGE_SIZE + 9] = 0
    journal.settle(nor)
    found = journal.locate(nor)
    assert (found.sector, found.page, found.damaged, found.state.sectors_done) == (int(page < 15), page, False, 5)


def test_damaged_page_is_met_and_moved_away():
    nor = erased_nor()
    journal.append(nor, on_the_way(0, 1))
    nor[journal.SECTORS[0] + 512] = 0
    assert journal.locate(nor).damaged
    journal.append(nor, on_the_way(0, 2))
    found = journal.locate(nor)
    assert (found.sector, found.page, found.state.sectors_done) == (1, 1, 2)  # behind the first, in the other sector


def test_copy_that_has_no_room_goes_to_the_first_page():
    nor = erased_nor()
    written(nor, 0, 15, replace(journal.EMPTY, generation=2))
    journal.settle(nor)
    found = journal.locate(nor)
    assert (found.sector, found.page, found.twice, found.state.generation) == (1, 1, True, 3)


def test_sector_ends_behind_its_last_page_that_is_not_free():
    nor = erased_nor()
    written(nor, 0, 3, on_the_way(0, 1))
    written(nor, 0, 9, on_the_way(0, 2))
    assert (journal.read(nor).sectors_done, journal.locate(nor).next_page) == (2, 10)
    nor[journal.SECTORS[0] + 15 * journal.PAGE_SIZE + 255] = 0x7F
    found = journal.locate(nor)
    assert (found.state.sectors_done, found.next_page, found.damaged) == (2, 16, True)


def test_newer_sector_is_told_by_the_heads_of_the_ends():
    for first in range(4):
        for second in range(4):
            nor = erased_nor()
            written(nor, 0, 7, on_the_way(first, 1))
            written(nor, 1, 0, on_the_way(second, 2))
            assert journal.locate(nor).sector == (1 if second == (first + 1) % 4 else 0)


def test_both_sectors_are_compared_where_the_ends_say_something_wrong():
    nor = erased_nor()
    written(nor, 0, 7, on_the_way(0, 1))
    written(nor, 1, 0, on_the_way(1, 2))
    nor[journal.SECTORS[1] + 2 * journal.PAGE_SIZE] = 0  # no head of a record: the first sector's end is one
    assert journal.read(nor).sectors_done == 1
    nor[journal.SECTORS[0] + 9 * journal.PAGE_SIZE] = 0
    assert journal.read(nor).sectors_done == 2
    nor = erased_nor()
    written(nor, 0, 7, on_the_way(0, 1))
    written(nor, 1, 0, on_the_way(3, 2))
    written(nor, 1, 1, on_the_way(1, 3))
    # the head follows, the record is none, and the one before is older
    nor[journal.SECTORS[1] + journal.PAGE_SIZE + 77] ^= 1
    assert journal.read(nor).sectors_done == 1


def test_record_of_an_unknown_phase_or_generation_is_none():
    good = on_the_way(3, 1).encode()
    assert journal.State.decode(good)
    assert journal.State.decode(on_the_way(4, 1).encode()) is None
    assert journal.State.decode(journal.State(0, 6).encode()) is None


def test_store_gives_back_what_was_put_in():
    nor = erased_nor()
    data = bytes(range(256)) * 40
    entry = store.write(nor, [3, 7, 249], data, b"i" * 16)
    assert entry.extents == (3, 7, 249) and entry.length == len(data)
    assert store.read(nor, entry) == data
    state = replace(journal.EMPTY, application=entry)
    assert len(store.free_extents(state)) == 247
    with pytest.raises(FormatError):
        store.write(nor, [1], data, b"i" * 16)


def test_requested_record_names_the_package_and_all_its_packets():
    entry = journal.Entry((0, 1, 2), 8193, b"i" * 16)
    state = journal.requested(journal.EMPTY, entry)
    assert (state.phase_name, state.received, state.incoming) == ("requested", (0, 1, 2), entry)


def test_anchors():
    good = anchors.Anchors(2, (b"k" * 32, b"l" * 32), b"s" * 32, b"c" * 32)
    assert good.encode()[4:8] == b"\2\0\0\0" and good.encode()[144:208] == b"s" * 32 + b"c" * 32
    internal = bytearray(b"\xff" * boards.INTERNAL_SIZE)
    internal[0xB800 : 0xB800 + 256] = good.encode()
    assert anchors.read(internal) == good
    internal[0xB800 + 9] ^= 1
    with pytest.raises(FormatError):
        anchors.read(internal)


@pytest.mark.parametrize("component, start", [(boards.RUNTIME, 0), (boards.APPLICATION, 224)])
def test_security_counters_are_unary(component, start):
    otp = bytearray(b"\xff" * 544)
    assert anchors.security_counter(otp, component) == 0
    otp[start : start + 2] = b"\x00\xfc"
    assert anchors.security_counter(otp, component) == 10
    assert anchors.security_counter(otp, 3 - component) == 0
    otp[start + 1] = 0xFD
    assert anchors.security_counter(otp, component) == 9, "gaps do not matter"


def test_keys_are_revoked_by_their_bits():
    otp = bytearray(b"\xff" * 544)
    assert anchors.revoked_keys(otp) == ()
    otp[448] = 0xFA
    assert anchors.revoked_keys(otp) == (0, 2)


def test_revoked_keys_are_programmed_bits():
    otp = bytearray(b"\xff" * 544)
    assert anchors.revoked_keys(otp) == ()
    for number in (3, 0):
        anchors.revoke(otp, number)
    assert otp[448:452] == b"\xf6\xff\xff\xff" and anchors.revoked_keys(otp) == (0, 3)


def test_last_good_config_record_counts():
    old, new = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
    sector = config.encode([(config.MAC_ADDRESS, old), (config.MAC_ADDRESS, new)])
    assert sector[64:72] == b"MC\x01\x00\x06\x00\x10\x00" and len(config.encode_record(64, 1, old)) == 28
    assert config.decode(sector) == {1: new}
    second = 64 + 28
    for torn in (second + 2, second + 12, second + 23):  # header, value, checksum
        assert config.decode(sector[:torn] + bytes([sector[torn] ^ 1]) + sector[torn + 1 :]) == {1: old}
    assert config.decode(sector[: second + 24] + config.BLANK + sector[second + 28 :]) == {1: old}
    assert config.decode(config.encode([(1, old), (7, b"value"), (1, b"")])) == {7: b"value"}


def test_config_of_a_sector_that_is_not_finished():
    sector = config.encode({1: b"value"})
    assert config.is_whole(sector) and not config.is_whole(config.encode({1: b"value"}, closed=True))
    assert config.decode(config.encode({1: b"value"}, closed=True)) == {1: b"value"}
    assert config.decode(sector[:8] + config.BLANK + sector[12:]) == {}


def test_shadow_of_the_config():
    shadow = config.encode_shadow({1: b"value", 9: b"another"}, b"s" * 32)
    assert config.decode_shadow(shadow, b"s" * 32) == {1: b"value", 9: b"another"}
    for at in (0, 4, 8, 16, 47, 64, len(shadow) - 1):
        with pytest.raises(FormatError):
            config.decode_shadow(shadow[:at] + bytes([shadow[at] ^ 1]) + shadow[at + 1 :], b"s" * 32)
    with pytest.raises(FormatError):
        config.decode_shadow(shadow, b"t" * 32)
    with pytest.raises(FormatError):
        config.decode_shadow(config.encode_shadow({1: b"value"}, bytes(32)), bytes(32))


def test_key_files(tmp_path):
    private, public = tmp_path / "private", tmp_path / "public"
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")  # RFC 8032 7.1, test 1
    private.write_text(f"matterhorn-private-key-1 {seed.hex()}\n")
    public.write_text("matterhorn-public-key-1 d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n")
    key = keys.read_private(private)
    assert key.public == keys.read_public(public)
    assert keys.verifies(key.public, key.sign(b"message"), b"message")
    assert not keys.verifies(key.public, key.sign(b"message"), b"massage")
    secret = tmp_path / "devices"
    secret.write_text(f"matterhorn-device-key-1 {seed.hex()}\n")
    assert keys.read_device(secret) == seed
    assert keys.key_id(bytes(32)).hex() == "66687aadf862bd77"
    public.write_text("matterhorn-public-key-2 00\n")
    with pytest.raises(FormatError):
        keys.read_public(public)
