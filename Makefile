# SPDX-License-Identifier: Apache-2.0
# The thin front door over Meson. `make help` lists the targets.
FUZZ_SECONDS ?= 5
FUZZ_LONG_SECONDS ?= 300
ARGS ?=
SAN := -Db_lundef=false -Dbuildtype=debugoptimized
MESON_QUIET := >/dev/null

.PHONY: all build build-clang build-asan build-tsan build-fuzz run test check bench asan tsan fuzz tidy \
	gen-check gen deps deps-test clean help
.NOTPARALLEL:

all: build

help:
	@echo 'make            build build/grokd (release)'
	@echo 'make run        install what is missing, build, start the bundled model; ARGS="--listen HOST:PORT"'
	@echo 'make test       everything a change must pass; ends with "N passed, N failed, N skipped"'
	@echo 'make check      the part of it that takes under a minute: build, tidy, generated files, unit tests'
	@echo 'make asan       unit tests under AddressSanitizer and UBSan'
	@echo 'make tsan       unit tests under ThreadSanitizer'
	@echo 'make fuzz       every fuzz target for FUZZ_LONG_SECONDS (300)'
	@echo 'make bench      all benchmarks; writes bench/RESULTS.md'
	@echo 'make tidy       layers, limits, banned calls, globals, dead files'
	@echo 'make gen        write the generated files again; make gen-check tells whether they are current'
	@echo 'make deps       install the Debian packages; make deps-test also those of the tests'
	@echo 'make clean      remove every build folder'

deps:
	@scripts/deps build

deps-test:
	@scripts/deps test

# A folder is configured once; ninja configures again by itself when a meson.build changes.
build: deps
	@[ -f build/build.ninja ] || meson setup build $(MESON_QUIET)
	@ninja -C build -k 0

build-clang: deps-test
	@[ -f build-clang/build.ninja ] || CC=clang meson setup build-clang $(MESON_QUIET)
	@ninja -C build-clang -k 0

build-asan: deps-test
	@[ -f build-asan/build.ninja ] || \
	    meson setup build-asan -Db_sanitize=address,undefined $(SAN) $(MESON_QUIET)
	@ninja -C build-asan -k 0

build-tsan: deps-test
	@[ -f build-tsan/build.ninja ] || \
	    meson setup build-tsan -Db_sanitize=thread $(SAN) $(MESON_QUIET)
	@ninja -C build-tsan -k 0

build-fuzz: deps-test
	@[ -f build-fuzz/build.ninja ] || \
	    CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined $(SAN) $(MESON_QUIET)
	@ninja -C build-fuzz -k 0 fuzzers

run: build
	@exec build/grokd serve --example $(ARGS)

test: deps-test
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run_all

check: deps-test
	@tests/run_all build tidy gen-check unit

asan: deps-test
	@tests/run_all asan

tsan: deps-test
	@tests/run_all tsan

fuzz: deps-test
	@FUZZ_SECONDS=$(FUZZ_LONG_SECONDS) tests/run_all fuzz

bench: deps
	@bench/run

# Looks at what can be built, even when something cannot.
tidy: deps
	@[ -f build/build.ninja ] || meson setup build $(MESON_QUIET)
	@ninja -C build -k 0 >/dev/null || true
	@build/tidy . build

gen:
	@gen/unicode.py
	@gen/categories.py
	@gen/openapi.py

gen-check:
	@gen/unicode.py --check
	@gen/categories.py --check
	@gen/openapi.py --check

clean:
	@rm -rf build build-clang build-asan build-tsan build-fuzz
