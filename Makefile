# make run        builds, and serves on http://localhost:3000
# make demo       serves with a built-in provider, to look around
# make web        builds the dashboard, which needs Node 20 or later; make build does so too where npm is installed
# make test-web   tests the dashboard in a real browser: it needs npm and Chromium (CHROMIUM_PATH)
# make test       runs every test in a few minutes, on SQLite and, if its programs are installed, on PostgreSQL;
#                 RACE=1 adds the race detector, which needs a C compiler
# make test-long  runs more rounds of random tests, the race detector, clients for Node, and a minute of fuzzing for each
#                 target: over an hour on two cores; npm installs two gigabytes of clients
# make lint       checks formatting, and runs vet and staticcheck
# make bench      compares the gateway with a bare reverse proxy, in three minutes; BENCHFLAGS=-quick takes one
# make bench-go   runs the Go benchmarks
#
# Every change must pass .ci/run.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The time for each fuzz target; they run one after the other.
FUZZTIME ?= 20s

# SQLite is C translated to Go, and one connection's calls exclude each other. Watching each of its memory accesses would
# take most of the time of a test, so the race detector leaves it out.
RACEFLAGS = -race -gcflags=modernc.org/sqlite/lib=-race=false

.PHONY: run demo build web test test-web test-long bench bench-go lint fuzz
.DELETE_ON_ERROR:

run: build
	./bin/airatelimit serve

demo: build
	./bin/airatelimit demo

build: $(if $(shell command -v npm),web)
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/airatelimit ./cmd/airatelimit

web: web/dist/index.html

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/public web/scripts -type f) $(addprefix web/,index.html package.json tsconfig.json vite.config.ts)
	npm --prefix web run build
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci
	@touch $@

test-web: build
	npm --prefix web test
	npm --prefix web run client -- --check
	npm --prefix web run test:browser

test:
	go test $(if $(RACE),$(RACEFLAGS)) $(TESTFLAGS) ./...

test-long:
	LONG=1 AIRATELIMIT_NODE_SDKS=1 go test $(RACEFLAGS) -count=1 -timeout 60m $$(go list ./... | grep -v /internal/limit$$)
	LONG=1 go test -count=1 -timeout 60m ./internal/limit # pure functions: the race detector only makes them slow
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

# go test sometimes reports a failure when a target's time is over: only a failing input counts. Without a bound it would
# spend most of the time on shrinking each input that reaches new code, a minute for each.
fuzz:
	@set -e; out=$$(mktemp); trap 'rm -f "$$out"' EXIT; \
	grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; \
			if go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$dir" >"$$out" 2>&1; then \
				tail -n 1 "$$out"; \
			elif grep -q 'context deadline exceeded' "$$out" && ! grep -q 'Failing input' "$$out"; then \
				echo "time is over, nothing found"; \
			else \
				cat "$$out"; exit 1; \
			fi; \
		done; \
	done
