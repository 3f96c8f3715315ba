import { type AnyNode, parse, type Program } from "acorn"
import { Edits } from "./Edits.ts"
import { Links } from "./Links.ts"

export type Kind = "module" | "commonjs"

/**
 * A module, rewritten as the text of a function, because an isolate that runs a program as modules forbids it timers, network and clocks
 * while they load. Every function and every loop of it asks `guard` first, which throws once the time is up: nothing else can stop
 * `for (;;)`. Lines stay where they were.
 *
 * - commonjs: `function (guard, load, exports, require, module, __filename, __dirname)`
 * - module: `async (guard, load, share, meta)`; `load(specifier, names)` answers a namespace that has these names, `share(exports, star)`
 *   takes an object with what is exported
 */
export interface Instrumented {
  readonly kind: Kind
  readonly text: string
  /** Specifiers that are written out in it. */
  readonly imports: ReadonlyArray<string>
}

/** Throws a SyntaxError. Without `kind`, what is no script is taken for a module, as Node does. */
export const instrument = (code: string, kind?: Kind): Instrumented => {
  const source = code.replace(/^#!.*/, "")
  const [tree, actual] = read(source, kind)
  const prefix = unused(source)
  const guard = `${prefix}guard`
  const load = `${prefix}load`
  const edits = new Edits(source)
  const imports: Array<string> = []
  for (const node of nodesOf(tree)) {
    addGuard(node, `${guard}()`, edits)
    if (node.type === "ImportExpression") edits.replace(node.start, node.start + "import".length, load)
    if (node.type === "MetaProperty" && node.meta.name === "import")
      edits.replace(node.start, node.end, `${prefix}meta`)
    const specifier = specifierOf(node)
    if (specifier?.type === "Literal" && typeof specifier.value === "string") imports.push(specifier.value)
  }
  if (actual === "commonjs") {
    const text = `function (${guard}, ${load}, exports, require, module, __filename, __dirname) {${edits.apply()}\n}`
    return { kind: actual, imports, text }
  }
  const links = new Links(prefix, edits)
  for (const statement of tree.body) links.add(statement)
  const parameters = `${guard}, ${load}, ${prefix}share, ${prefix}meta`
  return {
    kind: actual,
    imports,
    text: `async (${parameters}) => {"use strict";${links.prologue()}${edits.apply()}\n}`
  }
}

const read = (source: string, kind: Kind | undefined): [Program, Kind] => {
  const as = (sourceType: Kind): [Program, Kind] => [parse(source, { ecmaVersion: "latest", sourceType }), sourceType]
  if (kind !== undefined) return as(kind)
  try {
    return as("commonjs")
  } catch {
    return as("module")
  }
}

/** A prefix of names that the program does not use, and so cannot reach. */
const unused = (source: string): string => {
  let prefix = "$run_"
  while (source.includes(prefix)) prefix += "_"
  return prefix
}

const specifierOf = (node: AnyNode): AnyNode | null | undefined => {
  switch (node.type) {
    case "ImportDeclaration":
    case "ImportExpression":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
      return node.source
    case "CallExpression":
      return node.callee.type === "Identifier" && node.callee.name === "require" ? node.arguments[0] : undefined
    default:
      return undefined
  }
}

const addGuard = (node: AnyNode, guard: string, edits: Edits): void => {
  switch (node.type) {
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      if (node.body.type === "BlockStatement") return edits.open(node.body.start + 1, `${guard};`)
      edits.open(node.body.start, `{${guard};`)
      return edits.close(node.body.end, "}", node.body.start)
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression": {
      const body = node.body
      if (body.type === "BlockStatement") {
        // A directive counts only where nothing comes before it.
        const directive = body.body.findLast(
          (statement) => "directive" in statement && statement.directive !== undefined
        )
        return edits.open(directive?.end ?? body.start + 1, directive === undefined ? `${guard};` : `;${guard};`)
      }
      edits.open(body.start, `(${guard},`)
      return edits.close(body.end, ")", body.start)
    }
  }
}

function* nodesOf(tree: AnyNode): Generator<AnyNode> {
  const ahead: Array<AnyNode> = [tree]
  for (let node = ahead.pop(); node !== undefined; node = ahead.pop()) {
    yield node
    for (const value of Object.values(node).flat()) if (isNode(value)) ahead.push(value)
  }
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && "type" in value && "start" in value
