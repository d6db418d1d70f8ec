# What our own code is compiled with; generated code is not.
add_library(stackyard_warnings INTERFACE)
target_compile_options(stackyard_warnings INTERFACE
  -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers)
# GCC 12 sees overruns in its own std::string once it is inlined; without -O2 it does not, so the
# dev preset keeps these.
target_compile_options(stackyard_warnings INTERFACE
  $<$<CONFIG:Release>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow;-Wno-stringop-overread>)
