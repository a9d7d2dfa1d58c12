// WGSL, as far as lossc writes it, -> JavaScript that a test can stop at every barrier.
//
// Functions take the invocation `$I` first. Those that may meet a barrier are generators, which yield the kind of memory it orders,
// or "subgroup" where they give a number to those of their subgroup.
// Memory is reached through `$get` and `$set` alone.
import {
  type Type,
  type Typed,
  binary,
  builtin,
  levels,
  literal,
  parts,
  prelude,
  typeOf,
  vectors,
} from "./wgsl-operators.ts"

interface ArrayVariable {
  readonly name: string
  readonly element: Exclude<Type, "vec3" | "vec4f" | "vec4i" | "vec4u">
  /** Whether its elements are reached four at a time. */
  readonly isVectors: boolean
}

/** A shader as a script. */
export interface Script {
  /** The body of a function of `$get`, `$set`, `$length` and `u` that returns the entry points by name. */
  readonly text: string
  /** The fields of the uniform, in words. */
  readonly uniform: readonly { readonly name: string; readonly type: Type }[]
  /** Several variables may stand for one binding. */
  readonly bindings: ReadonlyMap<number, readonly ArrayVariable[]>
  readonly shared: readonly (ArrayVariable & { readonly length: number })[]
  /** Variables of each invocation, which start as 0. */
  readonly privates: ReadonlyMap<string, Type>
  readonly workgroupSize: number
}

const TOKEN =
  /\s+|\/\/.*|([A-Za-z_]\w*|0x[\da-fA-F]+u?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[fiu]?|>>=|<<=|\+\+|[-+*/%&|^<>=!]=|&&|\|\||<<|>>|->|[-+*/%&|^~!<>=(){}[\],;:.@])/y

/** Translates a shader. Throws where it is not in the subset. */
export function wgslScript(shader: string): Script {
  return new Translator(tokens(shader)).script()
}

function tokens(text: string): string[] {
  const out: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (!match) throw new Error(`no WGSL that is known: ${text.slice(from, from + 40)}`)
    if (match[1] !== undefined) out.push(match[1])
  }
  return out
}

const subgroupFunctions = ["Add", "Mul", "Max", "Min", "Any", "All"].map((name) => `subgroup${name}`)

class Translator {
  private readonly list: readonly string[]
  private at = 0
  private readonly uniform: { name: string; type: Type }[] = []
  private readonly bindings = new Map<number, ArrayVariable[]>()
  private readonly shared: (ArrayVariable & { readonly length: number })[] = []
  private readonly arrays = new Map<string, ArrayVariable["element"]>()
  private readonly vectors = new Set<string>()
  private readonly privates = new Map<string, Type>()
  private readonly results = new Map<string, Type | undefined>()
  private readonly waiting = new Set<string>()
  private readonly entries: string[] = []
  private workgroupSize = 0
  private scopes: Map<string, Type>[] = []

  constructor(list: readonly string[]) {
    this.list = list
    this.findFunctions()
  }

  script(): Script {
    const functions: string[] = []
    while (this.at < this.list.length) this.declaration(functions)
    return {
      text: `${prelude}${functions.join("\n")}\nreturn { ${this.entries.join(", ")} }`,
      uniform: this.uniform,
      bindings: this.bindings,
      shared: this.shared,
      privates: this.privates,
      workgroupSize: this.workgroupSize,
    }
  }

  /** What functions return, and which of them may wait at a barrier: all that call one that does. */
  private findFunctions(): void {
    const { list } = this
    const calls = new Map<string, Set<string>>()
    let own = new Set<string>()
    for (let i = 0; i < list.length; i++) {
      if (list[i] === "fn") {
        const name = list[++i]!
        calls.set(name, (own = new Set()))
        let k = i
        while (list[k] !== "{") k++
        const arrow = list.lastIndexOf("->", k)
        this.results.set(name, arrow > i ? typeOf(list[arrow + 1]!) : undefined)
      } else if (list[i + 1] === "(") own.add(list[i]!)
    }
    const barriers = ["workgroupBarrier", "storageBarrier", "workgroupUniformLoad", ...subgroupFunctions]
    for (let before = -1; before < this.waiting.size;) {
      before = this.waiting.size
      for (const [name, called] of calls)
        if ([...called].some((x) => barriers.includes(x) || this.waiting.has(x))) this.waiting.add(name)
    }
  }

  // ---------------------------------------------------------------------------------------------- tokens

  private peek(): string {
    return this.list[this.at]!
  }

  private take(expected?: string): string {
    const token = this.list[this.at++]
    if (token === undefined || (expected !== undefined && token !== expected))
      throw new Error(`${expected} was expected, not ${this.list.slice(this.at - 6, this.at + 3).join(" ")}`)
    return token
  }

  private has(token: string): boolean {
    if (this.peek() !== token) return false
    this.at++
    return true
  }

  // ---------------------------------------------------------------------------------------- declarations

