// WebAssembly text -> its binary form, for the part of the format that lossc writes.
//
// A module has imports of functions and of one memory, and functions; instructions are folded: operands stand inside, as in
// `(f64.add (local.get $x) (f64.const 1))`. Everything has a name, and blocks have no results. What is not known is an error.
import { BULK, VECTOR, opcodes } from "./opcodes.ts"

/** A word, or what stands in parentheses. */
export type Node = string | readonly Node[]
type List = readonly Node[]

const valueTypes: Readonly<Record<string, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
}
const EMPTY_BLOCK = 0x40
const FUNCTION_TYPE = 0x60

/** The tree of a text: parentheses, words and strings; comments start with `;;`. */
export function read(text: string): List {
  const root: Node[] = []
  const open: Node[][] = [root]
  for (const [token] of text.matchAll(/;;[^\n]*|[()]|"[^"]*"|[^\s()"]+/g)) {
    if (token.startsWith(";;")) continue
    if (token === "(") {
      const list: Node[] = []
      open.at(-1)!.push(list)
      open.push(list)
    } else if (token === ")") open.pop()
    else open.at(-1)!.push(token)
  }
  if (open.length !== 1) throw new Error("parentheses do not match")
  return root[0] as List
}

/** Bytes under construction. */
class Bytes {
  readonly list: number[] = []

  byte(...bytes: readonly number[]): void {
    for (const b of bytes) this.list.push(b)
  }

  /** LEB128, signed. */
  integer(value: bigint): void {
    let rest = value
    for (;;) {
      const low = Number(rest & 127n)
      rest >>= 7n
      const done = (rest === 0n && low < 64) || (rest === -1n && low >= 64)
      this.list.push(done ? low : low | 128)
      if (done) return
    }
  }

  /** LEB128 of an int of 32 bits, signed. */
  small(value: number): void {
    for (let rest = value; ; rest >>= 7) {
      const low = rest & 127
      if (rest >> 6 === 0 || rest >> 6 === -1) return void this.list.push(low)
      this.list.push(low | 128)
    }
  }

  /** LEB128, unsigned. */
  count(value: number): void {
    for (; value >= 128; value = Math.floor(value / 128)) this.list.push((value % 128) | 128)
    this.list.push(value)
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.count(bytes.length)
    this.byte(...bytes)
  }

  /** What another has, behind its length. */
  sized(other: Bytes): void {
    this.count(other.list.length)
    for (const b of other.list) this.list.push(b)
  }

  float(value: number, size: 4 | 8): void {
    const view = new DataView(new ArrayBuffer(8))
    if (size === 4) view.setFloat32(0, value, true)
    else view.setFloat64(0, value, true)
    for (let i = 0; i < size; i++) this.list.push(view.getUint8(i))
  }

  int32(value: number): void {
    for (let i = 0; i < 4; i++) this.list.push((value >> (8 * i)) & 255)
  }
}

/** Numbers as the text format writes them; Infinity is `inf`. */
function float(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1
  const size = text.replace(/^[+-]/, "")
  return size === "inf" ? sign * Infinity : size === "nan" ? NaN : sign * Number(size)
}

/** The exponent of the size in bytes of a memory access. */
function alignment(op: string): number {
  const size = /(8|32|64)(?:_|$)/.exec(op.split(".")[1]!)?.[1] ?? /\d+/.exec(op)![0]
  return Math.log2(Number(size) / 8)
}

const isList = (node: Node): node is List => typeof node !== "string"
const unquoted = (node: Node): string => (node as string).slice(1, -1)

/** A function as it is declared: parameters with their names, and results. */
interface Declared {
  readonly name: string
  readonly exported: string | undefined
  readonly params: readonly (readonly [name: string, type: string])[]
  readonly results: readonly string[]
  readonly locals: readonly (readonly [name: string, type: string])[]
  readonly body: List
}

