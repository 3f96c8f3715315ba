import type { Networking } from "../../src/domain/Environment.ts"

type Limited = Extract<Networking, { readonly type: "limited" }>

export const limitedBy = (fields: Partial<Limited>): Limited => ({
  type: "limited",
  allowed_hosts: [],
  allow_package_managers: false,
  allow_mcp_servers: false,
  ...fields
})

export const limited = (...allowed_hosts: ReadonlyArray<string>): Limited => limitedBy({ allowed_hosts })

export const noPatterns = [
  "https://example.com",
  "example.com/path",
  "user@example.com",
  "exam*ple.com",
  "*.",
  "*.*",
  "**",
  "",
  " ",
  ":443",
  "example.com:",
  "example.com:0",
  "example.com:99999",
  "*example.com",
  "*.127.0.0.1",
  "::1",
  "example.com,example.org"
]

/** Honest and hostile URLs, each with what must come of it under the networking above it. */
export const table: ReadonlyArray<readonly [name: string, Networking, ReadonlyArray<readonly [string, string]>]> = [
  [
    "one host",
    limited("example.com"),
    [
      ["https://example.com/", "allowed"],
      ["http://example.com/", "allowed"],
      ["https://example.com:443/", "allowed"],
      ["http://example.com:80/", "allowed"],
      ["https://EXAMPLE.com/", "allowed"],
      ["HTTPS://Example.Com./a?b#c", "allowed"],
      ["https://ｅｘａｍｐｌｅ.com/", "allowed"],
      ["https://%65xample.com/", "allowed"],
      ["https://example%2ecom/", "allowed"],
      ["https://example。com/", "allowed"],
      ["https:example.com", "allowed"],
      ["https:\\\\example.com\\", "allowed"],
      ["https://exa\tmple.com/", "allowed"],
      ["https://example.com\\@evil.com/", "allowed"],
      ["https://example.com/@evil.com", "allowed"],
      ["https://example.com#@evil.com/", "allowed"],
      ["http://example.com:443/", "blocked"],
      ["https://example.com:80/", "blocked"],
      ["https://example.com:8443/", "blocked"],
      ["https://example.com:0/", "blocked"],
      ["https://example.com:65536/", "no URL"],
      ["ftp://example.com/", "blocked"],
      ["ws://example.com/", "blocked"],
      ["wss://example.com/", "blocked"],
      ["file://example.com/etc/passwd", "blocked"],
      ["gopher://example.com/", "blocked"],
      ["data:text/html,example.com", "blocked"],
      ["javascript://example.com/%0aalert(1)", "blocked"],
      ["blob:https://example.com/id", "blocked"],
      ["https://user@example.com/", "blocked"],
      ["https://user:password@example.com/", "blocked"],
      ["https://:password@example.com/", "blocked"],
      ["https://example.com@evil.com/", "blocked"],
      ["https://example.com:443@evil.com/", "blocked"],
      ["https://example.com%40evil.com/", "no URL"],
      ["https://evil.com/?https://example.com/", "blocked"],
      ["https://evil.com/example.com", "blocked"],
      ["https://evil.com\\.example.com/", "blocked"],
      ["https://evil.com#.example.com", "blocked"],
      ["https://evil.com?.example.com", "blocked"],
      ["https://www.example.com/", "blocked"],
      ["https://example.com.evil.com/", "blocked"],
      ["https://evilexample.com/", "blocked"],
      ["https://example.co/", "blocked"],
      ["https://example.com..", "blocked"],
      ["https://.example.com/", "blocked"],
      ["https://example..com/", "blocked"],
      ["https://example.com,evil.com/", "blocked"],
      ["https://evil.com;example.com/", "blocked"],
      ["https://examplе.com/", "blocked"],
      ["https://exаmple.com/", "blocked"],
      ["https://example.com%00.evil.com/", "no URL"],
      ["https://example.com%0d%0aevil.com/", "no URL"],
      ["https://93.184.216.34/", "blocked"]
    ]
  ],
  [
    "a suffix",
    limited("*.example.com"),
    [
      ["https://www.example.com/", "allowed"],
      ["https://a.b.example.com/", "allowed"],
      ["https://WWW.example.COM./", "allowed"],
      ["https://example.com/", "blocked"],
      ["https://evilexample.com/", "blocked"],
      ["https://www.example.com.evil.com/", "blocked"],
      ["https://.example.com/", "blocked"],
      ["https://www.example.com:8080/", "blocked"]
    ]
  ],
  [
    "every host",
    limited("*"),
    [
      ["https://example.com/", "allowed"],
      ["http://93.184.216.34/", "allowed"],
      ["https://[2606:2800:220:1:248:1893:25c8:1946]/", "allowed"],
      ["https://example.com:8443/", "blocked"],
      ["ftp://example.com/", "blocked"],
      ["https://user@example.com/", "blocked"],
      [`https://${"a".repeat(64)}.${"b.".repeat(120)}example.com/`, "blocked"]
    ]
  ],
  [
    "a port",
    limited("example.com:8443", "*.example.org:8080", "*:9000"),
    [
      ["https://example.com:8443/", "allowed"],
      ["http://example.com:8443/", "allowed"],
      ["https://example.com/", "blocked"],
      ["http://www.example.org:8080/", "allowed"],
      ["http://www.example.org/", "blocked"],
      ["https://anything.test.example:9000/", "allowed"],
      ["https://anything.test.example/", "blocked"],
      ["http://127.0.0.1:9000/", "blocked"]
    ]
  ],
  [
    "names in other scripts",
    limited("bücher.example", "*.例え.jp"),
    [
      ["https://bücher.example/", "allowed"],
      ["https://BÜCHER.example/", "allowed"],
      ["https://xn--bcher-kva.example/", "allowed"],
      ["https://www.xn--r8jz45g.jp/", "allowed"],
      ["https://bucher.example/", "blocked"]
    ]
  ],
  [
    "addresses that are named",
    limited(
      "127.0.0.1:8080",
      "localhost:3000",
      "[::1]:8080",
      "db.internal",
      "10.0.0.5",
      "192.168.1.1:65535",
      "255.255.8.8"
    ),
    [
      ["http://127.0.0.1:8080/", "allowed"],
      ["http://2130706433:8080/", "allowed"],
      ["http://0x7f.1:8080/", "allowed"],
      ["http://127.1:8080/", "allowed"],
      ["http://[::ffff:127.0.0.1]:8080/", "allowed"],
      ["http://[0:0:0:0:0:0:0:1]:8080/", "allowed"],
      ["http://localhost:3000/", "allowed"],
      ["http://LOCALHOST.:3000/", "allowed"],
      ["https://db.internal/", "allowed"],
      ["http://10.0.0.5/", "allowed"],
      ["http://192.168.1.1:65535/", "allowed"],
      ["http://127.0.0.1/", "blocked"],
      ["http://127.0.0.1:3000/", "blocked"],
      ["http://[::ffff:808]/", "blocked"],
      ["http://127.0.0.2:8080/", "blocked"],
      ["http://localhost:8080/", "blocked"],
      ["http://www.localhost:3000/", "blocked"],
      ["http://[::1]:3000/", "blocked"],
      ["http://10.0.0.6/", "blocked"]
    ]
  ],
  [
    "package managers",
    limitedBy({ allow_package_managers: true }),
    [
      ["https://registry.npmjs.org/effect", "allowed"],
      ["https://files.pythonhosted.org/packages/a.whl", "allowed"],
      ["https://index.crates.io/se/rd/serde", "allowed"],
      ["https://proxy.golang.org/golang.org/x/net/@v/list", "allowed"],
      ["http://deb.debian.org/debian/dists/stable/InRelease", "allowed"],
      ["http://ports.ubuntu.com/", "allowed"],
      ["https://registry.npmjs.org:8443/", "blocked"],
      ["https://npmjs.org/", "blocked"],
      ["https://registry.npmjs.org.evil.com/", "blocked"]
    ]
  ],
  ["MCP servers", limitedBy({ allow_mcp_servers: true }), [["https://mcp.example.com/", "blocked"]]],
  ["nothing", limited(), [["https://example.com/", "blocked"]]],
  [
    "entries that are no host pattern",
    limited(...noPatterns),
    [
      ["https://example.com/", "blocked"],
      ["https://example.com/path", "blocked"],
      ["https://example.org/", "blocked"],
      ["https://www.example.com/", "blocked"],
      ["http://127.0.0.1/", "blocked"],
      ["http://[::1]/", "blocked"]
    ]
  ]
]

