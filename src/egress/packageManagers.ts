/** What `allow_package_managers` adds: where each client looks by default, as its own documentation says. */
export const packageManagerHosts: ReadonlyArray<{ readonly manager: string; readonly hosts: ReadonlyArray<string> }> = [
  // https://docs.npmjs.com/cli/using-npm/registry, https://classic.yarnpkg.com/docs/cli/config
  { manager: "npm", hosts: ["registry.npmjs.org", "registry.yarnpkg.com"] },
  // https://docs.pypi.org/api/
  { manager: "PyPI", hosts: ["pypi.org", "files.pythonhosted.org"] },
  // https://doc.rust-lang.org/cargo/reference/registries.html, https://crates.io/data-access
  { manager: "crates.io", hosts: ["index.crates.io", "static.crates.io", "crates.io"] },
  // https://guides.rubygems.org/rubygems-org-api/, https://guides.rubygems.org/rubygems-org-compact-index-api/
  { manager: "RubyGems", hosts: ["rubygems.org", "index.rubygems.org"] },
  // https://go.dev/ref/mod#environment-variables (GOPROXY, GOSUMDB)
  { manager: "Go", hosts: ["proxy.golang.org", "sum.golang.org"] },
  // https://www.debian.org/mirror/list, https://wiki.debian.org/SourcesList
  { manager: "Debian", hosts: ["deb.debian.org", "security.debian.org"] },
  // https://documentation.ubuntu.com/server/reference/other-tools/ (ports.ubuntu.com serves arm64)
  { manager: "Ubuntu", hosts: ["archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com"] }
]