function declared(node: List): Declared {
  const params: [string, string][] = []
  const results: string[] = []
  const locals: [string, string][] = []
  let exported: string | undefined
  let at = 1
  const name = typeof node[at] === "string" ? (node[at++] as string) : ""
  for (; at < node.length; at++) {
    const [head, ...rest] = node[at] as List
    if (head === "export") exported = unquoted(rest[0]!)
    else if (head === "param" || head === "local") {
      const to = head === "param" ? params : locals
      if ((rest[0] as string).startsWith("$")) to.push([rest[0] as string, rest[1] as string])
      else for (const type of rest) to.push(["", type as string])
    } else if (head === "result") results.push(...(rest as string[]))
    else break
  }
  return { name, exported, params, results, locals, body: node.slice(at) }
}

/** The instructions of one function. */
class Body {
  private readonly bytes = new Bytes()
  private readonly locals: ReadonlyMap<string, number>
  private readonly functions: ReadonlyMap<string, number>
  private readonly labels: string[] = []

  constructor({ params, locals }: Declared, functions: ReadonlyMap<string, number>) {
    this.locals = new Map([...params, ...locals].map(([name], i) => [name, i]))
    this.functions = functions
  }

  private op(name: string): void {
    const code = opcodes.get(name)
    if (code === undefined) throw new Error(`there is no instruction ${name}`)
    if (code >= VECTOR) {
      this.bytes.byte(VECTOR >> 16)
      this.bytes.count(code - VECTOR)
    } else if (code >= BULK) {
      this.bytes.byte(BULK >> 8)
      this.bytes.count(code - BULK)
    } else this.bytes.byte(code)
  }

  private find(map: ReadonlyMap<string, number>, name: string): number {
    const found = map.get(name)
    if (found === undefined) throw new Error(`${name} is not declared`)
    return found
  }

  private block(op: string, label: string, body: List): void {
    this.op(op)
    this.bytes.byte(EMPTY_BLOCK)
    this.labels.push(label)
    body.forEach((x) => this.instruction(x as List))
    this.labels.pop()
    this.op("end")
  }

  private branch(node: List): void {
    const rest = node.filter((x) => isList(x) && x[0] !== "then" && x[0] !== "else") as List[]
    const part = (name: string): List => (node.find((x) => isList(x) && x[0] === name) as List) ?? []
    rest.forEach((x) => this.instruction(x))
    this.op("if")
    this.bytes.byte(EMPTY_BLOCK)
    this.labels.push("")
    part("then")
      .slice(1)
      .forEach((x) => this.instruction(x as List))
    if (part("else").length > 1) {
      this.op("else")
      part("else")
        .slice(1)
        .forEach((x) => this.instruction(x as List))
    }
    this.labels.pop()
    this.op("end")
  }

  instruction(node: List): void {
    const op = node[0] as string
    if (op === "block" || op === "loop") return this.block(op, node[1] as string, node.slice(2))
    if (op === "if") return this.branch(node)
    const words: string[] = []
    for (const x of node.slice(1))
      if (isList(x)) this.instruction(x)
      else words.push(x)
    this.op(op)
    this.immediates(op, words)
  }

  private immediates(op: string, words: readonly string[]): void {
    const { bytes } = this
    const [word] = words as [string]
    if (op.startsWith("local.")) bytes.count(this.find(this.locals, word))
    else if (op === "call") bytes.count(this.find(this.functions, word))
    else if (op === "br" || op === "br_if") {
      const depth = this.labels.lastIndexOf(word)
      if (depth < 0) throw new Error(`there is no block ${word}`)
      bytes.count(this.labels.length - 1 - depth)
    } else if (op === "i32.const") bytes.small(Number(word))
    else if (op === "i64.const") bytes.integer(BigInt(word))
    else if (op === "f32.const") bytes.float(float(word), 4)
    else if (op === "f64.const") bytes.float(float(word), 8)
    else if (op === "v128.const") this.vector(words)
    else if (op === "i8x16.shuffle" || op.endsWith("extract_lane") || op.endsWith("replace_lane"))
      bytes.byte(...words.map(Number))
    else if (op === "memory.copy") bytes.byte(0, 0)
    else if (op.startsWith("memory.")) bytes.byte(0)
    else if (/\.(load|store)/.test(op)) {
      const offset = words.find((w) => w.startsWith("offset="))
      bytes.count(alignment(op))
      bytes.count(offset ? Number(offset.slice(7)) : 0)
      if (op.endsWith("_lane")) bytes.byte(Number(words.at(-1)))
    } else if (words.length > 0) throw new Error(`${op} takes no ${words.join(" ")}`)
  }

