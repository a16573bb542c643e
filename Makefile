# What people and machines type here. `make` alone lists it. Nothing is kept outside this folder
# and cargo's own.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test check lint it case fuzz bench reference binary

ARGS ?=
# One build serves all tests that look into the code, one the tests of the program that is shipped.
PROFILE ?= release
SECONDS_EACH ?= 30
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
BINARY := target/$(HOST)/$(PROFILE)/russet

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: ## run the main job on this machine; ARGS=--check walks through it without a browser
	cargo build --locked
	target/debug/russet demo $(ARGS)

test: ## install what the tests lack, run every test
	tests/tools/install
	$(MAKE) --no-print-directory binary
	tests/tools/run $(BINARY)

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
	$(if $(UPDATE),UPDATE=1) cargo test --locked --lib -- config::tests

# One file that needs nothing of the machine it runs on. The explicit target keeps the flag away
# from macros, which cannot be static.
binary: ## build the program as it is shipped: optimised, static (PROFILE=dist: smaller, slower)
	RUSTFLAGS='-C target-feature=+crt-static' cargo build --locked --profile $(PROFILE) --target $(HOST)
	@echo $(BINARY)
