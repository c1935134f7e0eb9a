# SPDX-License-Identifier: MIT
"""What start-up code and common drivers touch, on the generic machine, seen from firmware that drives it."""

import re
import socket
import struct
import subprocess

import pytest

import rail
from bed import BLUE, GREEN, RED, SECOND, build, choose, results

(BOARD, SPI, USART, TIM, CRC, RNG, RNG_INTERRUPT, EXTI, WWDG, RTC, BACKUP, GATE, HELD, SPI_INTERRUPTS, DOUBLE_BUFFER,
 USART_INPUT, TIM_CLOCK, ALARM_B, WORDS) = range(19)
HCLK = 168
DMA1, DMA2 = 0x40026000, 0x40026400


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    return build("peripherals", tmp_path_factory.mktemp("peripherals"))


def run(code, test, *arguments, until=5 * SECOND, **options):
    """What the test prints, on a machine of its own."""
    with rail.Machine("stm32f407-nor", options) as machine:
        machine.write("internal", 0, code)
        choose(machine, test, *arguments)
        machine.power_on(sram="zero")
        machine.run(until=until)
        assert BLUE in [event.address for event in machine.events("pin") if event.value], "the test did not end"
        return results(machine)


def run_both(code, test, *arguments, tolerance=100, **options):
    """With and without poll skip: the same but for some cycles; the results with it."""
    found, plain = (run(code, test, *arguments, **{"poll-skip": skip}, **options) for skip in ("on", "off"))
    assert found.keys() == plain.keys()
    for name, value in found.items():
        if name.endswith("_cycles"):
            assert abs(value - plain[name]) <= tolerance, name
        else:
            assert value == plain[name], name
    return found


## The machine ##

def machine_alone(**options):
    properties = ",".join(["stm32f407-nor"] + [f"{name.replace('_', '-')}={value}" for name, value in options.items()])
    return [str(rail.QEMU), "-M", properties, "-icount", "shift=3,sleep=off", "-display", "none", "-nodefaults"]


