# Two commands: `make demo` and `make test`. Each sets up what it needs; a second run starts in seconds.

SHELL := bash
.SHELLFLAGS := -o pipefail -c

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
RUNTIME_PYTHON ?= $(shell python3.12 -c 'import ensurepip, sys; print(sys.executable)' 2>/dev/null)
JAVA ?= $(if $(JAVA_HOME),$(JAVA_HOME)/bin/java,java)
BIN := .venv/bin
KEDRO := $(BIN)/kedro
PIP := $(BIN)/python -m pip install --progress-bar off --disable-pip-version-check

.PHONY: demo test coverage mutation test-fast unit browser test-runtimes bench bench-tools drill attack fuzz rehearse docs viz viz-static wheel sbom audit check workflows setup tools stop lock help
.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | column -t -s '|'

demo: setup ## Train on local Spark, register, deploy and smoke-test; leaves the endpoint up
	$(KEDRO) run --pipelines train --params train_distributed.recipe=compact
	$(KEDRO) run --pipelines release

test: browser check ## Lint, types, layers and the complete test suite, but for the minutes-long runs of make rehearse
	$(BIN)/python -m pytest $(PARALLEL) -m "not rehearsal"

coverage: browser check ## The same, and how much of src it runs: 95 % of the lines are required; report in build/coverage
	$(BIN)/python -m pytest $(PARALLEL) -m "not rehearsal" --cov --cov-fail-under=95 --cov-report=term:skip-covered --cov-report=html

mutation: setup ## Change single expressions of four packages, and count what their unit tests notice; ONLY=storage.idx for one
	nice $(BIN)/mutmut run --max-children 1 $(ONLY:%="crosscloud_mnist.%*")
	$(BIN)/python -m tests.mutation_score

test-fast: setup ## In about a minute: lint, types, layers and the unit tests
	@$(MAKE) --no-print-directory --jobs 2 check unit

unit: setup
	$(BIN)/python -m pytest --quiet $(PARALLEL) -m "not slow" tests/unit

browser: # the tests of the page need a real one; checked before anything is downloaded
	@{ command -v chromium || command -v google-chrome; } >/dev/null && command -v chromedriver >/dev/null || { echo "Chromium and its driver were not found; install them (Debian: apt-get install chromium chromium-driver) and run make again" >&2; exit 1; }

# Three modules at a time, in order: on two cores, tests wait for servers and clusters a fifth of the time.
PARALLEL := --numprocesses 3 --dist loadscope --no-loadscope-reorder

# The tests of code that runs on a cluster: training, promotion, serving.
CORE := tests/unit tests/integration/adapters tests/integration/serving tests/integration/training \
	$(addprefix --ignore=tests/unit/,docs documentation infra supply_chain)
TEST_TOOLS := gcp-storage-emulator hypothesis "mlflow[auth]" mfusepy pytest pytest-xdist selenium virtualenv

