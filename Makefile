# Rivulet. `make` lists what there is to do; CI runs `make test`, see .ci/run.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
BIN      := $(CURDIR)/bin/rivulet
FUZZTIME ?= 10s
SOAK     ?= 10m
BENCHTIME ?= 50x

# Finds or installs the browser and names the parts under test to go test and go run.
PARTS = RIVULET_CHROME=$$(scripts/chromium.sh); export RIVULET_CHROME RIVULET_BIN="$(BIN)";
# Failures leave their screenshots in e2e/out.
E2E   = rm -rf e2e/out; mkdir -p e2e/out; go test -count=1 -timeout 9m -artifacts -outputdir "$(CURDIR)/e2e/out"
# The race detector needs a C compiler; without one the same tests run plainly.
RACE  = $$(scripts/race.sh)
UNITS = $$(go list ./... | grep -v /e2e)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build everything and start the demos, with their data in ./data (ARGS adds flags)
	@$(BIN) serve --data ./data $(ARGS)

.PHONY: build
build: assets ## build bin/rivulet, one static binary with the web pages inside
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/rivulet

.PHONY: assets
assets: ## compile the WebAssembly module and the pages into web/dist
	go run ./web/build

.PHONY: test
test: build ## install what the tests need and run all of them, browsers included
	@scripts/chromium.sh >/dev/null; scripts/node.sh
	go test $(RACE) $(UNITS)
	@$(PARTS) $(E2E) ./e2e/...

.PHONY: e2e
e2e: build ## run the browser tests (RUN=pattern for some of them)
	@$(PARTS) $(E2E) -v -run '$(RUN)' ./e2e/...

.PHONY: race
race: assets ## run all tests but the browser's under the race detector, three times in shuffled order
	go test -race -shuffle on -count 3 $(UNITS)

.PHONY: soak
soak: ## run the convergence simulation with new seeds for SOAK (10m), then kill, pause and cut off servers in loops of 30 rounds
	go test -count 1 -timeout 0 -v -run '^TestSoak$$' ./shared/converge -converge.soak $(SOAK)
	go test $(RACE) -count 1 -timeout 0 -v -run InALoop ./internal/chaos -parallel 1 -chaos.rounds 30
	go test $(RACE) -count 1 -v -run WhileLeadersStepDown ./server/host -host.stepdowns 10s
	go test -count 1 -timeout 20m -v -run ManyDocuments ./server -server.documents 100000

.PHONY: fuzz
fuzz: assets ## run every fuzz target for FUZZTIME (10s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

.PHONY: bench
bench: build ## measure what the README says, as a table
	@$(PARTS) go test -run '^$$' -bench . -benchtime $(BENCHTIME) -timeout 20m ./bench
	@scripts/node.sh; scripts/bench-document.sh

.PHONY: bench-document
bench-document: ## measure the document natively and as WebAssembly under Node (COUNT runs of each)
	@scripts/node.sh; scripts/bench-document.sh

.PHONY: bench-peers
bench-peers: ## measure our document, then yjs, ywasm, json-joy, loro and automerge with the same inputs
	@scripts/node.sh; scripts/bench-document.sh; cd bench/peers && npm ci --silent --no-audit --no-fund && npm run --silent test && node run.js

.PHONY: bench-writers
bench-writers: ## measure 1 to 64 writers on one document, near and 100 ms away, as a table (ARGS adds flags)
	@go run ./bench/writers $(ARGS)

.PHONY: bench-order
bench-order: ## measure putting events in order that were stored in any, beside a single task, as a table (ARGS adds flags)
	@go run ./bench/order $(ARGS)

.PHONY: bench-fanout
bench-fanout: build ## measure a server with many subscribers beside one that only broadcasts, as a table (ARGS adds flags)
	@go run ./bench/fanout $(ARGS)

.PHONY: lint
lint: assets ## check format, vet, staticcheck, generated files and TypeScript
	@scripts/lint.sh

.PHONY: generate
generate: ## write the generated files again
	go generate ./...

.PHONY: screenshots
screenshots: build ## make the pictures of docs/screenshots again
	@$(PARTS) RIVULET_SCREENSHOTS="$(CURDIR)/docs/screenshots" go test -count=1 -v -run TestScreens ./e2e

.PHONY: clean
clean: ## remove what was built, but not ./data
	rm -rf bin web/dist e2e/out