def test_images_and_identity(code, tmp_path):
    """Without a rail or a flash file: what a first-time user types."""
    (tmp_path / "a@b.bin").write_bytes(code)
    (tmp_path / "pattern.bin").write_bytes(struct.pack("<I", 0xC0FFEE))
    (tmp_path / "test.bin").write_bytes(struct.pack("<I", BOARD))
    load = (f"{tmp_path}/a@b.bin@0x08000000;{tmp_path}/pattern.bin@0x080E0000;{tmp_path}/test.bin@0x08020000")
    process = subprocess.Popen([*machine_alone(load=load, uid="00112233445566778899aAbB"), "-serial", "stdio"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    lines = [process.stdout.readline().decode().split() for _ in range(7)]
    process.kill()
    process.wait()
    assert lines == [["pattern", str(0xC0FFEE)], ["uid", str(0x33221100)], ["uid", str(0x77665544)],
                     ["uid", str(0xBBAA9988)], ["flash_kb", "1024"], ["device", str(0x413)], ["csr", str(0b1110)]]
    assert code == (tmp_path / "a@b.bin").read_bytes()


@pytest.mark.parametrize("options, told", [
    ({"hse": "0"}, "hse: 0 Hz"),
    ({"hse": "8MHz"}, "hse"),
    ({"hse": "50000001"}, "hse: 50000001 Hz"),
    ({"nor_spi": "0"}, "nor-spi: there is no SPI0"),
    ({"nor_spi": "4"}, "nor-spi: there is no SPI4"),
    ({"nor_cs_pin": "PJ1"}, "nor-cs-pin: 'PJ1'"),
    ({"nor_cs_pin": "PA16"}, "nor-cs-pin: 'PA16'"),
    ({"nor_cs_pin": "PA1x"}, "nor-cs-pin: 'PA1x'"),
    ({"uid": "0123"}, "uid: '0123' is not 24"),
    ({"uid": "0123456789abcdef0123456789"}, "uid: '0123456789abcdef0123456789' is not 24"),
    ({"uid": "0123456789abcdef0123456g"}, "is not 24 hexadecimal digits"),
    ({"load": ""}, "'' is not FILE@ADDRESS"),
    ({"load": "{good}@0x08000000;"}, "'' is not FILE@ADDRESS"),
    ({"load": "nothing"}, "'nothing' is not FILE@ADDRESS"),
    ({"load": "missing.bin@0x08000000"}, "missing.bin"),
    ({"load": "{good}@0x20000000"}, "outside the flash"),
    ({"load": "{good}@0x08100000"}, "outside the flash"),
    ({"load": "{good}@0x080FFFFF"}, "has 2 bytes, from 0x080fffff on there is room for 1 to 1"),
    ({"load": "{good}@0x08000000;{good}@0x08000001"}, "overlap"),
    ({"load": "{empty}@0x08000000"}, "has 0 bytes"),
    ({"load": "{elf}@0x08000000"}, "is an ELF file"),
    ({"load": "{good}@0x08000000", "nor": "missing.nor"}, "cannot open missing.nor"),
])
def test_wrong_properties_are_told(tmp_path, options, told):
    files = {"good": b"ab", "empty": b"", "elf": b"\x7fELF...."}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "flash").write_bytes(b"\xff" * rail.RAIL_INTERNAL_SIZE)
    options = {name: value.format(**{name: tmp_path / name for name in files}) for name, value in options.items()}
    done = subprocess.run(machine_alone(internal=tmp_path / "flash", **options), capture_output=True, text=True,
                          check=False, cwd=tmp_path, stdin=subprocess.DEVNULL, timeout=20)
    assert done.returncode == 1 and told in done.stderr and len(done.stderr.splitlines()) == 1
    assert (tmp_path / "flash").read_bytes() == b"\xff" * rail.RAIL_INTERNAL_SIZE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elf", "empty", "flash", "good"]


## Clock gates and resets ##

AHB1, AHB2, APB1, APB2 = (0x40023830, 0x40023810), (0x40023834, 0x40023814), (0x40023840, 0x40023820), (0x40023844, 0x40023824)
BUSES = {AHB1: "AHB1", AHB2: "AHB2", APB1: "APB1", APB2: "APB2"}

# A register, what can be written there, what it is after a reset; bus and bit.
GATES = {
    **{f"gpio{'abcdefghi'[n]}": (0x40020014 + 0x400 * n, 5, 0, AHB1, n) for n in range(9)},
    "crc": (0x40023004, 0x5A, 0, AHB1, 12),
    "dma1": (DMA1 + 0x1C, 0x20000000, 0, AHB1, 21),
    "dma2": (DMA2 + 0x1C, 0x20000000, 0, AHB1, 22),
    "rng": (0x50060800, 4, 0, AHB2, 6),
    **{f"tim{n + 2}": (0x40000028 + 0x400 * n, 7, 0, APB1, n) for n in range(6)},
    "wwdg": (0x40002C04, 0x55, 0x7F, APB1, 11),
    "spi1": (0x40013000, 0x38, 0, APB2, 12),
    "spi2": (0x40003800, 0x38, 0, APB1, 14),
    "spi3": (0x40003C00, 0x38, 0, APB1, 15),
    "usart1": (0x40011008, 0x123, 0, APB2, 4),
    **{f"{'usart' if n < 2 else 'uart'}{n + 2}": (0x40004408 + 0x400 * n, 0x123, 0, APB1, 17 + n) for n in range(4)},
    "usart6": (0x40011408, 0x123, 0, APB2, 5),
    "pwr": (0x40007000, 0x4100, 0x4000, APB1, 28),
    "syscfg": (0x40013808, 5, 0, APB2, 14),
}


def gate_arguments(name):
    address, value, _, (gate, reset), bit = GATES[name]
    return address, value, gate, 1 << bit, reset


def told(machine, code, test, name, power_ons=1):
    """What the log says of clocks and resets."""
    machine.write("internal", 0, code)
    choose(machine, test, *gate_arguments(name))
    for _ in range(power_ons):
        machine.clear_trace()
        machine.power_on(sram="zero")
        machine.run(until=SECOND)
        machine.power_off()
    return re.findall(r"^RCC: (\w+) used at pc 0x080.{5} while (.*)$", machine.log(), re.MULTILINE)


@pytest.mark.parametrize("name", GATES)
def test_clock_gate(code, name):
    _, value, reset_value, bus, bit = GATES[name]
    with rail.Machine("stm32f407-nor", arguments=("-d", "guest_errors")) as machine:
        found = told(machine, code, GATE, name)
        assert found == [(name, f"its clock is off ({BUSES[bus]}ENR bit {bit})")], "the first use only"
        assert results(machine) == {"written": value, "without_clock": value, "after_reset": reset_value}


@pytest.mark.parametrize("name", ["gpioc", "rng", "tim3", "spi1"])
def test_held_in_reset(code, name):
    _, _, _, bus, bit = GATES[name]
    with rail.Machine("stm32f407-nor", arguments=("-d", "guest_errors")) as machine:
        found = told(machine, code, HELD, name, power_ons=2)
    assert found == [(name, f"it is held in reset ({BUSES[bus]}RSTR bit {bit})")] * 2, "once per power-on"


def test_used_with_clock_is_not_told(code):
    with rail.Machine("stm32f407-nor", arguments=("-d", "guest_errors")) as machine:
        assert told(machine, code, CRC, "crc") == []


## SPI ##

def pin(name):
    return (ord(name[1]) - ord("A")) * 16 + int(name[2:])


SPIS = {
    "spi1": (1, *map(pin, ("PA5", "PB4", "PA7")), 5, pin("PA4"), DMA2, 0, 3, 3),
    "spi1-other-streams": (1, *map(pin, ("PB3", "PA6", "PB5")), 5, pin("PA4"), DMA2, 2, 5, 3),
    "spi2": (2, *map(pin, ("PB13", "PC2", "PB15")), 5, pin("PB12"), DMA1, 3, 4, 0),
    "spi3": (3, *map(pin, ("PC10", "PC11", "PC12")), 6, pin("PE3"), DMA1, 0, 5, 0),
    "spi3-other-streams": (3, *map(pin, ("PB3", "PB4", "PC12")), 6, pin("PE3"), DMA1, 2, 7, 0),
}


@pytest.mark.parametrize("arguments", SPIS.values(), ids=SPIS)
def test_spi(code, arguments):
    number, select = arguments[0], arguments[5]
    select_pin = f"P{'ABCDE'[select // 16]}{select % 16}"
    found = run_both(code, SPI, *arguments, **{"nor-spi": number, "nor-cs-pin": select_pin})
    for way in ("id", "wide", "interrupt", "dma", "wide_dma", "pipelined"):
        assert found[way] == 0xEF4017, way
    assert found["unwired"] == 0xFFFFFF
    shifted = 32 * 4 * (2 if number == 1 else 4)  # 32 bits, divided by 4 from PCLK2 or PCLK1
    for way in ("id", "wide", "dma", "wide_dma", "pipelined"):
        assert shifted <= found[way + "_cycles"] <= shifted + 700, way
    assert abs(found["interrupt_cycles"] - found["id_cycles"]) <= 700


def test_spi_that_the_nor_is_not_on(code):
    found = run(code, SPI, *SPIS["spi2"], **{"nor-spi": 3, "nor-cs-pin": "PB12"})
    assert {found[way] for way in ("id", "wide", "interrupt", "dma", "wide_dma")} == {0xFFFFFF}


def test_spi_interrupts(code):
    """A frame takes 256 cycles of PCLK2 a bit; the fourth is taken when the third starts to be shifted."""
    found = run_both(code, SPI_INTERRUPTS, tolerance=200)
    frame = 8 * 256 * 2
    assert 2 * frame <= found["fourth_cycles"] <= 2 * frame + 500
    assert found["status"] == 0b1000011, "OVR, TXE, RXNE"
    assert found["cleared"] == 0b10
    assert 2 * frame <= found["error_cycles"] <= 2 * frame + 300 and found["errors"] == 1


## USART ##

USARTS = {
    "usart2": (0x40004400, 38, 42_000_000, DMA1, 5, 6, 4),
    "usart3": (0x40004800, 39, 42_000_000, DMA1, 1, 3, 4),
    "uart4": (0x40004C00, 52, 42_000_000, DMA1, 2, 4, 4),
    "uart5": (0x40005000, 53, 42_000_000, DMA1, 0, 7, 4),
    "usart6": (0x40011400, 71, 84_000_000, DMA2, 1, 6, 5),
    "usart6-other-streams": (0x40011400, 71, 84_000_000, DMA2, 2, 7, 5),
}


@pytest.mark.parametrize("arguments", USARTS.values(), ids=USARTS)
def test_usart(code, arguments):
    found = run_both(code, USART, *arguments)
    byte = 10 * HCLK  # at 1 Mbit/s
    assert (found["polled"], found["interrupts"]) == (0xA0A1A2, 0xB0B1B2)
    assert byte <= found["first_interrupt_cycles"] <= byte + 300
    assert 4 * byte <= found["idle_cycles"] <= 4 * byte + 1500
    assert 4 * byte <= found["idle_interrupt_cycles"] <= 4 * byte + 1500
    assert found["idle_cleared"] == 0
    assert (found["overrun"], found["kept"], found["after_overrun"]) == (1, 0xC0, 0)
    assert 14 * byte <= found["dma_cycles"] <= 15 * byte + 300  # the last byte leaves memory when the one before starts
    assert 17 * byte <= found["dma_idle_cycles"] <= 17 * byte + 2500
    assert found["dma_good"] == 12 and found["rx_left"] == 8 and found["rx_flags"] == 1 << 5 | 1 << 4
    assert found["tx_enabled"] == 0


def test_dma_double_buffer(code):
    found = run_both(code, DOUBLE_BUFFER)
    assert found["buffer"] == [0x01020304, 0x05060708, 0x090A0000]
    assert (found["second"], found["first_again"], found["left"], found["enabled"]) == (1, 1, 2, 1)


def test_usart_input(code, tmp_path):
    """What somebody types is all there, however fast, and nothing is an overrun."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "typed"))
        listener.listen(1)
        arguments = ("-chardev", f"socket,id=typed,path={tmp_path / 'typed'}", "-serial", "chardev:typed")
        with rail.Machine("stm32f407-nor", arguments=arguments) as machine, listener.accept()[0] as typing:
            typing.sendall(b"\0Az\xff\nhello")
            machine.write("internal", 0, code)
            choose(machine, USART_INPUT)
            machine.power_on(sram="zero")
            at = 0
            while BLUE not in [event.address for event in machine.events("pin") if event.value]:
                at += SECOND // 10
                assert at < 20 * SECOND, "the bytes did not arrive"
                machine.run(until=at)
            found = results(machine)
    assert found == {"polled": list(b"\0Az\xff\n"), "interrupt": list(b"hello"), "status": 0}


## TIM ##

TIMS = {
    "tim2": (0x40000000, 28, 1), "tim3": (0x40000400, 29, 1), "tim4": (0x40000800, 30, 1), "tim5": (0x40000C00, 50, 1),
    "tim6": (0x40001000, 54, 0), "tim7": (0x40001400, 55, 0),
}


@pytest.mark.parametrize("name", TIMS)
def test_tim(code, name):
    found = run_both(code, TIM, *TIMS[name], tolerance=200)

    def after(microseconds, key, slack=200):  # the firmware's clock starts some instructions after the timer
        assert 0 <= found[key] + 60 - microseconds * HCLK <= slack, key

    after(1000, "update_cycles")
    after(1000, "first_update_cycles")
    after(3000, "third_update_cycles", 400)
    after(100, "pulse_cycles", 400)
    after(200, "preload_first_cycles")
    after(250, "preload_second_cycles")
    assert (found["ug_flag_with_urs"], found["ug_flag"], found["after_pulse"]) == (0, 1, 1)
    assert found["counter_error"] == found["rounds_error"] == found["rounds_flag"] == found["stopped"] == 1
    assert found["top"] == (0x12345678 if name in ("tim2", "tim5") else 0x5678)
    if TIMS[name][2]:
        after(400, "compare_cycles")
        after(200, "compare_interrupt_cycles")
        after(1200, "compare_again_cycles", 400)
        assert found["compare_flags"] == 0b11110


def test_tim_clock_changes(code):
    """What was counted stays; the rest of 1000 ticks takes twice as long, or half."""
    found = run_both(code, TIM_CLOCK, tolerance=400)
    assert 100 <= found["count"] <= 101
    assert 0 <= found["polled_cycles"] + 60 - (100 + 2 * 900) * HCLK <= 500
    assert 0 <= found["interrupt_cycles"] + 500 - (200 + 900) * HCLK <= 1000, "100 slow ticks, then 900"


## CRC, RNG, EXTI ##

def crc(words):
    """The CRC of Ethernet, not reflected and not inverted (RM0090 4.2)."""
    value = 0xFFFFFFFF
    for word in words:
        for bit in range(31, -1, -1):
            out = (value >> 31 ^ word >> bit) & 1
            value = value << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if out else 0)
    return value


def test_crc(code):
    words = [0x12345678, 0x9ABCDEF0]
    assert crc(words[:1]) == 0xDF8A8A2B, "published for this word"
    assert run(code, CRC) == {"start": 0xFFFFFFFF, "one": crc(words[:1]), "two": crc(words), "kept": 0xA5,
                              "again": 0xFFFFFFFF}


def test_rng(code):
    found = run_both(code, RNG)
    time_of_one = 40 * HCLK / 48
    assert found["off"] == found["taken"] == 0
    assert time_of_one <= found["first_cycles"] <= time_of_one + 60
    assert time_of_one <= run_both(code, RNG_INTERRUPT)["interrupt_cycles"] <= time_of_one + 100


def test_rng_follows_the_noise(code):
    with rail.Machine("stm32f407-nor") as machine:
        machine.write("internal", 0, code)
        choose(machine, RNG)
        numbers = []
        for noise in (1, 2, 1):
            machine.clear_trace()
            machine.power_on(sram="zero", noise=noise)
            machine.run(until=SECOND)
            machine.power_off()
            numbers.append(results(machine)["number"])
    assert numbers[0] == numbers[2] != numbers[1]


@pytest.mark.parametrize("line, interrupt", [(0, 6), (1, 7), (2, 8), (3, 9), (4, 10), (5, 23), (9, 23), (10, 40),
                                             (15, 40), (16, 1), (17, 41), (18, 42), (19, 62), (20, 76), (21, 2),
                                             (22, 3)])
def test_exti(code, line, interrupt):
    assert run(code, EXTI, interrupt, 1 << line) == {"pending": 1, "masked": 0, "pending_after": 0, "interrupts": 2,
                                                     "exticr": 0xFFFF}


## WWDG ##

@pytest.mark.parametrize("skip", ["on", "off"])
@pytest.mark.parametrize("way, ticks, warnings", [(0, 64, 1), (1, 0, 0), (2, 3 * 63 + 1, 3)])
def test_wwdg(code, way, ticks, warnings, skip):
    """63 ticks from 0x7F to the warning, one more to the reset; a refresh above the window is a reset at once."""
    with rail.Machine("stm32f407-nor", {"poll-skip": skip}) as machine:
        machine.write("internal", 0, code)
        choose(machine, WWDG, way)
        machine.power_on(sram="zero")
        machine.run(until=5 * SECOND)
        assert results(machine)["flags"] == [0b1110, 0b1000100], "WWDGRSTF and PINRSTF"
        pins = [event for event in machine.events("pin") if event.value]
        start, = [event.time_ns for event in pins if event.address == RED]
        reset, = machine.events("reset")
        tick = 4096 * 8 * 1000 / 42
        assert abs(reset.time_ns - start - (ticks * tick if ticks else 1_000_000)) < 20_000
        assert len([event for event in pins if event.address == GREEN]) == min(warnings, 1)


## RTC ##

def test_rtc(code):
    """32 cycles of 32768 Hz are a second here; from 23:59:58 to 00:00:01 there are three."""
    found = run_both(code, RTC, tolerance=200)
    lse = HCLK * 1_000_000 / 32768
    assert (found["vos_ready"], found["locked"], found["without_keys"], found["without_init"]) == (1, 0, 0, 0)
    assert 2 * lse <= found["init_cycles"] + 60 <= 2 * lse + 200
    for way in ("alarm_cycles", "alarm_interrupt_cycles"):
        assert 0 <= found[way] + 100 - 96 * lse <= 400, way
    assert (found["time"], found["date"]) == (0x000001, 0x240000 | 4 << 13 | 0x229), "a leap day, a Thursday"
    assert found["fresh_second"] == 1 and found["alarm_cleared"] == 0
    for way, times in (("wakeup_cycles", 1), ("wakeup_polled_cycles", 1), ("third_wakeup_cycles", 3)):
        assert -lse <= found[way] - times * 2 * 164 * lse <= lse, way  # the first may come up to a cycle early
    assert found["backup_reset"] == 0x007F00FF


def test_alarm_b(code):
    """From 23:59:00 on a Wednesday: 00:00:01 is 61 "seconds" of 32 cycles on, the next :01 another 60."""
    found = run_both(code, ALARM_B, tolerance=200)
    second = 32 * HCLK * 1_000_000 / 32768
    assert found["flags"] == 0, "alarm A is off, alarm B was acknowledged"
    assert found["writable"] == [0b11, 0b01]
    assert 0 <= found["first_cycles"] + 300 - 61 * second <= 800
    assert 0 <= found["second_cycles"] + 300 - 121 * second <= 1000


@pytest.mark.parametrize("vbat, kept", [("on", 1), ("off", 0)])
def test_backup_domain(code, vbat, kept):
    with rail.Machine("stm32f407-nor", {"vbat": vbat}) as machine:
        machine.write("internal", 0, code)
        choose(machine, BACKUP)
        machine.power_on(sram="zero")
        machine.run(until=SECOND)
        assert results(machine) == {"kept": [0, 1], "year": [0, 0x24], "lse": [0, 3]}
        machine.power_off()
        machine.clear_trace()
        machine.power_on(sram="zero")
        machine.run(until=SECOND)
        assert results(machine) == {"kept": [kept, 1], "year": [kept * 0x24, 0x24], "lse": [kept * 3, 3]}