/** Not on the public internet, in every spelling; no networking lets them pass unless it names them. */
export const special = [
  "http://127.0.0.1/",
  "http://127.1/",
  "http://127.0.0.1./",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0177.0.0.1/",
  "http://0x7f.0.0.0x1/",
  "http://①②⑦.0.0.1/",
  "http://127.255.255.254/",
  "http://0.0.0.0/",
  "http://0/",
  "http://10.0.0.1/",
  "http://10.255.255.255/",
  "http://172.16.0.1/",
  "http://172.31.255.255/",
  "http://192.168.0.1/",
  "http://3232235777/",
  "http://100.64.0.1/",
  "http://100.127.255.255/",
  "http://100.100.100.200/",
  "http://169.254.169.254/",
  "http://169.254.169.254./",
  "http://2852039166/",
  "http://0xa9fea9fe/",
  "http://0251.0376.0251.0376/",
  "http://169.254.170.2/",
  "http://168.63.129.16/",
  "http://192.0.0.192/",
  "http://192.0.2.1/",
  "http://198.18.0.1/",
  "http://198.51.100.1/",
  "http://203.0.113.1/",
  "http://224.0.0.1/",
  "http://239.255.255.250/",
  "http://240.0.0.1/",
  "http://255.255.255.255/",
  "http://[::]/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[::ffff:169.254.169.254]/",
  "http://[::ffff:a9fe:a9fe]/",
  "http://[::127.0.0.1]/",
  "http://[::ffff:0]/",
  "http://[::ffff:0:127.0.0.1]/",
  "http://[64:ff9b::127.0.0.1]/",
  "http://[64:ff9b:1::a00:1]/",
  "http://[2002:7f00:1::]/",
  "http://[2001::1]/",
  "http://[2001:db8::1]/",
  "http://[3fff::1]/",
  "http://[100::1]/",
  "http://[fc00::1]/",
  "http://[fd00:ec2::254]/",
  "http://[fe80::1]/",
  "http://[febf::1]/",
  "http://[fec0::1]/",
  "http://[ff02::1]/",
  "http://[5f00::1]/",
  "http://localhost/",
  "http://LocalHost/",
  "http://localhost./",
  "http://foo.localhost/",
  "http://metadata/",
  "http://metadata.google.internal/",
  "http://METADATA.GOOGLE.INTERNAL./",
  "http://instance-data.ec2.internal/",
  "http://printer.local/",
  "http://router.lan/",
  "http://nas.home.arpa/",
  "http://localhost.localdomain/",
  "http://intranet/",
  "http://ⓛocalhost/"
]

/** Their neighbours, and names that only look like them. */
export const publicHosts = [
  "http://126.255.255.255/",
  "http://128.0.0.1/",
  "http://11.0.0.1/",
  "http://172.15.255.255/",
  "http://172.32.0.1/",
  "http://192.169.0.1/",
  "http://100.63.255.255/",
  "http://100.128.0.1/",
  "http://169.253.0.1/",
  "http://223.255.255.255/",
  "http://168.63.129.17/",
  "http://[2606:4700::1111]/",
  "http://[2001:4860:4860::8888]/",
  "http://[2003::1]/",
  "http://[3fff:1000::1]/",
  "http://[::ffff:8.8.8.8]/",
  "http://internal.example.com/",
  "http://localhost.example.com/",
  "http://10.0.0.1.example.com/",
  "http://example.com:8443/"
]
