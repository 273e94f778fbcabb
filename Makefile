# Builds, tests and installs jarloop on Debian and Ubuntu. What is missing gets
# installed; as a user, sudo is asked for what needs root and for nothing else.

# Given on the command line: in the environment such names are about something else.
PREFIX     := /usr/local
SYSCONFDIR := /etc
# Where systemd looks for units, for a prefix of /usr/local or /usr.
UNITDIR    := $(PREFIX)/lib/systemd/system

GO         ?= go
TESTFLAGS  ?= -race -count=1 -p 2 -timeout 30m
PACKAGES   ?= ./...
FUZZ_TIME  ?= 30s

# "a|b" means either: what is installed, else the first that the release has.
BUILD_PACKAGES   := gcc libc6-dev pkg-config lxc-dev|liblxc-dev
RUN_PACKAGES     := lxc|lxc-utils lxc-templates iptables iproute2 dnsmasq-base rsync \
                    mmdebstrap debian-archive-keyring uidmap util-linux
TEST_PACKAGES    := systemd bindfs nftables btrfs-progs curl busybox-static|busybox tmux chromium|chromium-browser
EXAMPLE_PACKAGES := gradle openjdk-17-jdk-headless|openjdk-21-jdk-headless

GOVULNCHECK_VERSION := 1.9.0
GOLANGCI_VERSION := 2.15.0
# Outside the checkout, so that a clean one does not build it again.
GOLANGCI := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/jarloop/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint

NFPM_VERSION := 2.45.2
NFPM := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/jarloop/nfpm-$(NFPM_VERSION)/nfpm

# What a Debian package is for, and where it goes.
ARCH := $(shell dpkg --print-architecture)
OUT  := build

# Finds what keeps people from a page who cannot see it, or have no mouse. The sum is
# that of the package, so that nothing else can take its place.
AXE_VERSION := 4.14.1
AXE_SHA512  := 1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
AXE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/jarloop/axe-core-$(AXE_VERSION)/axe.min.js

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
ROOT    := $(if $(filter-out 0,$(shell id -u)),sudo)
# Tests run as root but are compiled as whoever calls, so that no file of root's
# gets into that one's build cache. They need the caller's PATH to find go; what a
# target sets for them in TEST_ENV would not get past sudo by itself.
TEST_AS_ROOT = $(if $(ROOT),-exec 'sudo env "PATH=$(PATH)" $(TEST_ENV)')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: deps-build ## build ./jarloop, and build/guest for containers of a cluster
	@$(GO) build -buildvcs=false -trimpath -ldflags '$(if $(VERSION),-X github.com/jarloop/jarloop/cmd/internal/self.version=$(VERSION))' -o jarloop ./cmd/jarloop
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -ldflags '-s -w' -o build/guest ./cmd/guest

.PHONY: demo
demo: deps-run deps-example build ## run the sample system here; PORT=8080 and INTERFACE=eth0 choose where
	@packaging/demo

.PHONY: test
test: TEST_ENV := AXE_CORE='$(AXE)'
test: deps-build deps-run deps-test deps-example $(NFPM) $(AXE) ## run all tests, those on real containers too
	@$(TEST_ENV) $(GO) test $(TESTFLAGS) $(TEST_AS_ROOT) $(PACKAGES)

# With the Go that go.mod names, whose standard library is part of what is called,
# even where an older one is all that a build may use (GOTOOLCHAIN=local).
.PHONY: vuln
vuln: deps-build ## look for known vulnerabilities in what is called
	@GO='$(GO)' GOTOOLCHAIN="$$(sed -n 's/^toolchain //p' go.mod)" GOVULNCHECK_VERSION='$(GOVULNCHECK_VERSION)' .ci/vuln

# Their libraries come from a registry, so this is not among the other tests.
.PHONY: apps
apps: TEST_ENV := JARLOOP_APPS=all
apps: deps-build deps-run deps-test deps-example deps-apps ## build applications of public frameworks and deploy them as docs/shapes says
	@$(TEST_ENV) $(GO) test $(TEST_AS_ROOT) -count=1 -timeout 60m -v -run 'TestPublicApplications|TestApplicationsSeeTheSameApart|TestServersOfInit' ./cmd/jarloop

.PHONY: fuzz
fuzz: deps-build ## try every fuzz test for FUZZ_TIME=30s
	@GO='$(GO)' FUZZ_TIME='$(FUZZ_TIME)' .ci/fuzz

.PHONY: bench
bench: deps-test deps-run deps-example deps-apps build ## measure this machine in a lab; BENCHFLAGS='-run latency -n 10' chooses what
	@mkdir -p build
	@$(GO) run $(TEST_AS_ROOT) ./cmd/bench -program ./jarloop $(BENCHFLAGS)

.PHONY: pictures
pictures: deps-build deps-run deps-test deps-example ## draw the pictures of the terminal and the page anew
	@$(GO) run $(TEST_AS_ROOT) ./cmd/pictures

