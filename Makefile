# make run [UPSTREAM=lab] [FLAGS="--listen 127.0.0.1:53"]   start the proxy
# make test                                                 run the tests
# make bench [FLAGS=--short]                                measure it beside others
# make reliability [FLAGS=--short]                          let its upstreams fail
# make fuzz [FLAGS="stream --seconds 3600"]                 look for octets that break it
# make soak [FLAGS="--seconds 60"]                          ten minutes with random faults
# make release-check                                        build what is released, try it

PYTHON ?= python3
BIN := .venv/bin
CODE := dotproxy twisted tests tools benchmarks reliability fuzz soak dotproxy.tac

.PHONY: run test trial style types coverage bench reliability fuzz soak release-check clean

run: .venv/installed
	$(BIN)/twistd -n --pidfile= dotproxy $(if $(UPSTREAM),--upstream $(UPSTREAM)) $(FLAGS)

# Most of the time is spent waiting for processes, so four at a time suit two cores.
test: .venv/installed-dev
	$(BIN)/python -m pytest -n $(or $(JOBS),4) --dist loadfile

trial: .venv/installed-dev
	cd "$$(mktemp -d)" && PYTHONPATH="$(CURDIR)" "$(CURDIR)/$(BIN)/python" -m twisted.trial tests

style: .venv/installed-dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: .venv/installed-dev
	$(BIN)/mypy

coverage: .venv/installed-dev
	$(BIN)/python tools/own_coverage.py

bench: .venv/installed
	$(BIN)/python -m benchmarks $(FLAGS)

reliability: .venv/installed
	$(BIN)/python -m reliability $(FLAGS)

fuzz: .venv/installed-dev
	$(BIN)/python -m fuzz $(FLAGS)

soak: .venv/installed-dev
	$(BIN)/python -m soak $(FLAGS)

release-check: .venv/installed-dev
	$(BIN)/python tools/release_check.py

clean:
	rm -rf .venv .fuzz build dist *.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# editable_mode=compat: the default hides the plugin from twistd, which looks along
# sys.path and does not see through setuptools' import hooks.
.venv/installed: .venv/bin/pip setup.cfg
	$(BIN)/pip install --quiet --editable . --config-settings editable_mode=compat
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --editable '.[dev]' --config-settings editable_mode=compat
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dotproxy needs Python 3.11 or later, $(PYTHON) is older: try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make environments: on Debian and Ubuntu, sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
