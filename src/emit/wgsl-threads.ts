// Loops -> WGSL statements of one thread, one after another.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type Loop } from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import type { Lines } from "./text.ts"
import { wgslNumber } from "./wgsl-numbers.ts"
import { type Memory, type Place, type WgslValues, updated, vectorAt, wgslTypes } from "./wgsl-values.ts"

/** Terms that are added up before they are added to a sum, so that its error grows with their number's root only. */
const BLOCK = 32

/** Statements of one thread. */
export class ThreadCode {
  readonly lines: Lines
  readonly values: WgslValues
  readonly memory: Memory
  readonly names: { count: number }

  constructor(lines: Lines, values: WgslValues, memory: Memory, names: { count: number } = { count: 0 }) {
    this.lines = lines
    this.values = values
    this.memory = memory
    this.names = names
  }

  /** The same on other lines. */
  on(lines: Lines): ThreadCode {
    return new ThreadCode(lines, this.values, this.memory, this.names)
  }

  block(body: readonly Stmt[]): void {
    for (let i = 0; i < body.length; i++) {
      const together = this.memory.neighbours.get(body[i]!)
      if (!together) this.statement(body[i]!)
      else {
        this.vector(together)
        i += together.length - 1
      }
    }
  }

  place(buffer: Buffer): Place {
    return this.memory.place(buffer)
  }

  /** Neighbours in memory, at once. */
  private vector(all: readonly Stmt[]): void {
    const { lines, values } = this
    const [first] = all as readonly [Stmt]
    if (first.kind !== "load" && first.kind !== "store") throw new Error("only loads and stores are vectors")
    const place = this.place(first.buffer)
    if (place.kind !== "vectors") throw new Error("an array that is read in vectors is bound as vectors")
    const vector = vectorAt(place.name, this.int(first.at))
    if (first.kind === "store") {
      const type = place.element === "f32" ? "real" : "int"
      const parts = all.map((s) => values.operand((s as typeof first).value, type))
      return lines.add(`${vector} = vec4<${place.element}>(${parts.join(", ")});`)
    }
    const name = this.fresh("v")
    lines.add(`let ${name} = ${vector};`)
    all.forEach((s, t) => {
      const { id, type } = s as typeof first
      this.define(id, values.loaded(place, `${name}.${"xyzw"[t]}`, type))
    })
  }

  statement(s: Stmt): void {
    const { lines, values } = this
    switch (s.kind) {
      case "let":
        return this.define(s.id, values.operation(s.op, s.args, s.type))
      case "load":
        return this.define(s.id, values.load(this.place(s.buffer), this.int(s.at), s.type))
      case "store":
        return this.store(s)
      case "acc": {
        const { name, type } = values.value(s.id)
        return lines.add(`var ${name}: ${wgslTypes[type]} = ${values.operand(s.initial, type)};`)
      }
      case "update": {
        const { type } = values.value(s.acc)
        return lines.add(updated(values.name(s.acc), s.op, values.operand(s.value, type), type))
      }
      case "for":
        return this.loop(s, this.int(s.from), this.int(s.to))
      case "if":
        lines.open(`if (${values.operand(s.condition, "bool")}) {`)
        this.block(s.then)
        if (s.else.length > 0) {
          lines.reopen("} else {")
          this.block(s.else)
        }
        return lines.close("}")
      case "fill":
        return this.fill(s, "0", this.int(s.length), "1")
      case "sort":
        return this.sort(s, "0", "1")
      case "result":
        throw new Error("a result stands outside loops")
    }
  }

  int(x: Operand): string {
    return this.values.operand(x, "int")
  }

  /** A name that nothing else has. */
  fresh(prefix: string): string {
    return `${prefix}${this.names.count++}`
  }

  define(id: number, text: string): void {
    const { name, type } = this.values.value(id)
    this.lines.add(`let ${name}: ${wgslTypes[type]} = ${text};`)
  }

  store(s: Extract<Stmt, { kind: "store" }>): void {
    const place = this.place(s.buffer)
    const at = this.int(s.at)
    if (!s.accumulate) return this.lines.add(this.values.store(place, at, s.value))
    const old = this.values.load(place, at, "real")
    const sum = `${old} + ${this.values.operand(s.value, "real")}`
    this.lines.add(this.values.write(place, at, sum))
  }

