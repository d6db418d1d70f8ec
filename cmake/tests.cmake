# stackyard_test(NAME SOURCES ... LIBS ... [LABELS ...] [POSTGRES]) : a GoogleTest binary, one ctest
# entry per test case. With POSTGRES the cases named `*/Postgres` share one entry, because every
# process starts a server of its own.
function(stackyard_test name)
  cmake_parse_arguments(arg "POSTGRES" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  # Apart from the product's programs.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE stackyard_warnings ${arg_LIBS} GTest::gmock
                        GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM stackyard_test_pch)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  set(filter)
  if(arg_POSTGRES)
    set(filter TEST_FILTER "-*/Postgres")
    add_test(NAME ${name}/Postgres COMMAND ${name} --gtest_filter=*/Postgres)
    set_tests_properties(${name}/Postgres PROPERTIES TIMEOUT 300 LABELS "${arg_LABELS};postgres"
                         SKIP_REGULAR_EXPRESSION "PostgreSQL is not installed")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST ${filter}
                       PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
