# SPDX-License-Identifier: GPL-2.0-only
# How libraries and tests of the host side are made.

# What the product's own C++ is compiled with, as in the modules.
set(dmr_freestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics)

# plain, sim, san, tsan or fuzz -> "", _sim, _san, _tsan or _fuzz; with DMR_COVERAGE there is one library for all of them
function(dmr_suffix variant out)
	if(variant STREQUAL "plain" OR DMR_COVERAGE)
		set(${out} "" PARENT_SCOPE)
	else()
		set(${out} _${variant} PARENT_SCOPE)
	endif()
endfunction()

# Compile and link options of a variant, for a target.
function(dmr_variant target variant)
	target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
	target_compile_options(${target} PRIVATE -Wall -Wextra $<$<BOOL:${DMR_WERROR}>:-Werror>)
	if(DMR_COVERAGE)
		target_compile_options(${target} PRIVATE -O0)
		target_compile_definitions(${target} PRIVATE $<$<STREQUAL:${variant},sim>:DMR_SIMULATOR>)
	elseif(variant STREQUAL "sim")
		target_compile_options(${target} PRIVATE -O2 -g1)
		target_compile_definitions(${target} PRIVATE DMR_SIMULATOR)
	elseif(variant STREQUAL "san" AND DMR_SANITIZE)
		target_compile_options(${target} PRIVATE -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
			-fno-omit-frame-pointer)
		target_link_options(${target} PRIVATE -fsanitize=address,undefined)
	elseif(variant STREQUAL "tsan")
		target_compile_options(${target} PRIVATE -O1 -fsanitize=thread)
		target_link_options(${target} PRIVATE -fsanitize=thread)
	elseif(variant STREQUAL "fuzz")
		target_compile_options(${target} PRIVATE -O1 -fsanitize=fuzzer-no-link,address,undefined
			-fno-sanitize-recover=all -fno-omit-frame-pointer)
		target_link_options(${target} PRIVATE -fsanitize=address,undefined)
	endif()
endfunction()

# dmr_library(<name> <variant> SOURCES <patterns> [EXCLUDE <regex>] [FREESTANDING] [LIBRARIES <without suffix>]):
# libdmr_<name><suffix>. Without any source it is an interface library, so that everything can name it. _tsan and
# _fuzz libraries are built only when used.
function(dmr_library part variant)
	cmake_parse_arguments(arg "FREESTANDING" "EXCLUDE" "SOURCES;LIBRARIES" ${ARGN})
	dmr_suffix(${variant} suffix)
	set(name dmr_${part}${suffix})
	list(TRANSFORM arg_LIBRARIES APPEND "${suffix}")
	list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/)
	file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${arg_SOURCES})
	if(arg_EXCLUDE)
		list(FILTER sources EXCLUDE REGEX ${arg_EXCLUDE})
	endif()
	if(NOT sources)
		add_library(${name} INTERFACE)
		target_link_libraries(${name} INTERFACE ${arg_LIBRARIES})
		return()
	endif()
	add_library(${name} STATIC ${sources})
	target_link_libraries(${name} PUBLIC ${arg_LIBRARIES})
	dmr_variant(${name} ${variant})
	if(arg_FREESTANDING)
		target_compile_options(${name} PRIVATE ${dmr_freestanding})
		if(DMR_COVERAGE AND part MATCHES "^(metadata|spare_pool)$")
			target_compile_options(${name} PRIVATE --coverage)
			target_link_options(${name} PUBLIC --coverage)
		elseif(variant STREQUAL "plain" AND NOT DMR_COVERAGE)
			target_compile_options(${name} PRIVATE -Wframe-larger-than=1024)
		endif()
	endif()
	if(variant MATCHES "^(tsan|fuzz)$")
		set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
	endif()
endfunction()

# dmr_program(<name> <variant> SOURCES <files> LIBRARIES <without suffix>)
function(dmr_program name variant)
	cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
	dmr_suffix(${variant} suffix)
	list(TRANSFORM arg_LIBRARIES APPEND "${suffix}")
	add_executable(${name} ${arg_SOURCES})
	dmr_variant(${name} ${variant})
	target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
endfunction()

# What a target with GoogleTest is compiled with: its own code runs once and is compiled often; what it tests keeps the
# library's options. A precompiled header wants the very same.
function(dmr_gtest_options name)
	target_compile_options(${name} PRIVATE -O0 -g1)
	target_link_libraries(${name} PRIVATE GTest::gtest)
endfunction()

# dmr_gtest_header(<variant>): what dmr_gtest's programs of that variant take their precompiled header from.
function(dmr_gtest_header variant)
	set(name dmr_gtest_${variant})
	file(WRITE ${CMAKE_BINARY_DIR}/${name}.cc "")
	add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cc)
	dmr_variant(${name} ${variant})
	dmr_gtest_options(${name})
	target_precompile_headers(${name} PRIVATE <gtest/gtest.h>)
endfunction()

# dmr_gtest(<name> <variant> LABELS <labels> SOURCES <files> LIBRARIES <without suffix>)
function(dmr_gtest name variant)
	cmake_parse_arguments(arg "" "" "LABELS;SOURCES;LIBRARIES" ${ARGN})
	dmr_program(${name} ${variant} SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES})
	dmr_gtest_options(${name})
	target_link_libraries(${name} PRIVATE GTest::gtest_main)
	# Half of a test's compilation is this header. It is compiled once for each variant.
	if(TARGET dmr_gtest_${variant})
		target_precompile_headers(${name} REUSE_FROM dmr_gtest_${variant})
	endif()
	gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 120)
endfunction()

# dmr_python_tests(<prefix> <NAME=value>...): each *_test.py of this folder is a test <prefix>.<its name>, run by the system's python, with
# the tool in DMREMAP, the sources in DMR_SOURCE, and these in its environment.
function(dmr_python_tests prefix)
	find_program(SYSTEM_PYTHON3 python3 REQUIRED PATHS /usr/bin NO_DEFAULT_PATH)
	file(GLOB tests CONFIGURE_DEPENDS *_test.py)
	foreach(test IN LISTS tests)
		get_filename_component(name ${test} NAME_WE)
		add_test(NAME ${prefix}.${name} COMMAND ${SYSTEM_PYTHON3} ${test} -v)
		set_tests_properties(${prefix}.${name} PROPERTIES LABELS cli TIMEOUT 600 ENVIRONMENT
			"DMREMAP=$<TARGET_FILE:dmremap>;DMR_SOURCE=${CMAKE_SOURCE_DIR};${ARGN}")
	endforeach()
endfunction()