  private declaration(functions: string[]): void {
    let binding: number | undefined
    let isEntry = false
    while (this.has("@")) {
      const name = this.take()
      if (name === "compute") isEntry = true
      else {
        this.take("(")
        const value = Number(this.take())
        if (name === "binding") binding = value
        if (name === "workgroup_size") this.workgroupSize = value
        this.take(")")
      }
    }
    if (this.has("enable")) {
      this.take("subgroups")
      return void this.take(";")
    }
    if (this.has("struct")) return this.struct()
    if (this.has("var")) return this.variable(binding)
    this.take("fn")
    functions.push(this.function(isEntry))
  }

  private struct(): void {
    this.take()
    this.take("{")
    while (!this.has("}")) {
      const name = this.take()
      this.take(":")
      this.uniform.push({ name, type: typeOf(this.take()) })
      this.has(",")
    }
  }

  private variable(binding: number | undefined): void {
    this.take("<")
    const space = this.take()
    while (this.peek() !== ">") this.at++
    this.take(">")
    const name = this.take()
    this.take(":")
    if (space === "private") this.privates.set(name, typeOf(this.take()))
    else if (space !== "uniform") {
      this.take("array")
      this.take("<")
      const isVectors = this.has("vec4")
      if (isVectors) this.take("<")
      const element = typeOf(this.take()) as ArrayVariable["element"]
      const length = this.has(",") ? Number(this.take()) : 0
      this.take(isVectors ? ">>" : ">")
      this.arrays.set(name, element)
      if (isVectors) this.vectors.add(name)
      if (space === "workgroup") this.shared.push({ name, element, isVectors, length })
      else this.bindings.set(binding!, [...(this.bindings.get(binding!) ?? []), { name, element, isVectors }])
    } else this.take()
    this.take(";")
  }

  private function(isEntry: boolean): string {
    const name = this.take()
    if (isEntry) this.entries.push(name)
    const scope = new Map<string, Type>()
    this.take("(")
    const params: string[] = []
    while (!this.has(")")) {
      let builtin: string | undefined
      if (this.has("@")) {
        this.take("builtin")
        this.take("(")
        builtin = this.take()
        this.take(")")
      }
      const param = this.take()
      this.take(":")
      scope.set(
        param,
        builtin === undefined || builtin === "local_invocation_index" ? this.type() : (this.type(), "vec3"),
      )
      params.push(builtin === undefined ? param : `${param} = $I.${builtin}`)
      this.has(",")
    }
    if (this.has("->")) this.type()
    this.scopes = [scope]
    const star = this.waiting.has(name) ? "*" : ""
    return `function${star} ${name}(${["$I", ...params].join(", ")}) ${this.block()}`
  }

  private type(): Type {
    const name = this.take()
    if (this.has("<")) {
      this.take()
      this.take(">")
    }
    return typeOf(name)
  }

  // ------------------------------------------------------------------------------------------ statements

  private block(): string {
    this.take("{")
    this.scopes.push(new Map())
    const lines: string[] = []
    while (!this.has("}")) lines.push(this.statement())
    this.scopes.pop()
    return `{\n${lines.join("\n")}\n}`
  }

  private statement(): string {
    switch (this.peek()) {
      case "{":
        return this.block()
      case "if": {
        this.take()
        const head = `if (${this.expression().text}) ${this.block()}`
        if (!this.has("else")) return head
        return `${head} else ${this.peek() === "if" ? this.statement() : this.block()}`
      }
      case "for": {
        this.take()
        this.take("(")
        this.scopes.push(new Map())
        const start = this.simple()
        this.take(";")
        const condition = this.expression().text
        this.take(";")
        const step = this.simple()
        this.take(")")
        const loop = `for (${start}; ${condition}; ${step}) ${this.block()}`
        this.scopes.pop()
        return loop
      }
      case "switch": {
        this.take()
        const value = this.expression().text
        this.take("{")
        let out = `switch (${value}) {`
        while (!this.has("}")) {
          out += this.has("default") ? "default" : `${this.take("case")} ${this.expression().text}`
          this.take(":")
          out += `: ${this.block()} break\n`
        }
        return `${out}}`
      }
      case "return": {
        this.take()
        const value = this.peek() === ";" ? "" : this.expression().text
        this.take(";")
        return `return ${value}`
      }
    }
    const line = this.simple()
    this.take(";")
    return line
  }

  private simple(): string {
    const word = this.peek()
    if (word === "let" || word === "var") {
      this.take()
      const name = this.take()
      if (/^([fiu](16|32)|bool|(vec|mat)\d\w*)$/.test(name)) throw new Error(`a variable is called ${name}`)
      const said = this.has(":") ? this.type() : undefined
      const value = this.has("=") ? this.expression() : { type: said!, text: said === "bool" ? "false" : "0" }
      this.scopes[this.scopes.length - 1]!.set(name, said ?? value.type)
      return `let ${name} = ${value.text}`
    }
    if (word === "break" || word === "continue") return this.take()
    if (this.list[this.at + 1] === "(") return this.expression().text
    const name = this.take()
    const index = this.has("[") ? this.expression().text : undefined
    if (index !== undefined) this.take("]")
    if (index !== undefined && this.vectors.has(name)) return this.vectorStore(name, index)
    const old =
      index === undefined
        ? this.named(name)
        : { type: this.arrays.get(name)!, text: `$get($I, "${name}", $at)` }
    const operator = this.has("++") ? "+=" : this.take()
    const value = this.list[this.at - 1] === "++" ? literal("1") : this.expression()
    const text = operator === "=" ? value.text : binary(operator.slice(0, -1), old, value).text
    if (index === undefined) return `${old.text} = ${text}`
    return operator === "="
      ? `$set($I, "${name}", ${index}, ${text})`
      : `{ const $at = ${index}; $set($I, "${name}", $at, ${text}) }`
  }