.PHONY: lab
lab: deps-build deps-run deps-test ## open a shell on the VM of a lab
	@$(GO) run $(TEST_AS_ROOT) ./cmd/lab

# Apart from the other tests: whoever asks meanwhile must get an answer, and two
# cores that build and test beside it are late with it.
.PHONY: kill
kill: TEST_ENV := JARLOOP_KILL=all
kill: deps-build deps-run deps-test deps-example ## kill the agent before, in and after every act, while the laptop asks
	@$(TEST_ENV) $(GO) test $(TEST_AS_ROOT) -count=1 -p 1 -timeout 40m -v -run TestKilledAnywhere ./cmd/jarloop ./deployer/incus

# The version before is built from git, in a folder that goes again.
.PHONY: upgrade
upgrade: TEST_ENV = JARLOOP_BEFORE='$(abspath build/before/jarloop)'
upgrade: deps-build deps-run deps-test deps-example ## take over from the version BEFORE=<commit>, while the laptop asks
	@rm -rf build/before && mkdir -p build/before && git archive '$(or $(BEFORE),HEAD~1)' | tar -x -C build/before
	@cd build/before && $(GO) build -buildvcs=false -o jarloop ./cmd/jarloop
	@$(TEST_ENV) $(GO) test $(TEST_AS_ROOT) -count=1 -timeout 15m -v -run TestAnotherVersionIsTakenOver ./cmd/jarloop
	@rm -rf build/before

.PHONY: soak
soak: TEST_ENV := JARLOOP_ROUNDS=50
soak: kill build ## what takes long: make kill, fifty redeploys of a database, and a thousand of the sample system
	@mkdir -p build
	@$(TEST_ENV) $(GO) test $(TEST_AS_ROOT) -count=1 -timeout 20m -v -run TestOneProcessAtATime ./cmd/jarloop
	@$(GO) run $(TEST_AS_ROOT) ./cmd/bench -program ./jarloop -run growth

.PHONY: lint
lint: deps-build $(GOLANGCI) ## check style, common mistakes and who imports whom
	@$(GOLANGCI) run ./...
	@CGO_ENABLED=0 $(GO) vet ./...
	@$(GO) vet -tags pages ./cmd/jarloop

# One that is installed already is taken if it is the same version.
$(GOLANGCI):
	@mkdir -p $(@D)
	@if golangci-lint version 2>/dev/null | grep -qF 'version $(GOLANGCI_VERSION) '; then \
	    ln -sf "$$(command -v golangci-lint)" $@; \
	else \
	    echo "build golangci-lint $(GOLANGCI_VERSION), once: this takes minutes"; \
	    CGO_ENABLED=0 GOBIN=$(@D) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION); \
	fi

.PHONY: tools
tools: $(GOLANGCI) $(NFPM) $(AXE) ## compile the tools that any target needs

.PHONY: deps deps-build deps-run deps-test deps-example
deps: ## install every package that any target needs
	@packaging/install-packages $(foreach p,$(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES) $(EXAMPLE_PACKAGES),'$p')
deps-build:
	@packaging/install-packages $(foreach p,$(BUILD_PACKAGES),'$p')
deps-run:
	@packaging/install-packages $(foreach p,$(RUN_PACKAGES),'$p')
deps-test:
	@packaging/install-packages $(foreach p,$(TEST_PACKAGES),'$p')
deps-apps:
	@packaging/install-packages maven
deps-example:
	@packaging/install-packages $(foreach p,$(EXAMPLE_PACKAGES),'$p')

# With DESTDIR this fills a folder, for a package; else it is this machine.
.PHONY: install
install: build $(if $(DESTDIR),,deps-run) ## install program, unit and configuration; knows DESTDIR and PREFIX
	@$(if $(DESTDIR),,$(ROOT)) env DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' \
	    UNITDIR='$(UNITDIR)' packaging/install

.PHONY: deb
deb: deps-build $(NFPM) ## make a Debian package in build/; ARCH=arm64 for another machine
	@ARCH='$(ARCH)' VERSION='$(VERSION)' OUT='$(OUT)' NFPM='$(NFPM)' DEPENDS='libc6 liblxc1 $(RUN_PACKAGES)' packaging/deb

$(NFPM):
	@echo "build nfpm $(NFPM_VERSION), once: this takes a minute"
	@CGO_ENABLED=0 GOBIN=$(@D) $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@v$(NFPM_VERSION)

$(AXE):
	@command -v npm >/dev/null || packaging/install-packages npm
	@mkdir -p $(@D)
	@cd $(@D) && npm pack --silent axe-core@$(AXE_VERSION) >/dev/null
	@cd $(@D) && echo '$(AXE_SHA512)  axe-core-$(AXE_VERSION).tgz' | sha512sum --quiet -c -
	@cd $(@D) && tar -xzmf axe-core-$(AXE_VERSION).tgz --strip-components=1 package/axe.min.js && rm axe-core-$(AXE_VERSION).tgz

.PHONY: clean
clean: ## remove what was built here; containers are removed by "jarloop clean"
	@rm -rf jarloop build
