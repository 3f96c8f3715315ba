import type { Identifier, Literal, ModuleDeclaration, Pattern, Program } from "acorn"
import type { Edits } from "./Edits.ts"

type Statement = Program["body"][number]

/** Turns the imports and exports of a module into calls, which its function makes before anything else. */
export class Links {
  private readonly loads: Array<string> = []
  private readonly getters: Array<string> = []
  private readonly stars: Array<string> = []
  private count = 0

  private readonly prefix: string
  private readonly edits: Edits

  constructor(prefix: string, edits: Edits) {
    this.prefix = prefix
    this.edits = edits
  }

  add(statement: Statement | ModuleDeclaration): void {
    switch (statement.type) {
      case "ImportDeclaration": {
        this.edits.replace(statement.start, statement.end, ";")
        const namespace = this.load(
          statement.source,
          statement.specifiers.flatMap((one) =>
            one.type === "ImportDefaultSpecifier"
              ? ["default"]
              : one.type === "ImportSpecifier"
                ? [nameOf(one.imported)]
                : []
          )
        )
        for (const one of statement.specifiers) {
          const name =
            one.type === "ImportNamespaceSpecifier"
              ? ""
              : one.type === "ImportSpecifier"
                ? nameOf(one.imported)
                : "default"
          this.loads.push(`const ${one.local.name} = ${namespace}${name === "" ? "" : `[${JSON.stringify(name)}]`};`)
        }
        return
      }
      case "ExportAllDeclaration": {
        this.edits.replace(statement.start, statement.end, ";")
        const namespace = this.load(statement.source, [])
        if (statement.exported) this.share(nameOf(statement.exported), namespace)
        else this.stars.push(namespace)
        return
      }
      case "ExportNamedDeclaration": {
        const { declaration, source, specifiers } = statement
        if (declaration) {
          this.edits.replace(statement.start, declaration.start, "")
          const ids =
            declaration.type === "VariableDeclaration"
              ? declaration.declarations.map((one) => one.id)
              : [declaration.id]
          for (const name of ids.flatMap(namesIn)) this.share(name, name)
          return
        }
        this.edits.replace(statement.start, statement.end, ";")
        const namespace = source
          ? this.load(
              source,
              specifiers.map((one) => nameOf(one.local))
            )
          : undefined
        for (const one of specifiers) {
          const local = nameOf(one.local)
          this.share(nameOf(one.exported), namespace === undefined ? local : `${namespace}[${JSON.stringify(local)}]`)
        }
        return
      }
      case "ExportDefaultDeclaration": {
        const { declaration } = statement
        if ("id" in declaration && declaration.id && declaration.type.endsWith("Declaration")) {
          this.edits.replace(statement.start, declaration.start, "")
          return this.share("default", declaration.id.name)
        }
        const name = `${this.prefix}default`
        this.loads.unshift(`let ${name};`)
        // Not up to the expression itself: parentheses around it are no part of it.
        const end = this.edits.source.indexOf("default", statement.start) + "default".length
        this.edits.replace(statement.start, end, `;${name} =`)
        if (declaration.type.endsWith("Declaration")) this.edits.close(declaration.end, ";", declaration.start)
        return this.share("default", name)
      }
    }
  }

  /** What the function does first. Exports come before imports, so that modules in a circle see each other. */
  prologue(): string {
    const share = `${this.prefix}share`
    return [
      `${share}({${this.getters.join(",")}});`,
      ...this.loads,
      ...this.stars.map((star) => `${share}(${star}, true);`)
    ].join("")
  }

  private load(source: Literal, names: ReadonlyArray<string>): string {
    const namespace = `${this.prefix}${++this.count}`
    this.loads.push(
      `const ${namespace} = await ${this.prefix}load(${JSON.stringify(source.value)}, ${JSON.stringify(names)});`
    )
    return namespace
  }

  private share(name: string, value: string): void {
    this.getters.push(`get ${JSON.stringify(name)}() { return ${value} }`)
  }
}

const nameOf = (name: Identifier | Literal): string => (name.type === "Identifier" ? name.name : String(name.value))

const namesIn = (pattern: Pattern | null): ReadonlyArray<string> => {
  switch (pattern?.type) {
    case "Identifier":
      return [pattern.name]
    case "ObjectPattern":
      return pattern.properties.flatMap((one) => namesIn(one.type === "RestElement" ? one : one.value))
    case "ArrayPattern":
      return pattern.elements.flatMap(namesIn)
    case "RestElement":
      return namesIn(pattern.argument)
    case "AssignmentPattern":
      return namesIn(pattern.left)
    default:
      return []
  }
}
