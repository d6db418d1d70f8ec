# stackyard_protos(NAME ROOT dir FILES a.proto ... [GRPC x.proto ...] [LIBS ...]) : a static library
# of generated C++ in the build tree. Files under GRPC get service stubs too.
get_target_property(GRPC_CPP_PLUGIN gRPC::grpc_cpp_plugin LOCATION)
set(STACKYARD_GEN ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${STACKYARD_GEN})

function(stackyard_protos name)
  cmake_parse_arguments(arg "" "ROOT" "FILES;GRPC;LIBS" ${ARGN})
  if(STACKYARD_FUZZ)
    # Fuzzers call no service.
    list(APPEND arg_FILES ${arg_GRPC})
    set(arg_GRPC)
  endif()
  set(sources)
  foreach(proto IN LISTS arg_FILES arg_GRPC)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(outputs ${STACKYARD_GEN}/${stem}.pb.cc ${STACKYARD_GEN}/${stem}.pb.h)
    set(options --cpp_out=${STACKYARD_GEN})
    if(proto IN_LIST arg_GRPC)
      list(APPEND outputs ${STACKYARD_GEN}/${stem}.grpc.pb.cc ${STACKYARD_GEN}/${stem}.grpc.pb.h)
      list(APPEND options --grpc_out=${STACKYARD_GEN}
           --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/protos -I${STACKYARD_PROTO_DEPS} ${options}
              ${proto}
      DEPENDS ${arg_ROOT}/${proto}
      COMMENT "Generating ${stem}"
      VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${STACKYARD_GEN})
  target_link_libraries(${name} PUBLIC gRPC::grpc++ protobuf::libprotobuf ${arg_LIBS})
  # Generated code is most of a cold build and none of a profile.
  target_compile_options(${name} PRIVATE -w -g0 $<IF:$<CONFIG:Release>,-O2,-O0>)
  if(STACKYARD_SANITIZE)
    # Our own code is what sanitizers are for; instrumenting this takes half an hour.
    target_compile_options(${name} PRIVATE -fno-sanitize=all)
  endif()
endfunction()
