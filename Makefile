# What people and machines type here. `make` alone lists it. Nothing is kept outside this folder
# and cargo's own.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-fresh check lint it case fuzz bench reference binary

ARGS ?=
SECONDS_EACH ?= 30
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
# `make binary` builds with this profile of cargo; `make test` starts the program of that one.
PROFILE ?= release
PROGRAM ?= dev
program = target/$(HOST)/$(patsubst dev,debug,$(1))/russet

# Everything is built like the program that is shipped: one static file that needs nothing of the
# machine it runs on. So the demo, the tests and the program that the tests start share one build
# of the dependencies. The explicit target keeps the flag away from macros, which cannot be static.
export CARGO_BUILD_TARGET := $(HOST)
export RUSTFLAGS := -C target-feature=+crt-static

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: ## run the main job on this machine; ARGS=--check walks through it without a browser
	@test -e $(call program,dev) || printf '%s\n' \
		'Building Russet: about two minutes on two cores the first time, because all that it is' \
		'made of is compiled from source, a library of cryptography in C among it; seconds later' \
		'on. Cargo shows below how far it is. Then the demo begins.'
	cargo build --locked
	$(call program,dev) demo $(ARGS)

test: ## install the test tools that are missing, run every test (PROGRAM=release: of the optimised program)
	tests/tools/install
	$(MAKE) --no-print-directory binary PROFILE=$(PROGRAM)
	tests/tools/run $(call program,$(PROGRAM))

test-fresh: ## as root: try the demo and the tests in a bare Debian (ARGS=visitor or root: as that user alone)
	tests/tools/fresh $(ARGS)

lint: ## format, clippy, documentation, forbidden dependencies
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
	tests/tools/bans

check: lint ## the lints, and every test that needs nothing but cargo
	cargo test --locked

it: ## the integration tests; ARGS is part of a name
	cargo test --locked --test it -- $(ARGS)

case: ## the text cases of policies and configurations
	cargo test --locked --lib -- cases

fuzz: ## look for inputs that break a reader; ARGS is a name of tests/corpus, SECONDS_EACH how long
	@command -v cargo-fuzz >/dev/null || { echo 'cargo install cargo-fuzz --locked'; exit 1; }
	for body in $(or $(ARGS),$(notdir $(wildcard tests/corpus/*))); do \
	  mkdir -p fuzz/corpus/$$body; \
	  FUZZ_BODY=$$body RUSTC_BOOTSTRAP=1 cargo fuzz run --dev --sanitizer none body \
	    fuzz/corpus/$$body tests/corpus/$$body -- -max_total_time=$(SECONDS_EACH) -max_len=8192 -timeout=5; \
	done

bench: ## measure; ARGS is part of a name
	cargo bench --locked -- $(ARGS)

reference: ## compare the generated pages of docs/ with the tables they are made from; UPDATE=1 writes them
	$(if $(UPDATE),UPDATE=1) cargo test --locked --lib -- config::tests policy::

binary: ## build the program as it is shipped: optimised, static (PROFILE=dist: smaller, built slower)
	cargo build --locked --profile $(PROFILE)
	@echo $(call program,$(PROFILE))