  /** Long sums are added up in blocks. */
  loop(s: Loop, from: string, to: string): void {
    const { lines, values } = this
    const index = values.value(s.id).name
    const sums = s.step ? [] : [...combinable(s.body)].filter(([acc, op]) => this.isLongSum(acc, op))
    if (sums.length === 0 || isShort(s)) {
      const step = s.step ? this.int(s.step) : "1"
      return this.steps(s, from, to, `${index} += ${step}`)
    }
    const [start, end] = [this.fresh("c"), this.fresh("e")]
    const parts = new Map(sums.map(([acc]) => [acc, this.fresh("s")]))
    lines.open(`for (var ${start}: i32 = ${from}; ${start} < ${to}; ${start} += ${BLOCK}) {`)
    lines.add(`let ${end} = min(${start} + ${BLOCK}, ${to});`)
    for (const part of parts.values()) lines.add(`var ${part}: f32 = 0.0f;`)
    values.rename(parts, () => this.steps(s, start, end, `${index}++`))
    for (const [acc, part] of parts) lines.add(`${values.name(acc)} += ${part};`)
    lines.close("}")
  }

  /** Steps of a loop one after another. */
  protected steps(s: Loop, from: string, to: string, increment: string): void {
    const index = this.values.value(s.id).name
    this.lines.open(`for (var ${index}: i32 = ${from}; ${index} < ${to}; ${increment}) {`)
    this.block(s.body)
    this.lines.close("}")
  }

  private isLongSum(acc: number, op: string): boolean {
    return op === "add" && this.values.value(acc).type === "real"
  }

  /** Sets elements, every `step`-th from `first` on, or as many vectors. */
  fill(s: Extract<Stmt, { kind: "fill" }>, first: string, length: string, step: string): void {
    const { buffer, at, value } = s
    const place = this.place(buffer)
    const index = this.fresh("j")
    if (place.kind === "vectors" && this.memory.fills.has(s)) {
      this.lines.open(
        `for (var ${index}: i32 = ${first} * 4; ${index} < ${length}; ${index} += ${step} * 4) {`,
      )
      const type = place.element === "f32" ? "real" : "int"
      const vector = vectorAt(place.name, `(${this.int(at)} + ${index})`)
      this.lines.add(`${vector} = vec4<${place.element}>(${wgslNumber(value, type)});`)
      return this.lines.close("}")
    }
    this.lines.open(`for (var ${index}: i32 = ${first}; ${index} < ${length}; ${index} += ${step}) {`)
    const element = `(${this.int(at)} + ${index})`
    this.lines.add(this.values.store(place, element, { kind: "number", value }, "int"))
    this.lines.close("}")
  }

  /** Places of keys by counting those that come before: every `step`-th key from `first` on. */
  sort(s: Extract<Stmt, { kind: "sort" }>, first: string, step: string): void {
    const { lines, values } = this
    const [keys, index] = [this.place(s.keys), this.place(s.index)]
    const [i, j, rank, key, other] = ["own", "j", "rank", "key", "other"].map((name) => this.fresh(name))
    const length = this.int(s.length)
    const at = (k: string): string =>
      `sortable(${values.load(keys, `(${this.int(s.keysAt)} + ${k} * ${this.int(s.stride)})`, "real")})`
    values.uses.add("sortable")
    lines.open(`for (var ${i}: i32 = ${first}; ${i} < ${length}; ${i} += ${step}) {`)
    lines.add(`let ${key} = ${at(i!)};`, `var ${rank}: i32 = 0;`)
    lines.open(`for (var ${j}: i32 = 0; ${j} < ${length}; ${j}++) {`)
    lines.add(`let ${other} = ${at(j!)};`)
    lines.add(`if (${other} < ${key} || (${other} == ${key} && ${j} < ${i})) { ${rank}++; }`)
    lines.close("}")
    lines.add(values.write(index, `(${this.int(s.indexAt)} + ${rank})`, i!))
    lines.close("}")
  }
}

/** Whether a loop is known to have no more steps than a block. */
function isShort({ from, to }: Loop): boolean {
  return from.kind === "number" && to.kind === "number" && to.value - from.value <= BLOCK
}
