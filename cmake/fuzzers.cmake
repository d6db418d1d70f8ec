# stackyard_fuzzer(NAME SOURCE x_fuzz.cc CODE a.cc ... LIBS ... CODE_LIBS ...) : a fuzzer, beside
# the code that it is for, with its seeds in tests/fuzz/corpus/NAME.
#
# With the preset `fuzz` it is a program with libFuzzer and sanitizers, of that code alone: CODE and
# CODE_LIBS. Everywhere else it is a test that feeds the seeds to our libraries, LIBS, and needs
# neither clang nor libFuzzer.
function(stackyard_fuzzer name)
  cmake_parse_arguments(arg "" "SOURCE" "CODE;LIBS;CODE_LIBS" ${ARGN})
  list(TRANSFORM arg_CODE PREPEND ${CMAKE_SOURCE_DIR}/)
  set(source ${CMAKE_SOURCE_DIR}/${arg_SOURCE})
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(STACKYARD_FUZZ)
    add_executable(${name}_fuzz ${source} ${arg_CODE})
    target_include_directories(${name}_fuzz PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name}_fuzz PRIVATE stackyard_warnings ${arg_CODE_LIBS})
    target_compile_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name}_replay ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    target_link_libraries(${name}_replay PRIVATE stackyard_warnings ${arg_LIBS})
    set_target_properties(${name}_replay PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name}_replay COMMAND ${name}_replay ${corpus})
    set_tests_properties(${name}_replay PROPERTIES TIMEOUT 120 LABELS unit)
  endif()
endfunction()
