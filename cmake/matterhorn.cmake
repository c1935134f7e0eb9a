# SPDX-License-Identifier: MIT
#
# For projects of your own that make images for Matterhorn's boards (samples/blink is one). After include(), there are
#
#   matterhorn-runtime      a library to link: the header by which an application calls the runtime
#
#   matterhorn_update(TARGET BOARD NAME KEY FILE
#       [COMPONENT application|runtime] [VERSION 1.2.3.4] [COUNTER N] [NAME TEXT] [CODEC lz4|stored]
#       [SYMDEFS FILE] [OUTPUT FILE])
#
# which makes a signed package of the executable TARGET whenever that is linked anew, or the key changes: TARGET.nmf
# in the build folder unless OUTPUT says otherwise, built by default and by the target TARGET-update. Files are
# relative to the CMakeLists.txt that calls. The options are those of `matterhorn pack`; what it refuses ends the
# build, and leaves no package.

include_guard(GLOBAL)

find_program(MATTERHORN_COMMAND matterhorn HINTS "${CMAKE_CURRENT_LIST_DIR}/../build/bin"
    DOC "The matterhorn command, which makes packages; ci/build builds it")

cmake_path(SET matterhorn_firmware NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../firmware")
add_library(matterhorn-runtime INTERFACE)
target_include_directories(matterhorn-runtime INTERFACE
    ${matterhorn_firmware}/runtime/include ${matterhorn_firmware}/update/include)

function(matterhorn_update target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "BOARD;KEY;COMPONENT;VERSION;COUNTER;NAME;CODEC;SYMDEFS;OUTPUT" "")
    if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
        message(FATAL_ERROR "matterhorn_update(${target}): wrong or without a value: "
            "${arg_UNPARSED_ARGUMENTS} ${arg_KEYWORDS_MISSING_VALUES}")
    endif()
    if(NOT arg_BOARD OR NOT arg_KEY)
        message(FATAL_ERROR "matterhorn_update(${target}): BOARD and KEY are needed; matterhorn keygen makes a key")
    endif()
    if(NOT MATTERHORN_COMMAND)
        message(FATAL_ERROR "matterhorn_update(${target}): there is no matterhorn command; run ci/build in Matterhorn's "
            "folder, or say where it is with -D MATTERHORN_COMMAND=...")
    endif()
    if(NOT arg_COMPONENT)
        set(arg_COMPONENT application)
    elseif(NOT arg_COMPONENT MATCHES "^(application|runtime)$")
        message(FATAL_ERROR "matterhorn_update(${target}): COMPONENT is application or runtime, not ${arg_COMPONENT}")
    endif()
    if(NOT arg_OUTPUT)
        set(arg_OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}.nmf)
    endif()
    foreach(file IN ITEMS KEY SYMDEFS OUTPUT)
        if(arg_${file})
            cmake_path(ABSOLUTE_PATH arg_${file} BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
        endif()
    endforeach()
    set(options "")
    foreach(option IN ITEMS VERSION COUNTER NAME CODEC SYMDEFS)
        if(DEFINED arg_${option})
            string(TOLOWER ${option} name)
            list(APPEND options --${name} ${arg_${option}})
        endif()
    endforeach()
    add_custom_command(OUTPUT ${arg_OUTPUT}
        COMMAND ${MATTERHORN_COMMAND} pack --board ${arg_BOARD} --key ${arg_KEY}
            --${arg_COMPONENT} $<TARGET_FILE:${target}>
            --output ${arg_OUTPUT} ${options}
        DEPENDS ${target} ${arg_KEY} ${arg_SYMDEFS} ${MATTERHORN_COMMAND}
        COMMENT "Packing ${target} for ${arg_BOARD}"
        VERBATIM)
    add_custom_target(${target}-update ALL DEPENDS ${arg_OUTPUT})
endfunction()
