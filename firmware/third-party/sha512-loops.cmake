# SPDX-License-Identifier: MIT
#
# sha512-loops: libsodium's SHA-512 once more, for what links it ahead of `sodium`: the bootloader, which has 46 KB. libsodium has 16 rounds and 16
# steps of the schedule in a row, 7 KB; here the same statements are in loops, 1 KB. Only signatures hash with it, a few blocks each.

set(directory ${MATTERHORN_LIBSODIUM_SOURCE}/src/libsodium)
set(unrolled ${directory}/crypto_hash/sha512/cp/hash_sha512_cp.c)
set(looped ${CMAKE_BINARY_DIR}/hash_sha512_loops.c)

file(READ ${unrolled} text)
foreach(step IN ITEMS "RNDr(S, W, %, i)" "MSCH(W, %, i)")
    set(rows "")
    foreach(n RANGE 15)
        string(REPLACE % ${n} row "        ${step};\n")
        string(APPEND rows "${row}")
    endforeach()
    string(FIND "${text}" "${rows}" found)
    if(found EQUAL -1)
        message(FATAL_ERROR "${unrolled} is not the one that is known: it does not have the 16 rows ${step}")
    endif()
    string(REPLACE % n loop "        for (int n = 0; n < 16; n++) { ${step}; }\n")
    string(REPLACE "${rows}" "${loop}" text "${text}")
endforeach()
file(CONFIGURE OUTPUT ${looped} CONTENT "${text}" @ONLY)

add_library(sha512-loops OBJECT ${looped})
target_include_directories(sha512-loops PRIVATE ${directory}/include/sodium)
target_link_libraries(sha512-loops PRIVATE sodium)
target_compile_definitions(sha512-loops PRIVATE CONFIGURED=1)
target_compile_options(sha512-loops PRIVATE -w -Wno-error) # not our code, not our warnings
