# Targets of pipelines; included by the Makefile. ENV is staging or production, PREFIX the registry
# with what stands before the images' names, RELEASE the file that `make push` writes.

RELEASE ?= build/release.json

##@ Deploy

.PHONY: push
push: ## Build all images of this commit and push them: make push PREFIX=REGISTRY/stackyard
	@scripts/setup.sh build && scripts/release.sh push "$(PREFIX)" "$(RELEASE)"

.PHONY: release
release: ## Deploy a pushed release, smoke-test it, roll back if that fails: make release ENV=staging
	@scripts/setup.sh release && scripts/release.sh deploy "$(ENV)" "$(RELEASE)"

.PHONY: pin
pin: ## Write a pushed release into deploy/gitops: make pin ENV=staging
	@scripts/release.sh pin "$(ENV)" "$(RELEASE)"

.PHONY: drift
drift: ## Tell whether an environment still is what its Terraform says: make drift ENV=staging
	@scripts/setup.sh build && scripts/drift.sh "$(ENV)"

.PHONY: security-scan
security-scan: ## Look for known faults in what is built and deployed
	@scripts/setup.sh dev && scripts/security-scan.sh

.PHONY: changed-parts
changed-parts: ## Tell which parts a change touches: make changed-parts BASE=origin/main
	@scripts/changed-parts.sh "$(BASE)"

.PHONY: deploy-test
deploy-test: ## Check what deploys: lint, chart, control plane, Terraform, images, dashboards
	@scripts/setup.sh deploy && scripts/build.sh product && scripts/deploy-test.sh full

.PHONY: deploy-lint
deploy-lint: ## Lint what deploys: Containerfiles, workflows, rules, chart, Terraform
	@scripts/setup.sh deploy && STACKYARD_ALL_TOOLS=1 scripts/deploy-lint.sh

.PHONY: backup
backup: ## Save the mesh of this machine: make backup TO=DIR
	@. scripts/env.sh && scripts/backup.py save "$(TO)"

.PHONY: restore
restore: ## Bring back what `make backup` saved; the mesh must be down: make restore FROM=DIR
	@. scripts/env.sh && scripts/backup.py restore "$(FROM)"
