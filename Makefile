# make run        build and serve on http://localhost:3000; make demo to look around without a provider
# make test       every test, on SQLite and, where its programs are installed, on PostgreSQL, in a few minutes;
#                 RACE=1 adds the race detector, which needs a C compiler
# make test-long  more rounds of what is random, the race detector, the vendors' SDKs and other clients for Node, a minute of fuzzing a target:
#                 well over an hour on two cores; npm installs two gigabytes of clients
# make lint       formatting, vet, staticcheck
# make bench      what the gateway costs beside a bare reverse proxy, in three minutes; BENCHFLAGS=-quick in one.
#                 make bench-go runs the Go benchmarks
#
# .ci/run is what every change must pass.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# One fuzz target at a time is all that go test runs; each gets this long.
FUZZTIME ?= 20s

.PHONY: run demo build test test-long bench bench-go lint fuzz

run: build
	./bin/airatelimit serve

demo: build
	./bin/airatelimit demo

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/airatelimit ./cmd/airatelimit

test:
	go test $(if $(RACE),-race) $(TESTFLAGS) ./...

test-long:
	LONG=1 AIRATELIMIT_NODE_SDKS=1 go test -race -count=1 -timeout 60m ./...
	LONG=1 go test -count=1 -run '^TestUsagePages$$' ./test/field # a million identities, too many for the race detector
	LONG=1 go test -count=1 -run '^TestOnPostgres$$/^TestUsagePages$$' ./test/field
	$(MAKE) fuzz FUZZTIME=60s

bench:
	CGO_ENABLED=0 go run ./test/bench $(BENCHFLAGS)

bench-go:
	go test -run '^$$' -bench . -benchmem ./...

lint:
	@unformatted="$$(gofmt -l .)"; if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# go test sometimes calls a target failed that ran into the end of its time: only what was found counts.
fuzz:
	@set -e; out=$$(mktemp); trap 'rm -f "$$out"' EXIT; \
	grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; \
			if go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$dir" >"$$out" 2>&1; then \
				tail -n 1 "$$out"; \
			elif grep -q 'context deadline exceeded' "$$out" && ! grep -q 'Failing input' "$$out"; then \
				echo "out of time: nothing was found"; \
			else \
				cat "$$out"; exit 1; \
			fi; \
		done; \
	done
