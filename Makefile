PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := src adapters tests conformance

.PHONY: help install demo test check format peers node-peers viewer ohif bench-models bench-receive bench-evidence crash-test fuzz bench-stow bench-fhir bench-ehr wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing marrowcount and what it needs (some minutes the first time)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the tools for tests and checks"
	$(PIP) --editable '.[dev,postgresql,train]'
	@touch $@

install: $(VENV)/.installed viewer  ## set up the virtual environment

demo: $(VENV)/.installed viewer  ## run the main job for all to see: PACS to node to PACS and EHR
	$(BIN)/marrowcount demo

peers:  ## install the real peers that tests talk to, where that is possible (root on Debian)
	@bash tests/peers/install.sh

CONVERTER := .venv-converter
$(CONVERTER)/.made: adapters/marrowcount_adapters/slide_converter/requirements.txt $(VENV)/.installed-dev peers
	@echo "making the slide converter's environment (some minutes the first time)"
	@MARROWCOUNT_CONVERT__ENVIRONMENT=$(CONVERTER) $(BIN)/marrowcount ingest --prepare && touch $@ \
		|| echo "converter: not made; the tests that convert slides stand aside"

VIEWER := adapters/marrowcount_adapters/web_page/vendor/viewer
OHIF := .peers/ohif
viewer:  ## bring the slide viewer of the node's page from npm, where that is possible
	@$(PYTHON) adapters/npm_packages.py viewer $(VIEWER) \
		|| echo "viewer: not brought (it needs npm); the node's page shows pictures in its place"

ohif: peers
	@$(PYTHON) adapters/npm_packages.py ohif $(OHIF) || echo "ohif: not brought; the tests that look with it stand aside"

NODE_PEERS := .peers/node
$(NODE_PEERS)/.installed: tests/peers/node/package-lock.json | peers
	@mkdir -p $(NODE_PEERS) && cp tests/peers/node/package.json tests/peers/node/package-lock.json $(NODE_PEERS)/
	@(cd $(NODE_PEERS) && npm ci --silent --ignore-scripts --no-audit --no-fund) && touch $@ \
		|| echo "node peers: not brought (they need npm); the tests that talk to them stand aside"

node-peers: $(NODE_PEERS)/.installed  ## bring the FHIR server, authorization server and validators that tests talk to

WORKERS ?= 2
test: $(VENV)/.installed-dev peers viewer ohif node-peers $(CONVERTER)/.made  ## run all tests, in two processes (WORKERS=1: in one)
	$(BIN)/python -m pytest $(if $(filter-out 1,$(WORKERS)),-n $(WORKERS) --dist loadfile)

check: $(VENV)/.installed-dev  ## ruff, mypy, pyright, import-linter
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev  ## format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench-models: $(VENV)/.installed-dev  ## time the models beside ultralytics' own predict (OUT=folder: figures for their cards)
	$(BIN)/python tests/benchmarks/bench_models.py $(if $(OUT),--out $(OUT))

N ?=
SEED ?= 1
CAMPAIGNS := PYTHONPATH=tests/support$${PYTHONPATH:+:$$PYTHONPATH} $(BIN)/python tests/campaigns

crash-test: $(VENV)/.installed-dev  ## kill -9 the node N times (200) while slides arrive and results leave; prove that nothing is lost
	$(CAMPAIGNS)/crash_campaign.py --kills $(or $(N),200) --seed $(SEED)

fuzz: $(VENV)/.installed-dev  ## feed N broken inputs (100000) to the listener, the parsers and the clients
	$(CAMPAIGNS)/fuzz.py --inputs $(or $(N),100000) --seed $(SEED)

bench-receive: $(VENV)/.installed-dev peers  ## time receiving beside dcmtk, pynetdicom and Orthanc (SCALE=0.05 for a quick look)
	$(BIN)/python tests/benchmarks/bench_receive.py --scale $(or $(SCALE),1)

bench-evidence: $(VENV)/.installed-dev  ## time what writes results beside highdicom alone
	PYTHONPATH=tests/support$${PYTHONPATH:+:$$PYTHONPATH} $(BIN)/python tests/benchmarks/bench_evidence.py

bench-fhir: $(VENV)/.installed-dev  ## time what becomes of a report in FHIR
	PYTHONPATH=tests/support$${PYTHONPATH:+:$$PYTHONPATH} $(BIN)/python tests/benchmarks/bench_fhir.py

bench-ehr: $(VENV)/.installed-dev  ## time the delivery of N results (1000) to an EHR beside bare httpx loops
	PYTHONPATH=tests/support$${PYTHONPATH:+:$$PYTHONPATH} $(BIN)/python tests/benchmarks/bench_ehr.py --results $(or $(N),1000)

bench-stow: $(VENV)/.installed-dev  ## time STOW-RS beside aiohttp's reader of multipart
	$(BIN)/python tests/benchmarks/bench_stow.py

wheel: $(VENV)/.installed viewer  ## build the wheel, with models and slide viewer in it
	$(PIP) build
	$(BIN)/python -m build --wheel --outdir dist

clean:  ## remove what the targets made
	rm -rf $(VENV) $(CONVERTER) $(VIEWER) .peers demo-output dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
