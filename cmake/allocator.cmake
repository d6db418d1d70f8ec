# stackyard_allocator(TARGET) : a service allocates by jemalloc. Many threads that take and give back
# small pieces keep glibc's arenas busy: a tenth of what a call of quota costs. Sanitizers bring an
# allocator of their own.
find_library(JEMALLOC jemalloc REQUIRED)
function(stackyard_allocator target)
  if(NOT STACKYARD_SANITIZE)
    # Nothing names its symbols: it only has to be loaded first.
    target_link_options(${target} PRIVATE -Wl,--no-as-needed ${JEMALLOC} -Wl,--as-needed)
  endif()
endfunction()
