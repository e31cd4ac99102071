# Two commands: `make run` and `make test`. Both install what is missing (Debian, by apt) and say what they do.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

PROFILE ?= quick
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
HINOMI := $(CARGO_TARGET_DIR)/$(PROFILE)/hinomi
DATA ?= $(HOME)/.local/share/hinomi
DEMO := $(CURDIR)/out/demo
# Outside material for tests, where it stands beside the checkout.
HINOMI_ORACLES ?= $(wildcard $(CURDIR)/../shared/oracles)
export HINOMI_ORACLES
# Python with other programs that read our files (scripts/setup makes it); the system's where it is not there.
HINOMI_PYTHON ?= $(wildcard $(or $(HINOMI_PYTHON_HOME),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hinomi-python)/bin/python)
ifneq ($(HINOMI_PYTHON),)
export HINOMI_PYTHON
endif

.PHONY: help run demo test check build setup-run setup-test shots fuzz bench clean-demo

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup-run:
	@scripts/setup run

setup-test:
	@scripts/setup test

build: setup-run ## build the program (profile quick)
	@echo "== building Hinomi (the first time takes several minutes on two cores) =="
	@cargo build --profile $(PROFILE) --package hinomi

run: build ## start Hinomi; CAPTURE=file.pcap reads a capture, INTERFACE=eth1 a mirror port, DATA=folder where to keep things
	@mkdir -p "$(DATA)"
	args=(run --data "$(DATA)")
	if [[ -n "$${CAPTURE:-}" ]]; then args+=(--capture "$$CAPTURE"); fi
	if [[ -n "$${INTERFACE:-}" ]]; then args+=(--interface "$$INTERFACE"); fi
	if [[ -n "$${LISTEN:-}" ]]; then args+=(--listen "$$LISTEN"); fi
	exec "$(HINOMI)" "$${args[@]}"

demo: build ## a living factory without a mirror port, in out/demo
	@mkdir -p "$(DEMO)"
	cargo run --quiet --profile $(PROFILE) --package xtask -- make-capture factory --to-now --out "$(DEMO)/factory.pcap"
	exec "$(HINOMI)" run --data "$(DEMO)/data" --capture "$(DEMO)/factory.pcap" --assets "$(DEMO)/factory.pcap.assets.csv" $${LISTEN:+--listen $$LISTEN}

test: setup-test ## every test: units, stores, namespaces, browser
	@cargo xtask test

check: ## format, lints, import rules, licences, locale keys, docs
	@cargo xtask check

shots: setup-test ## screenshots of every page into docs/screenshots
	@cargo xtask shots

fuzz: setup-test ## every fuzz target, SECONDS=60 each
	@cargo xtask fuzz --seconds "$${SECONDS_EACH:-60}"

bench: ## the quick benchmarks, printed and appended to docs/benchmarks.md
	@cargo xtask bench --quick

clean-demo: ## forget the demo's data
	@rm -rf "$(DEMO)"
