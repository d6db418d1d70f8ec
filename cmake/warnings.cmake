# What our own code is compiled with; generated code is not.
add_library(stackyard_warnings INTERFACE)
target_compile_options(stackyard_warnings INTERFACE
  -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers)
