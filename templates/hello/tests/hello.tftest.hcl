variables {
  name                = "Ada"
  stackyard_stack_uid = "0123456789abcdef"
}

run "defaults" {
  assert {
    condition     = output.message == "Hello, Ada!"
    error_message = "The message is the greeting and the name."
  }
  assert {
    condition     = length(output.ids) == 1
    error_message = "One resource is made unless more are asked for."
  }
  assert {
    condition     = terraform_data.greeting[0].output.stack_uid == "0123456789abcdef"
    error_message = "Resources carry the stack's uid."
  }
}

run "shouted_three_times" {
  variables {
    greeting = "Good morning"
    shout    = true
    repeat   = 3
  }
  assert {
    condition = output.messages == [
      "1. GOOD MORNING, ADA!",
      "2. GOOD MORNING, ADA!",
      "3. GOOD MORNING, ADA!",
    ]
    error_message = "Every repetition is numbered and in capitals."
  }
  assert {
    condition     = length(distinct(output.ids)) == 3
    error_message = "Every repetition is a resource of its own."
  }
}

run "most_repetitions" {
  command = plan
  variables {
    repeat = 100
  }
  assert {
    condition     = length(terraform_data.greeting) == 100
    error_message = "A hundred resources are allowed."
  }
}

run "refuses_blank_name" {
  command = plan
  variables {
    name = "  "
  }
  expect_failures = [var.name]
}

run "refuses_long_greeting" {
  command = plan
  variables {
    greeting = "Hello, hello, hello, hello, hello, hello, hello, hello, hello, hello"
  }
  expect_failures = [var.greeting]
}

run "refuses_no_repetition" {
  command = plan
  variables {
    repeat = 0
  }
  expect_failures = [var.repeat]
}

run "refuses_too_many_repetitions" {
  command = plan
  variables {
    repeat = 101
  }
  expect_failures = [var.repeat]
}

run "refuses_half_a_repetition" {
  command = plan
  variables {
    repeat = 1.5
  }
  expect_failures = [var.repeat]
}