  /** A store of a vector, or of a part of one. */
  private vectorStore(name: string, index: string): string {
    const part = this.has("[") ? this.expression().text : undefined
    if (part !== undefined) this.take("]")
    this.take("=")
    const value = this.expression().text
    return part === undefined
      ? `$setVector($I, "${name}", ${index}, ${value})`
      : `$setPart($I, "${name}", ${index}, ${part}, ${value})`
  }

  // ----------------------------------------------------------------------------------------- expressions

  private expression(least = 0): Typed {
    let left = this.unary()
    for (;;) {
      const level = levels[this.peek()]
      if (level === undefined || level < least) return left
      left = binary(this.take(), left, this.expression(level + 1))
    }
  }

  private unary(): Typed {
    if (this.has("-")) {
      const { type, text } = this.unary()
      return { type, text: type === "i32" ? `(-${text} | 0)` : `(-${text})` }
    }
    if (this.has("!")) return { type: "bool", text: `(!${this.unary().text})` }
    if (this.has("~")) {
      const { type, text } = this.unary()
      return { type, text: type === "u32" ? `(~${text} >>> 0)` : `(~${text})` }
    }
    let out = this.primary()
    while (this.has("."))
      out = {
        type: out.type in parts ? parts[out.type as keyof typeof parts] : this.isFloats(out) ? "f32" : "u32",
        text: `${out.text}.${this.take()}`,
      }
    return out
  }

  /** Whether a vector is not one of the built-in values, which are of u32. */
  private isFloats({ text }: Typed): boolean {
    return text !== "id" && text !== "count"
  }

  private primary(): Typed {
    if (this.has("(")) {
      const { type, text } = this.expression()
      this.take(")")
      return { type, text: `(${text})` }
    }
    const word = this.take()
    if (/^[\d.]/.test(word)) return literal(word)
    if (word === "true" || word === "false") return { type: "bool", text: word }
    if (
      this.peek() === "(" ||
      (word === "bitcast" && this.peek() === "<") ||
      (/^vec[34]$/.test(word) && this.peek() === "<")
    )
      return this.call(word)
    if (word === "u" && this.has(".")) {
      const field = this.take()
      return { type: this.uniform.find(({ name }) => name === field)!.type, text: `u.${field}` }
    }
    if (!this.has("[")) return this.named(word)
    const index = this.expression().text
    this.take("]")
    const type = this.arrays.get(word)!
    if (!this.vectors.has(word)) return { type, text: `$get($I, "${word}", ${index})` }
    if (!this.has("["))
      return { type: vectors[type as keyof typeof vectors], text: `$getVector($I, "${word}", ${index})` }
    const part = this.expression().text
    this.take("]")
    return { type, text: `$get($I, "${word}", 4 * (${index}) + ${part})` }
  }

  private named(name: string): Typed {
    for (let k = this.scopes.length - 1; k >= 0; k--) {
      const type = this.scopes[k]!.get(name)
      if (type) return { type, text: name }
    }
    const type = this.privates.get(name)
    if (!type)
      throw new Error(
        `nothing is called ${name} before ${this.list.slice(this.at - 9, this.at + 3).join(" ")}`,
      )
    return { type, text: `$I.${name}` }
  }

  private call(name: string): Typed {
    const to = this.has("<") ? this.take() : ""
    if (to !== "") this.take(">")
    this.take("(")
    if (name === "workgroupUniformLoad") {
      this.take("&")
      const array = this.take()
      this.take("[")
      const index = this.expression().text
      this.take("]")
      this.take(")")
      return { type: this.arrays.get(array)!, text: `(yield* $uniformLoad($I, "${array}", ${index}))` }
    }
    if (name === "arrayLength") {
      this.take("&")
      const array = this.take()
      this.take(")")
      return { type: "u32", text: `$length("${array}")` }
    }
    const args: Typed[] = []
    while (!this.has(")")) {
      args.push(this.expression())
      this.has(",")
    }
    if (name === "workgroupBarrier") return { type: "bool", text: `yield "workgroup"` }
    if (name === "storageBarrier") return { type: "bool", text: `yield "storage"` }
    const texts = args.map(({ text }) => text)
    if (subgroupFunctions.includes(name)) {
      const { type, text } = args[0]!
      return { type, text: `(yield* $subgroup($I, "${name}", "${type}", ${text}))` }
    }
    if (this.results.has(name)) {
      const called = `${name}(${["$I", ...texts].join(", ")})`
      return { type: this.results.get(name)!, text: this.waiting.has(name) ? `(yield* ${called})` : called }
    }
    return builtin(name, to, args)
  }
}
