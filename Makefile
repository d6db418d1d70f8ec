# The front door of Stackyard. `make help` tells what is there; the work is in scripts/.
#
# Settings by environment (defaults in scripts/env.sh and scripts/mesh.sh):
#   STACKYARD_GRPC_PORT, STACKYARD_REST_PORT, STACKYARD_DATA, STACKYARD_RUNNERS,
#   STACKYARD_TERRAFORM, STACKYARD_PROVIDER_MIRROR, STACKYARD_PRESET, STACKYARD_JOBS, STACKYARD_MTLS

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:

HINT := build/.hint

# Make ends with a line of its own about the target that failed. For the targets below that line
# says what to do instead: `try` keeps the hint that the script left, `verdict` ends with it.
try = @mkdir -p build && rm -f $(HINT); export STACKYARD_HINT_FILE=$(CURDIR)/$(HINT); \
  { $(1); } || [ -s $(HINT) ] || echo 'read the lines above, then run the same command again' >$(HINT)
verdict = @:$(if $(shell cat $(HINT) 2>/dev/null),$(error what to do: $(shell cat $(HINT))))

##@ Use

.PHONY: demo
demo: .demo ## Set up everything, start the mesh and play the main job, on a bare Debian too
	$(verdict)
.PHONY: .demo
.demo:
	$(call try,scripts/setup.sh build && scripts/build.sh product && scripts/mesh.sh up && scripts/demo.sh)

.PHONY: up
up: .up ## Build what changed and start the mesh in the background
	$(verdict)
.PHONY: .up
.up:
	$(call try,scripts/setup.sh build && scripts/build.sh product && scripts/mesh.sh up)

.PHONY: down
down: ## Stop the mesh
	@scripts/mesh.sh down

.PHONY: status
status: ## Show what runs
	@scripts/mesh.sh status || true

.PHONY: logs
logs: ## Follow the logs; of one service: make logs S=stacks
	@scripts/mesh.sh logs $(S)

##@ Build

.PHONY: setup
setup: .setup ## Install what building and testing need
	$(verdict)
.PHONY: .setup
.setup:
	$(call try,scripts/setup.sh dev)

.PHONY: build
build: .build ## Compile the services and the command line tool into build/bin
	$(verdict)
.PHONY: .build
.build:
	$(call try,scripts/setup.sh build && scripts/build.sh product)

.PHONY: images
images: ## Build the container images, tagged by the commit; a tree with changes: scripts/images.sh --dirty
	@scripts/setup.sh build && scripts/images.sh

.PHONY: dashboards
dashboards: ## Write the chart's dashboards and rules from deploy/observability
	@scripts/setup.sh dev && build/tools/py/bin/python deploy/observability/generate.py

.PHONY: clean
clean: ## Remove what was compiled; fetched tools stay (make distclean removes them too)
	@rm -rf build/bin build/release build/dev build/asan build/tsan build/fuzz build/gen build/test-results
	@rm -f build/.stamps/gen-go

.PHONY: distclean
distclean: ## Stop the mesh and remove build/ and the data in .local/
	@scripts/mesh.sh down
	@rm -rf build .local

##@ Test

.PHONY: test
test: ## Build and run all tests but the slow ones
	@scripts/setup.sh dev && scripts/build.sh all && scripts/test.sh fast

.PHONY: test-slow
test-slow: ## Build and run the slow tests
	@scripts/setup.sh deploy && scripts/build.sh all && scripts/test.sh slow

.PHONY: node-test
node-test: ## Try images and chart on a real node: updates under load, drains, scaling (slow; needs root)
	@scripts/setup.sh deploy && scripts/node-test.sh

.PHONY: fuzz
fuzz: ## Feed what reads strangers' bytes for FUZZ_SECONDS (600) each
	@scripts/setup.sh dev && scripts/fuzz.sh

.PHONY: fresh-test
fresh-test: ## Prove `make demo` in a bare Debian root (slow; needs root)
	@scripts/fresh-test.sh

.PHONY: lint
lint: ## Format check and lint; clang-tidy on what changed
	@scripts/setup.sh dev && scripts/build.sh all && scripts/lint.sh

.PHONY: tidy
tidy: ## Lint with clang-tidy on everything
	@scripts/setup.sh dev && scripts/build.sh all && scripts/lint.sh all

.PHONY: format
format: ## Format all sources
	@scripts/setup.sh dev && scripts/lint.sh fix

.PHONY: check
check: ## What CI runs: set-up, build, lint, tests
	@scripts/check.sh

.PHONY: bench
bench: ## Measure; results in build/bench
	@scripts/setup.sh dev && scripts/build.sh all && scripts/bench.sh

include scripts/deploy.mk

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