test-runtimes: tools build/runtimes/18-lts build/runtimes/19 ## The core of the suite on the pins of Databricks Runtime 18 LTS ML and 19 ML
	@set -e; for runtime in build/runtimes/*/; do echo "== $$runtime"; \
		$$runtime/bin/python -c 'import mlflow, pyspark, sys; print("Python", *sys.version_info[:3], "Spark", pyspark.__version__, "MLflow", mlflow.__version__)'; \
		$$runtime/bin/python -m pytest -q $(PARALLEL) $(CORE); done

# The distributions of the runtime's image, then what a job installs on it: MLflow of the image's version (an image has
# mlflow-skinny alone), then the wheel. Neither may change what Spark and the notebooks of a cluster rely on.
KEPT := ^(pyspark|mlflow-skinny|numpy|pandas|pyarrow)==

build/runtimes/%: tests/runtimes/%.txt pyproject.toml $(shell find src -name '*.py') | tools
	@test -n "$(RUNTIME_PYTHON)" || { echo "Python 3.12 was not found, the runtimes have it; install it, or run make test-runtimes RUNTIME_PYTHON=its/path" >&2; exit 1; }
	rm -rf $@
	@echo "Setting up $@ with the runtime's pins: some minutes"
	$(RUNTIME_PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --requirement $<
	$@/bin/python -m pip install --quiet "mlflow==$$(sed -n 's/^mlflow-skinny==//p' $<)"
	$@/bin/python -m pip wheel --quiet --no-deps --wheel-dir $@ .
	$@/bin/python -m pip install --quiet "$$(echo $@/*.whl)[train,databricks,serve]"
	@diff <(grep -E '$(KEPT)' $<) <($@/bin/python -m pip list --format freeze | grep -E '$(KEPT)' | sort) || { echo "the wheel changes the distributions of $< above, expected none; widen its requirement in pyproject.toml" >&2; rm -rf $@; exit 1; }
	$@/bin/python -m pip install --quiet $(TEST_TOOLS)
	$@/bin/python -m pip check

EXPORT_TOOLS := build/mlflow-export-import/.installed build/databricks-mlflow-export-import/.installed

bench: setup $(if $(filter serving,$(or $(ONLY),serving)),bench-tools build/mlserver/.installed) $(if $(filter promotion,$(or $(ONLY),promotion)),$(EXPORT_TOOLS)) ## Measure what is claimed to be fast; one of it with ONLY=training, promotion, serving, batch, preprocessing, cli or recipes
	@set -e; for name in $(or $(ONLY),training promotion serving batch preprocessing cli recipes); do $(BIN)/python -m benchmarks.$$name; done

bench-tools: # checked before the first minute is spent
	@command -v wrk >/dev/null || { echo "wrk was not found, the benchmark of serving needs it; install it (Debian: apt-get install wrk) and run make again" >&2; exit 1; }

build/%-export-import/.installed: benchmarks/%-export-import.txt | tools
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< && touch $@ || { rm -rf $(@D); echo "$(notdir $(@D)) did not install here; the benchmark goes on without it" >&2; }

build/mlserver/.installed: benchmarks/mlserver.txt | tools
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< && touch $@ || { rm -rf $(@D); echo "MLServer did not install here; the benchmark goes on without it" >&2; }

drill: setup ## Kill one of two endpoints under load, update the other: no call may fail
	$(BIN)/python -m rehearsal.drill

attack: setup ## Attack the endpoint's limits on loopback; honest requests must be answered
	$(BIN)/python -m rehearsal.attack

fuzz: setup ## Send 30,000 requests, most of them malformed, to the endpoint
	FUZZ_CASES=30000 $(BIN)/python -m pytest tests/integration/serving/test_fuzz.py

rehearse: export REHEARSAL_PACKAGE := $(CURDIR)/build/rehearsal_package
rehearse: setup ## Tests of minutes, then the wheel as jobs across two emulated Databricks workspaces, and swapped; KEEP=1 leaves them up
	rm -rf "$$REHEARSAL_PACKAGE"
	$(BIN)/python -m rehearsal.package "$$REHEARSAL_PACKAGE"
	$(BIN)/python -m pytest -q -m rehearsal tests/e2e tests/integration/rehearsal
	$(BIN)/python -m rehearsal.delivery_flow
	$(BIN)/python -m rehearsal $(if $(KEEP),--keep)

docs: setup ## Build the documentation's site in build/docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs build/docs

viz: setup ## Draw the pipelines in Kedro-Viz, with what each dataset holds, until it is interrupted
	$(KEDRO) viz run

viz-static: setup ## Build Kedro-Viz as a static site in build/viz, and docs/pipeline.png from it
	$(BIN)/python -m documentation.kedro_viz_site

wheel: setup ## Build the wheel in dist/: the same bytes for the same commit
	rm -rf build/lib build/bdist.*
	umask 022; SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --wheel --no-isolation --outdir dist

sbom: setup ## Write build/sbom.json, every locked distribution with its licence; fails on one that is not allowed
	$(BIN)/python -m supply_chain.sbom build/sbom.json

audit: setup ## Compare the lock with known vulnerabilities (PyPI's advisories, over the internet)
	$(BIN)/pip-audit --requirement requirements.lock --disable-pip --no-deps --progress-spinner off

check: setup workflows ## Lint, types, layers and workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

SCHEMA = $(BIN)/check-jsonschema --builtin-schema

workflows: setup # by zizmor, and by the schemas of GitHub and Azure DevOps
	$(BIN)/zizmor --offline --no-progress --quiet .github
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	@# Its patterns are not for the flag u.
	$(SCHEMA) vendor.azure-pipelines --regex-variant nonunicode azure-pipelines.yml .azuredevops/*.yml

stop: ## End the local endpoint
	@test ! -x $(BIN)/python || $(BIN)/python -m crosscloud_mnist.adapters.local data/07_model_output/endpoint
	@test ! -e data/rehearsal/running.json || $(BIN)/python -m rehearsal --stop

setup: tools .venv/.installed

tools:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 was not found; install it (Debian: apt-get install python3 python3-venv) and run make again" >&2; exit 1; }
	@$(JAVA) -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | grep -qE '^(1[7-9]|[2-9][0-9])$$' || { echo "Java 17 or later was not found; install it (Debian: apt-get install openjdk-17-jre-headless) and run make again" >&2; exit 1; }

.venv/.installed: requirements.lock pyproject.toml | tools
	@echo "Setting up .venv with $$($(PYTHON) --version): about $$(grep -c '^[a-z].*==' $<) pinned packages, some minutes the first time"
	@$(PYTHON) -m venv .venv
	@# The lock is complete: no resolver, which older pips confuse where a name has extras.
	@$(PIP) --no-deps --require-hashes -r requirements.lock | awk '/^Collecting/ && ++n % 50 == 0 {print "  " n " packages downloaded"; fflush()} /^Installing/ {print "  installing them"; fflush()}'
	@$(PIP) --no-deps --no-build-isolation --editable . >/dev/null
	@$(BIN)/python -m pip check
	@touch $@

lock: ## Resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 pyproject.toml --all-extras --group dev \
		--output-file requirements.lock --no-emit-index-url --generate-hashes --custom-compile-command "make lock"