  private vector([shape, ...values]: readonly string[]): void {
    for (const value of values)
      if (shape === "i32x4") this.bytes.int32(Number(value))
      else if (shape === "i64x2") this.long(BigInt(value))
      else this.bytes.float(float(value), shape === "f32x4" ? 4 : 8)
  }

  private long(value: bigint): void {
    for (let i = 0n; i < 64n; i += 8n) this.bytes.byte(Number((value >> i) & 255n))
  }

  code(locals: Declared["locals"]): Bytes {
    const out = new Bytes()
    const runs: [number, string][] = []
    for (const [, type] of locals)
      if (runs.at(-1)?.[1] === type) runs.at(-1)![0]++
      else runs.push([1, type])
    out.count(runs.length)
    for (const [count, type] of runs) {
      out.count(count)
      out.byte(valueTypes[type]!)
    }
    for (const b of this.bytes.list) out.byte(b)
    out.byte(opcodes.get("end")!)
    return out
  }
}

/** Assembles the text of a module. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const [, ...fields] = read(text)
  const types: string[] = []
  const typeOf = (f: Declared): number => {
    const key = `${f.params.map(([, type]) => type).join()}:${f.results.join()}`
    if (!types.includes(key)) types.push(key)
    return types.indexOf(key)
  }
  const importSection = new Bytes()
  const functionSection = new Bytes()
  const exportSection = new Bytes()
  const codeSection = new Bytes()
  const functions = new Map<string, number>()
  const own: Declared[] = []
  let imports = 0
  for (const field of fields as List[]) {
    if (field[0] === "func") own.push(declared(field))
    else if (field[0] === "import") {
      imports++
      importSection.text(unquoted(field[1]!))
      importSection.text(unquoted(field[2]!))
      const what = field[3] as List
      if (what[0] === "memory") {
        const [least, most, shared] = what.slice(1) as string[]
        importSection.byte(2, (most === undefined ? 0 : 1) | (shared === undefined ? 0 : 2))
        importSection.count(Number(least))
        if (most !== undefined) importSection.count(Number(most))
      } else {
        const f = declared(what)
        importSection.byte(0)
        importSection.count(typeOf(f))
        functions.set(f.name, functions.size)
      }
    } else throw new Error(`a module has no ${String(field[0])} here`)
  }
  for (const f of own) functions.set(f.name, functions.size)
  let exports = 0
  for (const f of own) {
    functionSection.count(typeOf(f))
    if (f.exported !== undefined) {
      exports++
      exportSection.text(f.exported)
      exportSection.byte(0)
      exportSection.count(functions.get(f.name)!)
    }
    const body = new Body(f, functions)
    for (const x of f.body) body.instruction(x as List)
    codeSection.sized(body.code(f.locals))
  }
  const typeSection = new Bytes()
  for (const key of types) {
    typeSection.byte(FUNCTION_TYPE)
    for (const list of key.split(":")) {
      const names = list === "" ? [] : list.split(",")
      typeSection.count(names.length)
      typeSection.byte(...names.map((type) => valueTypes[type]!))
    }
  }
  const out = new Bytes()
  out.byte(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
  const section = (id: number, count: number, content: Bytes): void => {
    if (count === 0) return
    const whole = new Bytes()
    whole.count(count)
    for (const b of content.list) whole.byte(b)
    out.byte(id)
    out.sized(whole)
  }
  section(1, types.length, typeSection)
  section(2, imports, importSection)
  section(3, own.length, functionSection)
  section(7, exports, exportSection)
  section(10, own.length, codeSection)
  return Uint8Array.from(out.list)
}
